"""What an answer tells caches: on which headers it depends, and who may keep it.

``Vary`` (RFC 9110, section 12.5.5) names every header that can bring a credential, on every answer
of a view that takes keys: a cache can't know that ``X-API-Key`` is one, and only ``Authorization``
is special to it (RFC 9111, sections 3.5 and 4.1). ``Cache-Control`` keeps errors out of every cache
and what a key holder gets out of shared ones, unless the view has said something itself.

Both are set inside the view, so that decorators around it and middleware on either side see them.
Knows no rule of who may do what: a good credential and a bad one are the same here.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

from apikeys import dialects
from apikeys import state as states
from apikeys.dialects import BY_PAGE, Dialect

NO_STORE: Final = "no-store"
PRIVATE: Final = "private"
# Where Django's cache middleware notes on a request whether it will store the answer.
_FIT_TO_BE_STORED: Final = "_cache_update_cache"


def seal(request: Any, view: Any) -> None:
    """Have a DRF view's answer say how it may be kept, before anything around the view sees it.

    A cache decorator on a method of the view would file the method's own answer, which says
    nothing yet, under the address alone. So none of those stores an answer to this request.

    Args:
        request: DRF's request.
        view: the view that answers it; may be sealed already.
    """
    if "finalize_response" in vars(view):
        return
    view.finalize_response = partial(_finalize, view)
    keep_from_django(request)


def _finalize(view: Any, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
    del view.finalize_response  # to reach the view's own
    response = view.finalize_response(request, response, *args, **kwargs)
    state = states.of(request._request)
    if state is None:
        mark(response, spoken_by(request.authenticators), carried=False)
    else:
        alone = len(request.authenticators) == 1
        spoken = [state.dialect] if alone else spoken_by(request.authenticators)
        mark(response, spoken, carried=state.carried, by_page=state.by_page)
        state.vary = response.headers["Vary"]
    return response


def keep_from_django(request: Any) -> None:
    """Have Django's cache middleware and ``cache_page`` store no answer to this request.

    Around the view they would file it under the header without its secret, and never find it under
    the one that comes with the next request; inside the view under the address alone.

    Args:
        request: Django's, for what stands around the view, or DRF's, for what is inside.
    """
    kind: Any = type(request)
    if not hasattr(kind, _FIT_TO_BE_STORED):
        request.__class__ = _unstored(kind)


def _ignore(request: object, value: bool) -> None:
    pass


@lru_cache(maxsize=16)
def _unstored(cls: type) -> type:
    """Return the class of request whose answers ``cache_page`` never finds fit to be stored."""
    never = property(lambda request: False, _ignore)
    return type(cls.__name__, (cls,), {"__module__": cls.__module__, _FIT_TO_BE_STORED: never})


def spoken_by(authenticators: Any) -> list[Dialect]:
    """Return the dialects of those among the authenticators, or their classes, that are ours."""
    known = dialects.all_dialects()
    names = (getattr(authenticator, "dialect", None) for authenticator in authenticators or ())
    return [known[name] for name in names if isinstance(name, str) and name in known]


def spoken_at(request: HttpRequest) -> list[Dialect]:
    """Return the dialects whose keys the view takes that the request was for; none for others."""
    callback = getattr(getattr(request, "resolver_match", None), "func", None)
    own = getattr(getattr(callback, "cls", None), "authentication_classes", None)
    said = getattr(callback, "initkwargs", {}).get("authentication_classes", own)
    return spoken_by(said)


def mark(
    response: HttpResponseBase, spoken: Iterable[Dialect], *, carried: bool, by_page: bool = False
) -> None:
    """Make an answer of a view that takes keys say how it may be kept; doing so twice is the same.

    Args:
        response: the answer, which is changed.
        spoken: the dialects whose keys the view takes.
        carried: the request brought a credential, good or bad.
        by_page: the answer depends on whose page sent the request.
    """
    headers = response.headers
    present = merged = headers.get("Vary", "")
    for dialect in spoken:
        merged = _merged(merged, dialect.vary)
    if by_page:
        merged = _merged(merged, BY_PAGE)
    if merged != present:
        headers["Vary"] = merged
    if "Cache-Control" in headers:
        return
    if response.status_code >= 400:
        headers["Cache-Control"] = NO_STORE
    elif carried:
        headers["Cache-Control"] = PRIVATE


@lru_cache(maxsize=256)
def _merged(present: str, names: tuple[str, ...]) -> str:
    response = HttpResponse(headers={"Vary": present} if present else None)
    patch_vary_headers(response, names)
    return str(response.headers["Vary"])
