"""Does every endpoint that takes keys say what it asks of them."""

from __future__ import annotations

from typing import Any, Final

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from apikeys import dialects, endpoints, urlconfs
from apikeys.access import Undeclared
from apikeys.access.endpoint import Unforeseen
from apikeys.checks.types import Apps
from apikeys.endpoints import TokenEndpoint
from apikeys.permissions import HasScope
from apikeys.scopes import AnyOf

_WHAT_TO_SAY: Final = "Add HasScope and scope_resource or required_scopes, or scopes_not_needed."
_OF_PACKAGES: Final = ("rest_framework.", "drf_spectacular.")


@register(Tags.security)
def check_views(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Every endpoint that takes keys says which scopes it needs."""
    found: list[CheckMessage] = []
    try:
        dialects.all_dialects()
        unreadable = urlconfs.unreadable()
    except (ImproperlyConfigured, ValueError):
        return found  # check_settings tells
    if unreadable:
        return found  # check_urlconfs tells
    for endpoint in endpoints.token_endpoints(unopened=True):
        name = f"{endpoint.name} ({endpoint.method} /{endpoint.route})"
        if not endpoint.is_opened:
            found += _check_forgotten(endpoint, name)
            continue
        try:
            known = frozenset().union(*(each.available_scopes for each in endpoint.dialects()))
            requirement = endpoint.asked.scopes_for(endpoint.method)
        except Unforeseen:
            continue
        except Undeclared as verdict:
            hint = verdict.hint or _WHAT_TO_SAY
            found.append(Error(f"{name} accepts no token: {verdict}.", hint, id="apikeys.E020"))
            continue
        except ImproperlyConfigured as error:
            hint = "Name it in APIKEYS['DIALECTS']."
            found.append(Error(f"{name} has no dialect: {error}", hint, id="apikeys.E022"))
            continue
        names = requirement.names if isinstance(requirement, AnyOf) else requirement or ()
        if unknown := sorted(set(names) - known):
            text = f"{name} needs {', '.join(unknown)}, which no token of its dialect can hold."
            found.append(Warning(text, "Add it to the dialect's scopes.", id="apikeys.W021"))
        found += _check_anonymous(endpoint, name)
        if endpoint.asked.limits and not endpoint.is_limited:
            text = f"{name} declares limits, and nothing counts them."
            hint = "Add AccessTokenThrottle to its throttle_classes."
            found.append(Error(text, hint, id="apikeys.E027"))
        if not endpoint.is_worded:
            text = f"{name} refuses in words that are not those of its dialect."
            hint = "Call apikeys.ninja.install(api) on the NinjaAPI."
            found.append(Warning(text, hint, id="apikeys.W025"))
    return found


def _check_forgotten(endpoint: TokenEndpoint, name: str) -> list[CheckMessage]:
    """Name a view of the project's own that has our classes by default and says no scopes.

    Where it has not even HasScope, nobody has meant it for keys.
    """
    # Of packages, and such as the root of a router: nobody can write anything on those.
    if endpoint.name.startswith(_OF_PACKAGES):
        return []
    if not any(isinstance(each, HasScope) for each in endpoint.view.get_permissions()):
        return []
    text = f"{name} has HasScope by default, and accepts no token: it declares no scope."
    return [Warning(text, _WHAT_TO_SAY, id="apikeys.W026")]


def _check_anonymous(endpoint: TokenEndpoint, name: str) -> list[CheckMessage]:
    try:
        whom = endpoint.asked.anonymous_for(endpoint.method)
    except ImproperlyConfigured as error:
        return [Error(f"{name}: {error}", id="apikeys.E023")]
    by_address = any(limit.per == "address" for limit in endpoint.asked.limits)
    if whom is None or (endpoint.is_limited and by_address):
        return []
    text = f"{name} answers without a key, and nothing limits how often."
    hint = 'Add Limit("…", per="address", on="anonymous"), to a DRF view AccessTokenThrottle too.'
    return [Warning(text, hint, id="apikeys.W024")]
