"""Is our authenticator asked at all, and does none refuse what is meant for the next one."""

from __future__ import annotations

from typing import Any, Final

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from apikeys import dialects, endpoints
from apikeys.authentication import AccessTokenAuthentication, LeavesAccessTokens
from apikeys.checks import bypasses
from apikeys.checks.types import Apps
from apikeys.credentials.carriers import Bearer
from apikeys.drf.functions import name_of
from apikeys.endpoints import TokenEndpoint

_UNASKED: Final = (
    "Put APIView first among the bases, or @access_token_required around a view of another "
    "framework; see docs/faces.md."
)
_BEHIND: Final = "Set leaves_foreign_bearer = True on a subclass of the first; see docs/drf.md."
_BEFORE: Final = "Put LeavesAccessTokens before the class of the first; see docs/drf.md."


@register(Tags.security)
def check_authenticators(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Ours is asked, and none refuses what is meant for the one that comes after it."""
    found: dict[str, CheckMessage] = {}
    try:
        for cls, route in endpoints.drf_classes():
            for message in _unasked(cls, route):
                found.setdefault(message.msg, message)
        for endpoint in endpoints.token_endpoints():
            if endpoint.view is not None:
                for message in _hidden(endpoint):
                    found.setdefault(message.msg, message)
    except (ImproperlyConfigured, ValueError):
        return []  # others tell
    return list(found.values())


def _unasked(view: type, route: str) -> list[CheckMessage]:
    """Name a view where a method of another framework answers: nobody asks for a key there."""
    for name in bypasses.METHODS:
        if (other := bypasses.foreign(view, name)) is not None:
            text = (
                f"{name_of(view)} (/{route}) answers without a key: {name} is that of "
                f"{other.__qualname__}."
            )
            return [Error(text, _UNASKED, id="apikeys.E024")]
    return []


def _hidden(endpoint: TokenEndpoint) -> list[CheckMessage]:
    authenticators = endpoint.view.get_authenticators()
    at = next(i for i, a in enumerate(authenticators) if isinstance(a, AccessTokenAuthentication))
    ours = authenticators[at]
    if not any(isinstance(each, Bearer) for each in dialects.get(endpoint.dialect).carriers):
        return []
    name = endpoint.name
    found: list[CheckMessage] = []
    for place, other in enumerate(authenticators):
        if isinstance(other, AccessTokenAuthentication) or not _reads_bearer(other):
            continue
        if place > at and not ours.leaves_foreign_bearer:
            text = f"{name}: {_name(ours)} refuses what comes as Bearer for {_name(other)}."
            found.append(Warning(text, _BEHIND, id="apikeys.W028"))
        if place < at and not isinstance(other, LeavesAccessTokens):
            text = f"{name}: {_name(other)} comes first, and may refuse keys that come as Bearer."
            found.append(Warning(text, _BEFORE, id="apikeys.W028"))
    return found


def _reads_bearer(other: Any) -> bool:
    """Whether an authenticator's challenge asks for Bearer."""
    try:
        challenge = other.authenticate_header(HttpRequest())
    except Exception:  # a host's own, which may want more of a request
        return False
    return str(challenge or "").lower().startswith("bearer")


def _name(authenticator: Any) -> str:
    return type(authenticator).__name__
