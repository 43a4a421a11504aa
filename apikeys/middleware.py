"""Before the view: whether a trusted proxy has ended TLS. After it: usage, last use, headers for
limits and caches, one log line for a refusal.

The latter looks only at what the authenticator left on the request, and never breaks a response.
"""

from __future__ import annotations

import logging
from asyncio import CancelledError
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseBase

from apikeys import conf, networks, pasted
from apikeys.access import state as states
from apikeys.access.caching import is_told, mark
from apikeys.access.finishing import ABANDONED, finish, waits
from apikeys.drf.caching import seal_view, spoken_at
from apikeys.exceptions import unavailable
from apikeys.logs import printable

logger = logging.getLogger("apikeys.requests")


class TrustedProxyMiddleware:
    """Put it first: lets Django itself know of TLS that a trusted proxy has ended.

    From then on ``request.scheme``, ``request.is_secure()`` and the addresses of
    ``build_absolute_uri`` are those of the client's connection, as ``networks.is_secure`` reads
    them: ``X-Forwarded-Proto`` counts from ``TRUSTED_PROXIES`` alone, where Django's own
    ``SECURE_PROXY_SSL_HEADER`` believes it from anybody. ``REMOTE_ADDR`` stays the proxy's:
    ``networks.address_of`` returns the client's.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        proxies = conf.get().trusted_proxies
        # The server's own word, as for keys: never that of SECURE_PROXY_SSL_HEADER.
        scheme = request._get_scheme() or "http"  # type: ignore[attr-defined]
        if proxies and scheme != "https" and networks.is_secure(request.META, scheme, proxies):
            _say_https(request)
        return self.get_response(request)


class AccessTokenMiddleware:
    """Put it after ``django.contrib.auth.middleware.AuthenticationMiddleware``.

    Under ASGI it stays on the event loop, and takes a thread only where Redis must be asked how
    the limits of a refused request stand.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        # Asked once: it costs a request microseconds.
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
            # Django takes a thread for each that is no coroutine, at every request of the site.
            vars(self).update(process_view=self._aprocess_view)

    def __call__(self, request: HttpRequest) -> Any:
        if self._is_async:
            return self._acall(request)
        return _finish(request, self.get_response(request))

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        try:
            response: HttpResponseBase = await self.get_response(request)
        except CancelledError:
            _count_abandoned(request)
            raise
        state = states.of(request)
        if state is not None and waits(state):
            return await sync_to_async(_finish)(request, response)
        return _finish(request, response)

    def process_view(self, request: HttpRequest, callback: Any, args: Any, kwargs: Any) -> None:
        """See to it that the view speaks to caches where another authenticator comes first."""
        seal_view(callback)

    async def _aprocess_view(self, *request_and_view: Any) -> None:
        type(self).process_view(self, *request_and_view)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        """Answer 503 in the dialect's words where the database failed around the view."""
        return unavailable(request, exception)


def _say_https(request: HttpRequest) -> None:
    """Put the scheme where Django reads the server's: below every header."""
    if isinstance(request, ASGIRequest):
        request.scope = {**request.scope, "scheme": "https"}  # the server's own stays as it is
    else:
        request.META["wsgi.url_scheme"] = "https"


def _count_abandoned(request: HttpRequest) -> None:
    """Count a request whose client went away while the view ran: no answer will come."""
    state = states.of(request)
    try:
        if state is not None and not waits(state):
            finish(state, ABANDONED)
    except Exception:
        _log_fault("after a client left", request)


def _finish(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    state = states.of(request)
    _mark(request, state, response)
    if state is None:
        return response
    try:
        for name, value in finish(state, response.status_code).items():
            response.headers[name] = value
    except Exception:
        _log_fault("after a request to", request)
    return response


def _mark(request: HttpRequest, state: states.Access | None, response: HttpResponseBase) -> None:
    """Tell caches what the view itself could not: that of Django's errors, and without DRF."""
    if state is not None and is_told(state, response):
        return  # the view's own answer
    try:
        spoken = spoken_at(request)
        if state is not None:
            spoken = spoken or [state.dialect]
            mark(response, spoken, carried=state.carried, by_page=state.by_page)
        elif spoken:
            # Another authenticator came first, so nobody has looked for a key.
            carried = any(key in request.META for d in spoken for key in d.carriers_by_header)
            mark(response, spoken, carried=carried)
    except Exception:
        _log_fault("marking the answer to a request to", request)


def _log_fault(when: str, request: HttpRequest) -> None:
    logger.exception("%s %s", when, printable(pasted.without_secrets(request.path)))
