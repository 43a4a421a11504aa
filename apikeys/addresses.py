"""No secret in an address: a key in a path or a query is cut before anything shows or keeps it.

Browsers keep addresses, servers log them, pages repeat them in links. Knows requests and texts: no
models and no rules of who may do what.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.urls import URLPattern

from apikeys import pasted

CSRF_FIELD: Final = "csrfmiddlewaretoken"

View = Callable[..., HttpResponseBase]


def hide(request: HttpRequest) -> bool:
    """Cut every key in the request's address to its token id, for whatever looks at it later.

    Returns:
        Whether there was one.
    """
    path = pasted.cut(request.path, sure=True).text
    query = without_keys(request.GET)
    if path == request.path and query is None:
        return False
    query = request.GET if query is None else query
    request.path = path
    request.path_info = pasted.cut(request.path_info, sure=True).text
    request.GET = query  # type: ignore[assignment]
    text = query.urlencode()
    whole = f"{path}?{text}" if text else path
    shown = {"PATH_INFO": request.path_info, "QUERY_STRING": text}
    shown |= {"RAW_URI": whole, "REQUEST_URI": whole}
    request.META.update({name: value for name, value in shown.items() if name in request.META})
    return True


def without_keys(query: QueryDict) -> QueryDict | None:
    """Return the parameters with every key in them cut to its id; None when there is none."""
    cleaned = QueryDict(mutable=True, encoding=query.encoding)
    for name, values in query.lists():
        cleaned.setlist(pasted.cut(name).text, [_value(value) for value in values])
    cleaned._mutable = False
    return None if cleaned == query else cleaned


def without_secrets(view: View) -> View:
    """Keep keys out of the view's address: a GET is led to the address without them.

    A path with a key in it leads nowhere (404), and the key is in no line about that.
    """

    @wraps(view)
    def check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        path = request.path
        if not hide(request):
            return view(request, *args, **kwargs)
        if request.path != path:
            raise Http404
        if request.method not in ("GET", "HEAD"):
            return view(request, *args, **kwargs)
        return lead_to(request, request.GET)

    return check


def guarded(pattern: URLPattern) -> URLPattern:
    """Return the pattern with ``without_secrets`` around its view."""
    view = without_secrets(pattern.callback)
    return URLPattern(pattern.pattern, view, pattern.default_args, pattern.name)


def search_by_post(view: View) -> View:
    """Let a page be searched by POST: what was typed comes back as the query of a GET.

    So that a key that was pasted is in no address, with or without a script in the browser.
    """

    @wraps(view)
    def check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Without a field there is nothing to search for: the view says that it takes no POST.
        if request.method != "POST" or not set(request.POST) - {CSRF_FIELD}:
            return view(request, *args, **kwargs)
        return lead_to(request, request.POST)

    return check


def lead_to(request: HttpRequest, parameters: QueryDict) -> HttpResponseRedirect:
    """Lead to the present path with these parameters, no key and no empty one among them."""
    kept = QueryDict(mutable=True, encoding=parameters.encoding)
    for name, values in (without_keys(parameters) or parameters).lists():
        given = [value for value in values if value]
        if given and name != CSRF_FIELD:
            kept.setlist(name, given)
    text = kept.urlencode()
    response = HttpResponseRedirect(f"{request.path}?{text}" if text else request.path)
    response.headers["Cache-Control"] = "no-store, private"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _value(value: str) -> str:
    if value.startswith("/") or "://" in value:
        # An address, such as where to go after log-in: signatures in it look like half a key.
        return pasted.cut(value, sure=True).text
    found = pasted.cut(value)
    return found.token_id or found.text
