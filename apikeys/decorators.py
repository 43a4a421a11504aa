"""Access tokens on Django's own views, ``def`` and ``async def``, without Django REST framework."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from apikeys import access
from apikeys.access import Access, Endpoint, Incoming
from apikeys.access.caching import tell
from apikeys.access.endpoint import Anonymous
from apikeys.limits import Limit

__all__ = ["access_token_required", "note", "refusal_of", "requirement"]

V = TypeVar("V", bound=Callable[..., Any])


def access_token_required(
    *scopes: Any,
    limits: Sequence[Limit] = (),
    kind: str = "",
    anonymous: Anonymous | None = None,
    dialect: str = "default",
    any_dialect: bool = False,
) -> Callable[[V], V]:
    """Let in requests with an access token that holds the scopes.

    The view finds the token as ``request.auth``, its owner or principal as ``request.user``, and
    all that is known as ``request.apikeys``. Put it nearest to the view, so that decorators such as
    ``cache_page`` see what the answer says to caches; on a class, by ``method_decorator`` on
    ``dispatch``.

    A view that answers to nobody without a token is exempt from CSRF: a browser sends no key of
    its own accord. One with ``anonymous`` is not.

    Args:
        scopes: names that are all needed, or one ``any_of(...)``, or one mapping of HTTP method to
            either; a method that is not in it is refused. None at all: a token, and no scope.
        limits: the limits that requests are counted on.
        kind: the kind of request, for the limits; by default ``read`` or ``write`` by method.
        anonymous: whom the view answers without a credential: ``"first_party"``, ``"everyone"``.
        dialect: the dialect whose carriers are read and whose words are spoken.
        any_dialect: accept tokens of every dialect.

    Raises:
        ValueError: a scope is misspelt.
    """
    endpoint = Endpoint(
        scopes=requirement(scopes),
        limits=limits,
        kind=kind,
        anonymous=anonymous,
        dialect=dialect,
        any_dialect=any_dialect,
    )

    def decorate(view: V) -> V:
        protect = _asynchronous if _is_asynchronous(view) else _synchronous
        wrapped: Any = wraps(view)(protect(view, endpoint))
        wrapped.apikeys_endpoint = endpoint
        if anonymous is None:
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


def requirement(scopes: tuple[Any, ...]) -> Any:
    """Return what positional scopes mean: nothing, the one that is given, or all of them."""
    if not scopes:
        return None
    if any(callable(each) for each in scopes):
        raise ValueError("Write @access_token_required() with parentheses.")
    if None in scopes:
        raise ValueError("None is no scope: leave it out where any token will do.")
    return scopes[0] if len(scopes) == 1 else frozenset(map(str, scopes))


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
