"""What pages answer while the database, or what else they need, is gone."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apikeys.exceptions import is_outage, log_outage
from project.demo.errors import unavailable


class OutageMiddleware:
    """Answer 503 and log a line where a view met a part that is down: it is no fault of the code.

    Views of tokens have their answer from ``AccessTokenMiddleware``, which stands further in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer an outage, and leave the rest to Django."""
        if not is_outage(exception):
            return None
        log_outage(exception)
        return unavailable(request)
