"""Errors that come from no view, such as an unknown path, in the words of the path's system.

Where no system answers, the page for people is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults

from apikeys.dialects import Problem
from apikeys.exceptions import RETRY_WHEN_UNAVAILABLE, respond_outside
from project.demo.systems import dialect_at

Page = Callable[..., HttpResponse]


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400."""
    problem = Problem(status=400, code="request.invalid", detail="The request can't be understood.")
    return _answer(request, problem, defaults.bad_request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403."""
    problem = Problem(status=403, code="permission.denied", detail="You may not do this.")
    return _answer(request, problem, defaults.permission_denied, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404."""
    problem = Problem(
        status=404, code="not_found", detail="There is nothing here that you can see."
    )
    return _answer(request, problem, defaults.page_not_found, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500."""
    problem = Problem(status=500, code="server.error", detail="Something went wrong on our side.")
    return _answer(request, problem, defaults.server_error)


def unavailable(request: HttpRequest) -> HttpResponse:
    """Answer 503."""
    problem = Problem(
        status=503,
        code="service.unavailable",
        detail="Try again in a moment.",
        extra={"retry_after": RETRY_WHEN_UNAVAILABLE},
    )
    response = _answer(request, problem, _unavailable_page)
    response.headers["Retry-After"] = str(RETRY_WHEN_UNAVAILABLE)
    return response


def _unavailable_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(render_to_string("503.html"), status=503)


def _answer(request: HttpRequest, problem: Problem, page: Page, *args: Any) -> HttpResponse:
    dialect = dialect_at(request.path_info)
    if dialect is None:
        return page(request, *args)
    return respond_outside(problem, dialect, request)
