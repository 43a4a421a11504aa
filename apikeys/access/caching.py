"""What an answer tells caches: on which headers it depends, and who may keep it.

``Vary`` (RFC 9110, section 12.5.5) names every header that can bring a credential, on every answer
of an endpoint that takes keys: a cache can't know that ``X-API-Key`` is one, and only
``Authorization`` is special to it (RFC 9111, sections 3.5 and 4.1). ``Cache-Control`` keeps errors
out of every cache and what a key holder gets out of shared ones, unless the endpoint has said
something itself. Knows no rule of who may do what: a good credential and a bad one are the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from django.http import HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

from apikeys.access.state import Access
from apikeys.dialects import BY_PAGE, Dialect

NO_STORE: Final = "no-store"
PRIVATE: Final = "private"


def tell(access: Access, response: HttpResponseBase) -> None:
    """Make the answer of an endpoint say how it may be kept, and note that it does.

    Args:
        access: of the request.
        response: the answer, which is changed.
    """
    names = access.dialect.vary + BY_PAGE if access.by_page else access.dialect.vary
    access.vary = write(response, names, access.carried)


def is_told(access: Access, response: HttpResponseBase) -> bool:
    """Whether an answer still says what ``tell`` made it say, with or without more names."""
    present: str = response.headers._store.get("vary", ("", ""))[1]
    return bool(access.vary) and present.startswith(access.vary)


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
    names = tuple(name for dialect in spoken for name in dialect.vary)
    write(response, names + BY_PAGE if by_page else names, carried)


def write(response: HttpResponseBase, names: tuple[str, ...], carried: bool) -> str:
    """Write the headers that are missing; return what ``Vary`` says then."""
    # Django's own store: through its interface each of these costs a microsecond, which is as much
    # as everything else here. What is written has been through it, in ``merged``.
    headers: dict[str, tuple[str, str]] = response.headers._store
    present = headers["vary"][1] if "vary" in headers else ""
    whole = merged(present, names)
    if whole != present:
        headers["vary"] = ("Vary", whole)
    if "cache-control" not in headers:
        if response.status_code >= 400:
            headers["cache-control"] = ("Cache-Control", NO_STORE)
        elif carried:
            headers["cache-control"] = ("Cache-Control", PRIVATE)
    return whole


@lru_cache(maxsize=256)
def merged(present: str, names: tuple[str, ...]) -> str:
    """Return the value of ``Vary`` with names added to it."""
    response = HttpResponse(headers={"Vary": present} if present else None)
    patch_vary_headers(response, names)
    return str(response.headers.get("Vary", ""))
