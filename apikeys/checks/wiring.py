"""Is the library put where a project has to put it: middleware, exception handler, URLs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.urls import NoReverseMatch, reverse

from apikeys.checks.types import Apps

MIDDLEWARE = "apikeys.middleware.AccessTokenMiddleware"
HANDLER = "apikeys.exceptions.exception_handler"


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
