"""Is the library put where a project has to put it: middleware, exception handler."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.http import HttpRequest
from django.utils.module_loading import import_string

from apikeys.authentication import AccessTokenAuthentication
from apikeys.checks.types import Apps
from apikeys.exceptions import Refused
from apikeys.middleware import AccessTokenMiddleware
from apikeys.refusals import Reason, Refusal

MIDDLEWARE = "apikeys.middleware.AccessTokenMiddleware"
HANDLER = "apikeys.exceptions.exception_handler"
_DRFS: Final = "rest_framework.views.exception_handler"


@register(Tags.security)
def check_wiring(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Middleware and exception handler are in their places."""
    found: list[CheckMessage] = []
    if not has_middleware(AccessTokenMiddleware):
        hint = f'Add "{MIDDLEWARE}" after Django\'s AuthenticationMiddleware.'
        found.append(Error("Usage and limit headers need a middleware.", hint, id="apikeys.E010"))
    found += _check_handler(getattr(settings, "REST_FRAMEWORK", {}).get("EXCEPTION_HANDLER"))
    return found


def has_middleware(wanted: type) -> bool:
    """Whether the setting ``MIDDLEWARE`` names this class, or one that is made of it."""
    return any(_is(wanted, path) for path in settings.MIDDLEWARE)


def _is(wanted: type, path: str) -> bool:
    try:
        named = import_string(path)
    except ImportError:
        return False  # Django tells
    return isinstance(named, type) and issubclass(named, wanted)


def _check_handler(configured: Any) -> list[CheckMessage]:
    hint = f'REST_FRAMEWORK = {{"EXCEPTION_HANDLER": "{HANDLER}"}}'
    if configured == HANDLER:
        return []
    if configured in (None, _DRFS):
        text = "Refusals need the library's exception handler."
        return [Error(text, hint, id="apikeys.E011")]
    try:
        handler = import_string(configured) if isinstance(configured, str) else configured
    except ImportError as error:
        return [Error(f"The exception handler can't be used: {error}", hint, id="apikeys.E013")]
    return _try(handler, configured)


def _try(handler: Any, name: Any) -> list[CheckMessage]:
    """Try a handler on a refused key: it need not know us, and has to answer with the status."""
    hint = f"For an exception that it does not know, let it return {HANDLER}(exc, context)."
    try:
        response = _answer_of(handler)
        status = getattr(response, "status_code", None)
    except Exception as fault:  # it is a host's own, and what it is given here is no real request
        text = f"{name} fails where a key is refused: {fault!r}"
        return [Warning(text, hint, id="apikeys.W016")]
    if response is None:
        text = f"{name} does not answer where a key is refused, so the caller would get a 500."
        return [Error(text, hint, id="apikeys.E014")]
    if status != 401:
        text = f"{name} answers {status} where a key is refused, and clients rely on 401."
        return [Warning(text, hint, id="apikeys.W015")]
    return []


def _answer_of(handler: Any) -> Any:
    """Return what a handler makes of a refused key on a view of ours."""
    from rest_framework.request import Request
    from rest_framework.views import APIView  # imports what the settings name

    class Tried(APIView):
        authentication_classes = (AccessTokenAuthentication,)

    http = HttpRequest()
    http.method, http.path = "GET", "/"
    http.META.update(SERVER_NAME="localhost", SERVER_PORT="443", REMOTE_ADDR="127.0.0.1")
    view = Tried()
    view.args, view.kwargs, view.format_kwarg = (), {}, None
    view.request = Request(http, authenticators=view.get_authenticators())
    context = {"view": view, "args": (), "kwargs": {}, "request": view.request}
    return handler(Refused(Refusal(Reason.UNKNOWN), "ApiKey"), context)
