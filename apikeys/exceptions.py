"""Refusals and service errors as HTTP answers, in the words of the view's dialect.

``exception_handler`` goes into ``REST_FRAMEWORK["EXCEPTION_HANDLER"]``. It renders every error of
a view whose first authenticator is ours and leaves the rest to DRF.

DRF imports what a project's settings name while it imports its own views; so nothing here, nor in
any module that such a setting can lead to, imports those views before they are needed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.signals import got_request_exception
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from rest_framework import exceptions as drf
from rest_framework.renderers import JSONRenderer
from rest_framework.request import ForcedAuthentication
from rest_framework.response import Response

from apikeys import pasted
from apikeys.access import state as states
from apikeys.access.outages import is_outage, log_outage
from apikeys.access.problems import (
    RETRY_WHEN_UNAVAILABLE,
    headers_of,
    make_sendable,
    not_found,
    problem_of,
)
from apikeys.access.problems import problem as make_problem
from apikeys.dialects import JSON, Dialect, Problem
from apikeys.drf import caching, callbacks
from apikeys.drf.words import in_our_language
from apikeys.logs import printable
from apikeys.refusals import Reason, Refusal, retry_sentence

__all__ = [
    "RETRY_WHEN_UNAVAILABLE",
    "InsufficientCredits",
    "Refused",
    "dialect_of",
    "exception_handler",
    "is_outage",
    "log_outage",
    "problem_for",
    "respond",
    "respond_outside",
    "retry_sentence",
    "unavailable",
]

logger = logging.getLogger("apikeys.requests")


class Refused(drf.APIException):
    """A request was refused for one of the listed reasons.

    ``auth_header`` and ``wait`` are what DRF's own handler, and those that take after it, make
    ``WWW-Authenticate`` and ``Retry-After`` of.

    Args:
        refusal: the true reason; what is told follows from it.
        challenge: the value of ``WWW-Authenticate`` of a 401.
    """

    def __init__(self, refusal: Refusal, challenge: str = "") -> None:
        self.refusal = refusal
        self.face = refusal.face
        self.status_code = self.face.status
        self.extra = refusal.extra
        self.auth_header = challenge if self.status_code == 401 else ""
        self.wait: int | None = refusal.extra.get("retry_after")
        super().__init__(str(refusal.detail), self.face.code)


class InsufficientCredits(drf.APIException):
    """The organization can't pay for this request (HTTP 402)."""

    status_code = 402
    default_code = "entitlements.insufficient_credits"

    def __init__(self, *, required: int, available: int) -> None:
        self.extra = {"required": required, "available": available}
        super().__init__(
            _("Insufficient credits. Required: %(required)d, Available: %(available)d") % self.extra
        )


def dialect_of(context: Mapping[str, Any]) -> Dialect | None:
    """Return the dialect of the view, None when its first authenticator is not ours."""
    authenticators = getattr(context.get("request"), "authenticators", None)
    if authenticators and isinstance(authenticators[0], ForcedAuthentication):
        authenticators = context["view"].get_authenticators()  # a test has replaced the view's own
    return callbacks.first_spoken(authenticators)


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception of a DRF view.

    Returns:
        The response; None for a fault of the code under ``DEBUG``, so that Django shows it.
    """
    from rest_framework import views  # imports what the settings name, and that may be ours

    request = context.get("request")
    if callbacks.spoken_by(getattr(request, "authenticators", None)):
        caching.seal(type(context["view"]))  # some errors come before authentication
    http = getattr(request, "_request", None)
    state = None if http is None else states.of(http)
    if state is not None and state.refusal is None and isinstance(exc, Refused):
        state.refusal = exc.refusal
    dialect = dialect_of(context)
    if dialect is None:
        return views.exception_handler(exc, context)
    problem = problem_for(exc, dialect)
    if problem is None:
        if settings.DEBUG:
            return None
        problem = _fault(exc, context)
    views.set_rollback()
    return respond(problem, dialect, context["request"], exc)


def respond(problem: Problem, dialect: Dialect, request: Any, exc: Exception) -> Response:
    """Return the problem in the dialect's words, with the headers its status asks for."""
    make_sendable(problem)
    if isinstance(exc, drf.MethodNotAllowed):
        problem.allowed = tuple(request.parser_context["view"].allowed_methods)
    problem.asked_host = partial(_host, request._request)
    body, content_type = dialect.render(problem)
    response = Response(body, status=problem.status)
    renderer = getattr(request, "accepted_renderer", None)  # none before they were negotiated
    if getattr(renderer, "media_type", "") != "text/html":  # a page, such as the browsable API's
        if not _is_plain(renderer):
            # Whatever form was asked for (CSV, a spreadsheet, JSON in an envelope): these are the
            # dialect's words, which are JSON, and what is said of them must be true.
            request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSON
        response.content_type = content_type
    state = states.of(request._request)
    browser = state is not None and state.browser
    ours = isinstance(exc, _OURS) or not isinstance(exc, drf.APIException)
    for name, value in headers_of(problem, dialect, browser=browser, ours=ours).items():
        response.headers[name] = value
    return response


def _is_plain(renderer: Any) -> bool:
    """Whether a renderer writes JSON as it is, however spaced."""
    return getattr(type(renderer), "render", None) is JSONRenderer.render


def unavailable(request: HttpRequest, exc: Exception) -> JsonResponse | None:
    """Answer 503 where the database failed around a view of ours, outside DRF.

    ``ATOMIC_REQUESTS`` opens and commits the transaction there. None for everything else.
    """
    if not is_outage(exc):
        return None
    view = getattr(request.resolver_match, "func", None)
    dialect = callbacks.dialect_of(view, request.method or "")
    problem = problem_for(exc, dialect) if dialect is not None else None
    if dialect is None or problem is None:
        return None
    response = respond_outside(problem, dialect, request)
    response.headers["Retry-After"] = str(RETRY_WHEN_UNAVAILABLE)
    return response


def respond_outside(problem: Problem, dialect: Dialect, request: HttpRequest) -> JsonResponse:
    """Return the problem in the dialect's words where no view of DRF answers, such as on a 404.

    Args:
        problem: what is told.
        dialect: how the API speaks whose address was asked for.
        request: Django's.
    """
    problem.asked_host = partial(_host, request)
    body, content_type = dialect.render(problem)
    return JsonResponse(body, safe=False, status=problem.status, content_type=content_type)


def _host(request: HttpRequest) -> str:
    try:
        return request.get_host()
    except DisallowedHost:
        return ""


def problem_for(exc: Exception, dialect: Dialect) -> Problem | None:
    """Return the problem an exception stands for; None when it is a fault of the code."""
    match exc:
        case Refused():
            return make_problem(exc.face.status, exc.face.code, str(exc.detail), exc.extra)
        case drf.NotAuthenticated():
            return problem_of(Refusal(Reason.MISSING), dialect)
        case drf.Throttled():
            return _throttled(exc)
        case drf.ValidationError():
            return _invalid(_flatten(exc.detail), dialect.validation_status)
        case drf.NotFound():
            return not_found()
        case drf.APIException():
            return _api_exception(exc)
    return problem_of(exc, dialect)


_CODES = {
    400: "request.invalid",
    403: "permission.denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "request.too_large",
    415: "unsupported_media_type",
    429: "rate_limit.exceeded",
    503: "service.unavailable",
}


# The sentence is ours. What is invalid, a host's serializers say in the host's language.
_OURS = (Refused, InsufficientCredits, drf.NotAuthenticated, drf.NotFound, drf.Throttled)


def _api_exception(exc: drf.APIException) -> Problem:
    # DRF's own codes are not distinct enough; a host's exception names its own.
    drfs = type(exc).__module__ == drf.__name__
    code = _CODES.get(exc.status_code, exc.default_code) if drfs else exc.default_code
    detail: Any = exc.detail
    if isinstance(detail, Mapping):  # simplejwt says more than anybody reads
        detail = detail.get("detail", detail)
    if not isinstance(detail, str):
        detail = " ".join(_flatten(detail).values())
    elif drfs:
        detail = in_our_language(exc)
    return make_problem(exc.status_code, code, str(detail), getattr(exc, "extra", {}))


def _throttled(exc: drf.Throttled) -> Problem:
    seconds = max(1, int(getattr(exc, "wait", None) or 1))
    detail = f"{_('Too many requests.')} {retry_sentence(seconds)}"
    return make_problem(429, "rate_limit.exceeded", detail, {"retry_after": seconds})


def _invalid(fields: dict[str, str], status: int) -> Problem:
    detail = " ".join(f"{name}: {text}" if name else text for name, text in fields.items())
    named = {name: text for name, text in fields.items() if name}
    return make_problem(status, "request.invalid", detail, None, named)


def _flatten(detail: Any, path: str = "") -> dict[str, str]:
    if isinstance(detail, Mapping):
        found: dict[str, str] = {}
        for key, value in detail.items():
            name = "" if key == "non_field_errors" else str(key)
            found.update(_flatten(value, ".".join(p for p in (path, name) if p)))
        return found
    if isinstance(detail, (list, tuple)):
        if any(isinstance(item, Mapping) for item in detail):
            found = {}
            for index, item in enumerate(detail):
                found.update(_flatten(item, f"{path}.{index}" if path else str(index)))
            return found
        return {path: " ".join(str(item) for item in detail)}
    return {path: str(detail)}


def _fault(exc: Exception, context: Mapping[str, Any]) -> Problem:
    # Django's own handler never sees this exception, so its signal and its log line are sent here:
    # error reporters hang on them.
    request = context["request"]._request
    got_request_exception.send(sender=type(context.get("view")), request=request)
    path = printable(pasted.without_secrets(request.path))
    logger.error("fault in %s", path, exc_info=exc, extra={"request": request})
    return make_problem(500, "server.error", _("Something went wrong on our side."))
