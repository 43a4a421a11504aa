"""No secret in an address or a form: a key in it is cut before anything shows or keeps it.

Browsers keep addresses, servers log them, pages repeat them in links; and a form with a mistake
comes back as it was filled in. Knows requests and texts: no models and no rules of who may do what.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.urls import URLPattern

from apikeys import pasted

CSRF_FIELD: Final = "csrfmiddlewaretoken"
# Nobody fills in so much by hand, and reading it would keep a thread busy.
_LONGEST_FORM: Final = 8_192
# A search asks for the id alone, whatever words were around the key.
_TYPED: Final = "_apikeys_typed"
_PASSWORD: Final = re.compile("password|^again$")

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
    """Keep keys out of what the view is sent: a GET is led to the address without them.

    A path with a key in it leads nowhere (404), and the key is in no line about that. Of a form
    that is sent, the view sees every field without the secret, passwords aside.
    """

    @wraps(view)
    def check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        path = request.path
        if request.method == "POST":
            _clean_form(request)
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
        return lead_search(request)

    return check


def lead_search(request: HttpRequest) -> HttpResponseRedirect:
    """Lead to the present path with the form that was sent, as it was typed but for keys.

    What is longer than a form that somebody fills in is no search, and is left out.
    """
    typed: Any = getattr(request, _TYPED, request.POST)
    return lead_to(request, QueryDict() if _length(typed) > _LONGEST_FORM else typed)


def lead_to(request: HttpRequest, parameters: QueryDict) -> HttpResponseRedirect:
    """Lead to the present path with these parameters, no key and no empty one among them."""
    kept = QueryDict(mutable=True, encoding=parameters.encoding)
    for name, values in (without_keys(parameters) or parameters).lists():
        given = [value for value in values if value]
        if given and name != CSRF_FIELD:
            kept.setlist(name, given)
    text = kept.urlencode()
    if len(text) > _LONGEST_FORM:  # no server takes it, and Django leads to none much longer
        text = ""
    response = HttpResponseRedirect(f"{request.path}?{text}" if text else request.path)
    response.headers["Cache-Control"] = "no-store, private"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _length(form: QueryDict) -> int:
    return sum(len(name) + sum(map(len, texts)) for name, texts in form.lists())


def _clean_form(request: HttpRequest) -> None:
    if _length(request.POST) > _LONGEST_FORM:
        return
    cleaned = QueryDict(mutable=True, encoding=request.POST.encoding)
    for name, values in request.POST.lists():
        whole = name == CSRF_FIELD or _PASSWORD.search(name)
        cleaned.setlist(name, values if whole else [_certain(value) for value in values])
    if cleaned != request.POST:
        cleaned._mutable = False
        setattr(request, _TYPED, request.POST)
        request.POST = cleaned  # type: ignore[assignment]


def _certain(value: str) -> str:
    return pasted.cut(value, sure=True).text


def _value(value: str) -> str:
    if value.startswith("/") or "://" in value:
        # An address, such as where to go after log-in: signatures in it look like half a key.
        return _certain(value)
    found = pasted.cut(value)
    return found.token_id or found.text
