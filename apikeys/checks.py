"""What ``manage.py check`` says about the set-up: settings, wiring, views without scopes.

Each message says what to write. Reads views and settings; changes nothing.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections, router
from django.urls import NoReverseMatch, reverse
from limits.errors import ConfigurationError

from apikeys import conf, credentials, declarations, dialects, permissions
from apikeys.limits import Limit, limiter
from apikeys.models import AccessToken
from apikeys.scopes import AnyOf
from apikeys.throttling import AccessTokenThrottle

MIDDLEWARE = "apikeys.middleware.AccessTokenMiddleware"
HANDLER = "apikeys.exceptions.exception_handler"

Apps = Sequence[AppConfig] | None


@register(Tags.security)
def check_settings(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """``APIKEYS`` can be read, every dialect loads, and limits can be counted."""
    try:
        current = conf.get()
        hasher = current.token_hasher
        dialects.all_dialects()
        for name, rate in current.limits.items():
            Limit(rate, name=name)
        limiter(current.limits_storage)
    except (ImproperlyConfigured, ConfigurationError, ValueError) as error:
        return [Error(str(error), id="apikeys.E001")]
    found: list[CheckMessage] = []
    if hasher == "argon2" and importlib.util.find_spec("argon2") is None:
        hint = "pip install argon2-cffi"
        found.append(Error("TOKEN_HASHER is argon2 without argon2-cffi.", hint, id="apikeys.E002"))
    if current.prepare and _uses_postgresql() and importlib.util.find_spec("psycopg") is None:
        found.append(Error("PREPARE needs psycopg 3.", "pip install psycopg", id="apikeys.E004"))
    if not settings.USE_TZ:
        found.append(Error("USE_TZ must be True: expiry is a moment.", id="apikeys.E003"))
    return found


def _uses_postgresql() -> bool:
    return connections[router.db_for_write(AccessToken)].vendor == "postgresql"


@register(Tags.security)
def check_wiring(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Middleware, exception handler and URLs are in their places."""
    found: list[CheckMessage] = []
    if MIDDLEWARE not in settings.MIDDLEWARE:
        hint = f'Add "{MIDDLEWARE}" after Django\'s AuthenticationMiddleware.'
        found.append(Error("Usage and limit headers need a middleware.", hint, id="apikeys.E010"))
    configured = getattr(settings, "REST_FRAMEWORK", {}).get("EXCEPTION_HANDLER")
    if configured != HANDLER:
        hint = f'REST_FRAMEWORK = {{"EXCEPTION_HANDLER": "{HANDLER}"}}'
        found.append(
            Error("Refusals need the library's exception handler.", hint, id="apikeys.E011")
        )
    try:
        reverse("apikeys:token-self")
    except NoReverseMatch:
        hint = 'path("access/", include("apikeys.api.urls"))'
        found.append(Warning("The management API is in no URLconf.", hint, id="apikeys.W012"))
    return found


@register(Tags.security)
def check_views(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Every view with our authentication says which scopes it needs."""
    found: list[CheckMessage] = []
    try:
        dialects.all_dialects()
    except (ImproperlyConfigured, ValueError):
        return found  # check_settings tells
    for view, route, method in declarations.token_views():
        name = f"{type(view).__module__}.{type(view).__qualname__} ({method} /{route})"
        try:
            spoken = declarations.dialects_of(view)
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


@register(Tags.security, deploy=True)
def check_deployment(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """What is fine on a laptop and not in production."""
    try:
        current = conf.get()
    except ImproperlyConfigured:
        return []
    found: list[CheckMessage] = []
    if not current.peppers:
        hint = 'APIKEYS["PEPPERS"] = {1: "<32 random characters or more>"}'
        found.append(Warning("Digests have no pepper.", hint, id="apikeys.W030"))
    if current.limits_storage.startswith("memory"):
        hint = 'APIKEYS["LIMITS_STORAGE"] = "redis://…" counts across processes.'
        found.append(Warning("Limits are counted per process.", hint, id="apikeys.W031"))
    if not current.require_https:
        text = "Keys are accepted over plain HTTP."
        found.append(Warning(text, 'Leave out APIKEYS["REQUIRE_HTTPS"].', id="apikeys.W032"))
    return found


@register(Tags.database)
def check_peppers(
    app_configs: Apps, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Every pepper that a live token's digest needs is configured."""
    using = router.db_for_write(AccessToken)
    if using not in (databases or ()):
        return []
    try:
        if AccessToken._meta.db_table not in connections[using].introspection.table_names():
            return []
        known = conf.get().peppers
        stored = AccessToken.objects.live().values_list("digest", flat=True)
        signed = stored.filter(digest__startswith="hmac-sha256$")
        for version in known:
            signed = signed.exclude(digest__startswith=f"hmac-sha256${version}$")
        first = signed.first()
    except (DatabaseError, ImproperlyConfigured):
        return []
    if first is None:
        return []
    missing = credentials.pepper_version(first)
    text = f"Live tokens need pepper {missing}, which APIKEYS['PEPPERS'] does not have."
    hint = "Put it back: without it these tokens are refused."
    return [Error(text, hint, id="apikeys.E040")]


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
