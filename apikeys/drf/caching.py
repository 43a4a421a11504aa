"""Has the answers of DRF views tell caches what ``access.caching`` says of them.

That happens inside the view, so that decorators around it and middleware on either side see it.
Where another authenticator answers before ours is asked, an answer is somebody's all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.http import HttpRequest
from rest_framework.request import Request

from apikeys.access import Access
from apikeys.access import state as states
from apikeys.access.caching import tell, write
from apikeys.access.problems import complete
from apikeys.dialects import BY_PAGE, Dialect
from apikeys.drf import functions, ninjas
from apikeys.drf.callbacks import authenticators_of, spoken_by

# By one of these an authenticator of Django's or a host's may know who is asking.
_OF_OTHERS: Final = ("Cookie", "Authorization")
# Where Django's cache middleware notes on a request whether it will store the answer.
_FIT_TO_BE_STORED: Final = "_cache_update_cache"
# Where we note that it must not.
_KEPT_OUT: Final = "_apikeys_kept_out"
# Where we note on a class of views that its answers are sealed.
_SEALED: Final = "_apikeys_sealed"
_sealing = threading.Lock()


def seal(cls: type) -> None:
    """Have the answers of a class of DRF views say how they may be kept, as the last thing it does.

    Nothing but its ``finalize_response`` is left before decorators around the view see them. It is
    replaced once in the life of a process, where a class that takes keys is first met.

    Args:
        cls: the class; views among it that take no keys go on as before.
    """
    if _SEALED in cls.__dict__:
        return
    functions.adopt(cls)
    with _sealing:
        finalize = cls.finalize_response  # type: ignore[attr-defined]
        # One that is inherited may be sealed already; what wraps such a one has its attributes.
        if getattr(finalize, _SEALED, None) is not finalize:
            cls.finalize_response = _sealed(finalize)  # type: ignore[attr-defined]
        setattr(cls, _SEALED, True)


def _sealed(finalize: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(finalize)
    def finalize_response(view: Any, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = finalize(view, request, response, *args, **kwargs)
        state = getattr(request._request, "apikeys", None)
        if state is not None and getattr(response, "exception", False):
            complete(state, response.status_code, response.headers)
        if state is not None and len(request.authenticators) == 1:
            tell(state, response)
        else:
            _tell_beside_others(state, request, response)
        return response

    setattr(finalize_response, _SEALED, finalize_response)
    return finalize_response


def seal_view(callback: Any) -> None:
    """Seal the class of views behind a callback of the URLconf, if these take keys."""
    cls = getattr(callback, "cls", None)
    if cls is None or _SEALED in cls.__dict__:
        return
    if spoken_by(authenticators_of(callback)) and hasattr(cls, "finalize_response"):
        seal(cls)


def _tell_beside_others(state: Access | None, request: Any, response: Any) -> None:
    http: HttpRequest = request._request
    authenticators = request.authenticators
    spoken = spoken_by(authenticators)
    if not spoken and state is None:
        return
    names = tuple(name for dialect in spoken for name in dialect.vary)
    if len(spoken) < len(authenticators):
        names += _OF_OTHERS
    if _knew_another(request):
        setattr(http, _KEPT_OUT, True)
    if state is not None and state.by_page:
        names += BY_PAGE
    written = write(response, names, is_somebodys(http, authenticators))
    if state is not None:
        state.vary = written


def _knew_another(request: Any) -> bool:
    """Whether an authenticator that is not ours has said who is asking; asks none."""
    found = request.__dict__.get("_authenticator")
    return found is not None and not spoken_by([found])


def is_somebodys(http: HttpRequest, authenticators: Any) -> bool:
    """Whether the answer may be one person's or one key's, good or bad.

    Args:
        http: Django's request.
        authenticators: those of the view, or their classes.
    """
    if getattr(http, _KEPT_OUT, False):
        return True
    state = states.of(http)
    if state is not None and (state.carried or state.endpoint is None):
        return True
    spoken = spoken_by(authenticators)
    if any(key in http.META for dialect in spoken for key in dialect.carriers_by_header):
        return True
    mixed = 0 < len(spoken) < len(authenticators)
    return mixed and any(http.META.get(key) for key in ("HTTP_COOKIE", "HTTP_AUTHORIZATION"))


class _Fitness:
    """Whether Django's cache middleware and ``cache_page`` store the answer to a request.

    Around a view they would file a key holder's answer under the header without its secret, and
    never find it under the one that comes with the next request; what is somebody's by a session
    they would file before the session's middleware says so. Inside the view, where a method's own
    answer says nothing yet, they would file it under the address alone. It is asked only where
    there is such a cache, so no other request pays for it.

    Args:
        is_unfit: tells of a request whether its answer is kept out, whatever the cache notes.
    """

    def __init__(self, is_unfit: Callable[[Any], bool]) -> None:
        self.is_unfit = is_unfit

    def __get__(self, request: Any, owner: type | None = None) -> Any:
        if request is None:
            return self
        if self.is_unfit(request):
            return False
        try:
            return request.__dict__[_FIT_TO_BE_STORED]
        except KeyError:
            raise AttributeError(_FIT_TO_BE_STORED) from None

    def __set__(self, request: Any, value: bool) -> None:
        request.__dict__[_FIT_TO_BE_STORED] = value


def _is_unfit(http: HttpRequest) -> bool:
    state = states.of(http)
    view = getattr(state.endpoint, "view", None) if state is not None else None
    if view is not None:
        return is_somebodys(http, view.authentication_classes)
    if state is not None:
        # Inside the view, an answer does not yet say on what it depends.
        return state.carried or not state.vary
    callback, method = _callback(http), http.method or ""
    authenticators = authenticators_of(callback, method)
    if spoken_by(authenticators) and ninjas.operation_of(callback, method) is not None:
        return True  # another authenticator has answered
    return is_somebodys(http, authenticators)


def _is_unfit_inside(request: Any) -> bool:
    return states.of(request._request) is not None or bool(spoken_by(request.authenticators))


setattr(HttpRequest, _FIT_TO_BE_STORED, _Fitness(_is_unfit))
setattr(Request, _FIT_TO_BE_STORED, _Fitness(_is_unfit_inside))


def spoken_at(request: HttpRequest) -> list[Dialect]:
    """Return the dialects whose keys the view takes that the request was for; none for others."""
    return spoken_by(authenticators_of(_callback(request), request.method or ""))


def _callback(request: HttpRequest) -> Any:
    return getattr(getattr(request, "resolver_match", None), "func", None)
