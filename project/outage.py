"""What pages answer while the database is gone."""

from __future__ import annotations

from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from apikeys.exceptions import log_outage
from project.demo.errors import unavailable


class DatabaseOutageMiddleware:
    """Answer 503 and log a line where the view met a database that fails: it is no fault of ours.

    Views of tokens have their answer from ``AccessTokenMiddleware``, which stands further in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer those two kinds of errors, and leave the rest to Django."""
        if not isinstance(exception, (OperationalError, InterfaceError)):
            return None
        log_outage(exception)
        return unavailable(request)
