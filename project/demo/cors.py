"""Which browser pages may read an API's answers: django-cors-headers, fed from the dialects.

A dialect without first-party origins is not for browsers and gets no CORS headers. One with them
gets the headers for those, and for every other origin only where it does not refuse foreign ones.
Credentials, such as cookies, are never allowed.
"""

from __future__ import annotations

from corsheaders.middleware import ACCESS_CONTROL_ALLOW_HEADERS, CorsMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apikeys.dialects import Dialect, Header
from project.demo.systems import dialect_at


class DialectCorsMiddleware(CorsMiddleware):
    """Answers preflights before any view, so they need no key and spend nothing."""

    def is_enabled(self, request: HttpRequest) -> bool:
        """Whether the API at this path is for browsers."""
        return _dialect(request) is not None

    def check_signal(self, request: HttpRequest) -> bool:
        """Whether pages of the request's origin may read the answer."""
        dialect = _dialect(request)
        origin = request.headers.get("origin", "")
        if dialect is None or origin == "null":
            return False
        return dialect.foreign_origins == "allow" or origin in dialect.first_party_origins

    def add_response_headers(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Add the headers; those a request may carry are the dialect's own."""
        super().add_response_headers(request, response)
        dialect = _dialect(request)
        if dialect is not None and response.has_header(ACCESS_CONTROL_ALLOW_HEADERS):
            own = [c.name.lower() for c in dialect.carriers if isinstance(c, Header)]
            response.headers[ACCESS_CONTROL_ALLOW_HEADERS] = ", ".join([*own, "content-type"])
        return response


def _dialect(request: HttpRequest) -> Dialect | None:
    dialect = dialect_at(request.path_info)
    return dialect if dialect is not None and dialect.first_party_origins else None
