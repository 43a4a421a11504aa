"""What the endpoints of the URLconfs declare: which take access tokens, their limits, their prices.

Finds DRF views, decorated Django views and operations of django-ninja. Reads classes and settings,
and no database. Walks every URLconf (``urlconfs``): for checks and for pages that are opened now
and then, not for the path of a request with a token.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from apikeys import dialects
from apikeys.access.endpoint import Asked, Endpoint
from apikeys.access.limiting import ANONYMOUS
from apikeys.authentication import AccessTokenAuthentication
from apikeys.credits import price
from apikeys.dialects import Dialect
from apikeys.drf import ninjas
from apikeys.drf.callbacks import authenticators_of
from apikeys.drf.endpoints import ViewEndpoint, is_opened
from apikeys.drf.functions import adopt, name_of
from apikeys.limits import Limit
from apikeys.throttling import AccessTokenThrottle
from apikeys.urlconfs import places

EVERY_METHOD = "any method"
"""The method of a view that answers to all alike, as far as can be seen."""


@dataclass(frozen=True, slots=True)
class DeclaredLimit:
    """A limit as an organization can have it at a rate of its own.

    Attributes:
        name: what the organization's rate is stored under.
        limits: the views' limits of this name, one for each rate and dialect; seldom several.
    """

    name: str
    limits: tuple[Limit, ...]

    @property
    def rates(self) -> tuple[str, ...]:
        """The views' own rates."""
        return tuple(dict.fromkeys(limit.rate for limit in self.limits))


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """One way to call a view with an access token.

    Attributes:
        callback: what the URLconf calls.
        view: the DRF view; None for others.
        name: the dotted name of the view.
        route: its route.
        method: the HTTP method, or ``EVERY_METHOD``.
        asked: what it asks of its callers.
        dialect: the name of the dialect whose carriers it reads.
        any_dialect: it takes tokens of every dialect.
        is_limited: its limits are counted.
        cost: what a request costs, in credits.
        doc: the docstring of the view.
        is_worded: refusals are answered in the words of the dialect.
        is_opened: somebody has opened it to keys; false for a view that has our authenticator
            only since every view of the project has it.
        base: the address at which its URLconf begins; "" for the host that is asked.
    """

    callback: Any
    view: Any
    name: str
    route: str
    method: str
    asked: Asked
    dialect: str
    any_dialect: bool
    is_limited: bool = True
    cost: int = 0
    doc: str = ""
    is_worded: bool = True
    is_opened: bool = True
    base: str = ""

    def dialects(self) -> tuple[Dialect, ...]:
        """Return the dialects whose tokens it takes.

        Raises:
            ImproperlyConfigured: it names one that is not in the settings.
        """
        if self.any_dialect:
            return tuple(dialects.all_dialects().values())
        return (dialects.get(self.dialect),)


def token_endpoints(*, unopened: bool = False) -> Iterator[TokenEndpoint]:
    """Yield each endpoint that takes access tokens, once for each HTTP method.

    Args:
        unopened: with those that have our authenticator by default, and take no token.

    Raises:
        ImproperlyConfigured: a URLconf can't be imported.
    """
    for callback, route, base in _callbacks():
        for endpoint in _of(callback, route):
            if endpoint.is_opened or unopened:
                yield replace(endpoint, base=base)


def _of(callback: Any, route: str) -> Iterator[TokenEndpoint]:
    if isinstance(endpoint := getattr(callback, "apikeys_endpoint", None), Endpoint):
        view = getattr(callback, "cls", getattr(callback, "view_class", callback))
        for method in _methods_of(callback, endpoint):
            yield _plain(callback, view, route, method, endpoint)
    if hasattr(callback, "cls"):
        yield from _of_drf(callback, route)
    yield from _of_handlers(callback, route)
    yield from _of_ninja(callback, route)


def drf_classes() -> Iterator[tuple[type, str]]:
    """Yield each class of DRF views that names our authenticator, with its route.

    Some of them have no endpoint: another framework's ``dispatch`` answers, and DRF knows none of
    the methods.
    """
    for callback, route, _base in _callbacks():
        named = authenticators_of(callback)
        if any(isinstance(a, type) and issubclass(a, AccessTokenAuthentication) for a in named):
            yield callback.cls, route


def _of_drf(callback: Any, route: str) -> Iterator[TokenEndpoint]:
    actions: Mapping[str, str] | None = getattr(callback, "actions", None)
    adopt(callback.cls)
    for method in callback.cls.http_method_names:
        view = callback.cls(**getattr(callback, "initkwargs", {}))
        view.request, view.args, view.kwargs, view.format_kwarg = None, (), {}, None
        ours = [a for a in view.get_authenticators() if isinstance(a, AccessTokenAuthentication)]
        if not ours:
            return
        if actions is not None:
            view.action_map = actions
        if method == "options" or (actions is not None and method not in actions):
            continue
        if actions is not None:
            view.action = actions[method]
        elif not hasattr(view, method):
            continue
        yield TokenEndpoint(
            callback=callback,
            view=view,
            name=name_of(type(view)),
            route=route,
            method=method.upper(),
            asked=ViewEndpoint(view),
            dialect=ours[0].dialect,
            any_dialect=ours[0].any_dialect,
            is_limited=any(isinstance(t, AccessTokenThrottle) for t in view.get_throttles()),
            cost=price(view, method.upper()),
            is_opened=is_opened(view, method.upper()),
        )


def _methods_of(callback: Any, endpoint: Endpoint) -> list[str]:
    if isinstance(endpoint.scopes, Mapping):
        return list(endpoint.scopes)
    cls = getattr(callback, "view_class", None)
    names = [name for name in getattr(cls, "http_method_names", ()) if name != "options"]
    return [name.upper() for name in names if hasattr(cls, name)] or [EVERY_METHOD]


def _of_handlers(callback: Any, route: str) -> Iterator[TokenEndpoint]:
    """Yield the methods of a class of Django's that are decorated by themselves."""
    cls = getattr(callback, "view_class", None)
    for name in getattr(cls, "http_method_names", ()):
        handler = getattr(cls, name, None)
        endpoint = getattr(handler, "apikeys_endpoint", None)
        if isinstance(endpoint, Endpoint) and _answers_to(endpoint, name.upper()):
            yield _plain(callback, handler, route, name.upper(), endpoint)


def _of_ninja(callback: Any, route: str) -> Iterator[TokenEndpoint]:
    for operation in ninjas.operations_of(callback):
        for endpoint in ninjas.authenticators_of(operation):
            if isinstance(endpoint, Endpoint):
                handled = getattr(operation.api, "_exception_handlers", ())
                worded = any(each.__name__ == "AccessRefused" for each in handled)
                for method in filter(partial(_answers_to, endpoint), operation.methods):
                    found = _plain(callback, operation.view_func, route, method, endpoint)
                    yield replace(found, is_worded=worded)


def _answers_to(endpoint: Endpoint, method: str) -> bool:
    """Whether a request of that method is more than a 405."""
    return not isinstance(endpoint.scopes, Mapping) or method in endpoint.scopes


def _plain(callback: Any, view: Any, route: str, method: str, endpoint: Endpoint) -> TokenEndpoint:
    return TokenEndpoint(
        callback=callback,
        view=None,
        name=f"{view.__module__}.{view.__qualname__}",
        route=route,
        method=method,
        asked=endpoint,
        dialect=endpoint.dialect,
        any_dialect=endpoint.any_dialect,
        doc=inspect.getdoc(view) or "",
    )


def declared_limits(names: Collection[str]) -> list[DeclaredLimit]:
    """Return the limits of the endpoints that take tokens of these dialects, by name.

    Limits on requests without a token are left out: those belong to no organization.
    """
    found: dict[str, dict[Limit, None]] = {}
    for endpoint in _endpoints_of(names):
        for limit in endpoint.asked.limits:
            if limit.on != ANONYMOUS:
                found.setdefault(limit.name, {})[limit] = None
    return [DeclaredLimit(name, tuple(found[name])) for name in sorted(found)]


def has_price(names: Collection[str]) -> bool:
    """Whether any endpoint that takes tokens of these dialects costs credits."""
    return any(endpoint.cost for endpoint in _endpoints_of(names))


def _endpoints_of(names: Collection[str]) -> Iterator[TokenEndpoint]:
    for endpoint in token_endpoints():
        try:
            spoken = endpoint.dialects()
        except ImproperlyConfigured:
            continue  # the system check tells
        if any(dialect.name in names for dialect in spoken):
            yield endpoint


def _callbacks() -> Iterator[tuple[Any, str, str]]:
    """Yield what the URLconfs call, each once for a route, and where its URLconf begins."""
    seen: set[tuple[int, str]] = set()
    for place in places():
        for callback, route in place.callbacks():
            if (known := (id(callback), route)) not in seen:
                seen.add(known)
                yield callback, route, place.base
