"""What holds for every page, whichever app it comes from: its headers, and HTTPS."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect

from dashboard.pages import PAGE_HEADERS

_FOR_PEOPLE: Final = re.compile(r"/(?:$|accounts/|admin/|dashboard/|tools/)")


class PagesOverHTTPSMiddleware:
    """Lead pages to HTTPS, where ``SECURE_SSL_REDIRECT`` is on.

    Pages alone: a program would send its key in the clear again, unnoticed. Goes by the path below
    the prefix that a server puts before it, which Django's own exemptions can't.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            settings.SECURE_SSL_REDIRECT
            and not request.is_secure()
            and _FOR_PEOPLE.match(request.path_info)
        ):
            host: Any = settings.SECURE_SSL_HOST or request.get_host()
            return HttpResponsePermanentRedirect(f"https://{host}{request.get_full_path()}")
        return self.get_response(request)


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
