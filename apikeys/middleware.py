"""After the response: usage, last use, headers for limits and caches, one log line for a refusal.

Looks only at what the authenticator left on the request, and never breaks a response.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponseBase

from apikeys import networks, pasted, throttling
from apikeys.access import state as states
from apikeys.activity import usage
from apikeys.drf import caching
from apikeys.exceptions import unavailable
from apikeys.logs import printable
from apikeys.models.activity import Outcome
from apikeys.refusals import Reason, Refusal

logger = logging.getLogger("apikeys.requests")


class AccessTokenMiddleware:
    """Put it after ``django.contrib.auth.middleware.AuthenticationMiddleware``.

    Under ASGI it stays on the event loop, and takes a thread for requests to views that take keys
    alone: these may ask Redis for a limit, and count in the schema of their connection.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)
            # Django takes a thread for each that is no coroutine, at every request of the site.
            vars(self).update(
                process_view=self._aprocess_view,
                process_template_response=self._aprocess_template_response,
            )

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self):
            return self._acall(request)
        return _finish(request, self.get_response(request))

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await self.get_response(request)
        if states.of(request) is None:
            return _finish(request, response)
        return await sync_to_async(_finish)(request, response)

    def process_view(self, request: HttpRequest, callback: Any, args: Any, kwargs: Any) -> None:
        """See to it that the view speaks to caches where another authenticator comes first."""
        caching.seal_view(callback)

    def process_template_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Mark an answer for which no authenticator of ours was asked before it is stored."""
        if states.of(request) is None:
            _mark(request, None, response)
        return response

    async def _aprocess_view(self, *request_and_view: Any) -> None:
        type(self).process_view(self, *request_and_view)

    async def _aprocess_template_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        return type(self).process_template_response(self, request, response)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        """Answer 503 in the dialect's words where the database failed around the view."""
        return unavailable(request, exception)


def _finish(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    state = states.of(request)
    _mark(request, state, response)
    try:
        if state is not None:
            _note_missing(state, response.status_code)
            _count(request, state, response.status_code)
            _add_limit_headers(request, state, response)
    except Exception:
        _log_fault("after a request to", request)
    return response


def _mark(
    request: HttpRequest, state: states.RequestState | None, response: HttpResponseBase
) -> None:
    """Tell caches what the view itself could not: that of Django's errors, and without DRF."""
    finished = state.vary if state is not None else ""
    if finished and response.headers.get("Vary", "").startswith(finished):
        return  # the view's own answer, to whose names others may have added
    try:
        spoken = caching.spoken_at(request)
        if state is not None:
            spoken = spoken or [state.dialect]
            caching.mark(response, spoken, carried=state.carried, by_page=state.by_page)
        elif spoken:
            # Another authenticator came first, so nobody has looked for a key.
            carried = any(key in request.META for d in spoken for key in d.carriers_by_header)
            caching.mark(response, spoken, carried=carried)
    except Exception:
        _log_fault("marking the answer to a request to", request)


def _log_fault(when: str, request: HttpRequest) -> None:
    logger.exception("%s %s", when, printable(pasted.without_secrets(request.path)))


def _note_missing(state: states.RequestState, status: int) -> None:
    if status == 401 and state.refusal is None and state.token is None:
        state.refusal = Refusal(Reason.MISSING)


def _count(request: HttpRequest, state: states.RequestState, status: int) -> None:
    refusal = state.refusal
    if refusal is not None:
        bucket = networks.address_bucket(state.address)
        name = state.dialect.name
        usage.refuse(refusal.reason, dialect=name, address=bucket, token_id=refusal.token_id)
        logger.warning(
            "refused status=%d reason=%s dialect=%s token_id=%s address=%s method=%s path=%s",
            status,
            refusal.reason.value,
            name,
            refusal.token_id or "-",
            state.address or "unknown",
            printable(request.method or ""),
            printable(pasted.without_secrets(request.path)),
            extra={"kind": f"refused {refusal.reason.value}"},
        )
    pk = state.token.pk if state.token else refusal.token_pk if refusal else None
    if pk is not None:
        usage.record(
            pk,
            _outcome(refusal, status),
            address=state.address,
            agent=request.META.get("HTTP_USER_AGENT", ""),
            previous=state.token is not None and state.token.used_previous_secret,
            used=state.token is not None,
        )


def _outcome(refusal: Refusal | None, status: int) -> str:
    if refusal is not None:
        limited = refusal.reason is Reason.RATE_LIMITED
        return Outcome.LIMITED.value if limited else Outcome.REFUSED.value
    if status >= 500:
        return Outcome.SERVER_ERROR.value
    return Outcome.CLIENT_ERROR.value if status >= 400 else Outcome.SUCCESS.value


def _add_limit_headers(
    request: HttpRequest, state: states.RequestState, response: HttpResponseBase
) -> None:
    windows = state.windows or throttling.peek(request, state)
    if windows:
        for name, value in state.dialect.limit_headers(windows).items():
            response.headers[name] = value
