"""Access tokens on Django's own views, ``def`` and ``async def``, without Django REST framework."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, Unpack, cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from apikeys import access
from apikeys.access import Access, Endpoint, Incoming
from apikeys.access.caching import tell
from apikeys.access.endpoint import Asking

__all__ = ["access_token_required", "note", "refusal_of"]

V = TypeVar("V", bound=Callable[..., Any])


def access_token_required(*scopes: Any, **asked: Unpack[Asking]) -> Callable[[V], V]:
    """Let in requests with an access token that holds the scopes.

    The view finds the token as ``request.auth``, its owner or principal as ``request.user``, and
    all that is known as ``request.apikeys``. Put it nearest to the view, so that decorators such as
    ``cache_page`` see what the answer says to caches; on a class, by ``method_decorator`` on
    ``dispatch``.

    A view that answers to nobody without a token is exempt from CSRF: a browser sends no key of
    its own accord. One with ``anonymous`` is not.

    Args:
        scopes, asked: as ``Endpoint.of``.

    Raises:
        ValueError: a scope is misspelt, or something else can't be meant.
    """
    endpoint = Endpoint.of(*scopes, **asked)

    def decorate(view: V) -> V:
        protect = _asynchronous if _is_asynchronous(view) else _synchronous
        wrapped: Any = wraps(view)(protect(view, endpoint))
        wrapped.apikeys_endpoint = endpoint
        if endpoint.anonymous is None:
            wrapped.csrf_exempt = True
        return cast(V, wrapped)

    return decorate


def _is_asynchronous(view: Any) -> bool:
    if iscoroutinefunction(view):
        return True
    # What `method_decorator` hands over: `dispatch` itself is no coroutine function, and returns a
    # coroutine where the handlers of its class are.
    owner = getattr(getattr(view, "func", None), "__self__", None)
    return bool(getattr(owner, "view_is_async", False))


def _synchronous(view: Callable[..., Any], endpoint: Endpoint) -> Callable[..., Any]:
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        state = access.check(Incoming.from_django(request), endpoint)
        note(request, state)
        return _told(state, view(request, *args, **kwargs) if state.allowed else refusal_of(state))

    return wrapped


def _asynchronous(view: Callable[..., Any], endpoint: Endpoint) -> Callable[..., Any]:
    async def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        state = await access.acheck(Incoming.from_django(request), endpoint)
        note(request, state)
        if not state.allowed:
            return _told(state, refusal_of(state))
        return _told(state, await view(request, *args, **kwargs))

    return wrapped


def _told(state: Access, response: Any) -> Any:
    if isinstance(response, HttpResponseBase):  # Django tells of a view that returns none
        tell(state, response)
    return response


def note(request: Any, state: Access) -> None:
    """Set ``apikeys``, ``auth``, ``user`` and ``auser`` of a Django request."""
    request.apikeys = state
    request.auth = state.token
    user = request.user = state.user

    async def auser() -> Any:
        return user

    request.auser = auser


def refusal_of(state: Access) -> HttpResponse:
    """Return the answer to a request that ``check`` has not let in, in the words of its dialect."""
    status, headers, body = access.answer(state)
    return HttpResponse(body, status=status, headers=headers)
