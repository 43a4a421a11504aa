"""Headers of every page, whichever app it comes from."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from dashboard.pages import PAGE_HEADERS


class PageHeadersMiddleware:
    """Give HTML the dashboard's headers; a view that has set one keeps its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            # Django's own pages of a fault under DEBUG are inline throughout.
            if settings.DEBUG and response.status_code in (404, 500):
                return response
            for name, value in PAGE_HEADERS.items():
                response.headers.setdefault(name, value)
        return response
