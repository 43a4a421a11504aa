"""Does every view that takes keys say what it asks of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from apikeys import dialects, endpoints, permissions
from apikeys.checks.types import Apps
from apikeys.limits import Limit
from apikeys.scopes import AnyOf
from apikeys.throttling import AccessTokenThrottle


@register(Tags.security)
def check_views(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Every view with our authentication says which scopes it needs."""
    found: list[CheckMessage] = []
    try:
        dialects.all_dialects()
    except (ImproperlyConfigured, ValueError):
        return found  # check_settings tells
    for view, route, method in endpoints.token_views():
        name = f"{type(view).__module__}.{type(view).__qualname__} ({method} /{route})"
        try:
            spoken = endpoints.dialects_of(view)
            known = frozenset().union(*(dialect.available_scopes for dialect in spoken))
            requirement = permissions.declaration(view, method)
        except permissions.Undeclared as verdict:
            hint = "Add HasScope and scope_resource or required_scopes, or scopes_not_needed."
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
        found += _check_anonymous(view, method, name)
    return found


def _check_anonymous(view: Any, method: str, name: str) -> list[CheckMessage]:
    try:
        access = permissions.anonymous_access(view, method)
    except ImproperlyConfigured as error:
        return [Error(f"{name}: {error}", id="apikeys.E023")]
    limits: Sequence[Limit] = getattr(view, "limits", None) or ()
    throttled = any(isinstance(t, AccessTokenThrottle) for t in view.get_throttles())
    if access is None or (throttled and any(limit.per == "address" for limit in limits)):
        return []
    text = f"{name} answers without a key, and nothing limits how often."
    hint = 'Add AccessTokenThrottle and Limit("…", per="address", on="anonymous").'
    return [Warning(text, hint, id="apikeys.W024")]
