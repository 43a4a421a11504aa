"""What the views of the URLconf declare: which take access tokens, their limits, their prices.

Reads classes and settings, and no database. Walks the whole URLconf: for checks and for pages
that are opened now and then, not for the path of a request with a token.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured, ViewDoesNotExist
from django.urls import URLPattern, URLResolver, get_resolver

from apikeys import dialects
from apikeys.authentication import AccessTokenAuthentication
from apikeys.credits import price
from apikeys.dialects import Dialect
from apikeys.limits import Limit
from apikeys.throttling import ANONYMOUS


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


def token_views() -> Iterator[tuple[Any, str, str]]:
    """Yield each view that takes access tokens, with its route, once for each HTTP method."""
    for callback, view, route in token_callbacks():
        actions = getattr(callback, "actions", None)
        if actions is not None:
            view.action_map = actions
        for method in view.http_method_names:
            if method == "options" or (actions is not None and method not in actions):
                continue
            if actions is not None:
                view.action = actions[method]
            elif not hasattr(view, method):
                continue
            yield view, route, method.upper()


def token_callbacks() -> Iterator[tuple[Any, Any, str]]:
    """Yield what the URLconf calls for each view that takes access tokens, the view, its route."""
    for callback, route in _callbacks(get_resolver(), ""):
        cls = getattr(callback, "cls", None)
        if cls is None:
            continue
        view = cls(**getattr(callback, "initkwargs", {}))
        view.request, view.args, view.kwargs, view.format_kwarg = None, (), {}, None
        if any(isinstance(a, AccessTokenAuthentication) for a in view.get_authenticators()):
            yield callback, view, route


def dialects_of(view: Any) -> tuple[Dialect, ...]:
    """Return the dialects whose tokens a view from ``token_views`` takes.

    Raises:
        ImproperlyConfigured: it names one that is not in the settings.
    """
    authenticator = next(
        a for a in view.get_authenticators() if isinstance(a, AccessTokenAuthentication)
    )
    if authenticator.any_dialect:
        return tuple(dialects.all_dialects().values())
    return (dialects.get(authenticator.dialect),)


def declared_limits(names: Collection[str]) -> list[DeclaredLimit]:
    """Return the limits of the views that take tokens of these dialects, by name.

    Limits on requests without a token are left out: those belong to no organization.
    """
    found: dict[str, dict[Limit, None]] = {}
    for view, _method in _views_of(names):
        for limit in getattr(view, "limits", None) or ():
            if limit.on != ANONYMOUS:
                found.setdefault(limit.name, {})[limit] = None
    return [DeclaredLimit(name, tuple(found[name])) for name in sorted(found)]


def has_price(names: Collection[str]) -> bool:
    """Whether any view that takes tokens of these dialects costs credits."""
    return any(price(view, method) for view, method in _views_of(names))


def _views_of(names: Collection[str]) -> Iterator[tuple[Any, str]]:
    for view, _route, method in token_views():
        try:
            spoken = dialects_of(view)
        except ImproperlyConfigured:
            continue  # the system check tells
        if any(dialect.name in names for dialect in spoken):
            yield view, method


def _callbacks(resolver: URLResolver, prefix: str) -> Iterator[tuple[Any, str]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _callbacks(pattern, route)
        elif isinstance(pattern, URLPattern):
            try:
                yield pattern.callback, route
            except ViewDoesNotExist:
                continue
