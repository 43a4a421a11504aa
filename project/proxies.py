"""Which scheme a request came by, when a proxy in front of the server ends TLS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

from apikeys import conf
from apikeys.networks import is_secure

PROVEN_SCHEME: Final = "apikeys.proven_scheme"


class TrustedProxyMiddleware:
    """Believe `X-Forwarded-Proto` from `TRUSTED_PROXIES` alone.

    Django's `SECURE_PROXY_SSL_HEADER` would believe it from anybody. So the setting names a key
    that no client can send, and this middleware fills it. Must come first.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        proxies = conf.get().trusted_proxies
        if proxies and is_secure(request.META, request.scheme or "http", proxies):
            request.META[PROVEN_SCHEME] = "https"
        return self.get_response(request)
