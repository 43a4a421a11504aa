"""Do Django's page caches stand where answers to keys pass: they keep none of them.

Finds them by looking into the functions of the URLconf. A cache that is no ``CacheMiddleware`` of
Django's, or that a view calls itself, is not found.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.middleware.cache import FetchFromCacheMiddleware, UpdateCacheMiddleware
from django.utils.module_loading import import_string

from apikeys import endpoints
from apikeys.checks.types import Apps
from apikeys.drf.closures import DEEPEST, held_by

_CACHES: Final = (UpdateCacheMiddleware, FetchFromCacheMiddleware)

_INSTEAD: Final = (
    "Store what is costly inside the view, under whom it belongs to: "
    'cache.get_or_set(f"notes:{request.auth.workspace_id}", load, 60).'
)
_LEAVE: Final = (
    "Leave cache_page where it is for answers to nobody alone: those without a key and, where "
    "another authenticator stands beside ours, without a cookie or Authorization too."
)


@register(Tags.security)
def check_caches(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """No page cache stands where answers to keys pass: it would not help a key holder."""
    try:
        found_endpoints = list(endpoints.token_endpoints())
    except (ImproperlyConfigured, ValueError):
        return []  # other checks tell
    found: list[CheckMessage] = []
    views = {each.callback: each for each in found_endpoints}
    for callback, endpoint in views.items():
        view, name = endpoint.view, f"{endpoint.name} (/{endpoint.route})"
        if _holds_cache(callback) or _holds_cache(_method(view, "dispatch")):
            text = f"cache_page around {name} keeps no answer to a key."
            hint = f"{_INSTEAD} {_LEAVE}"
            found.append(Warning(text, hint, id="apikeys.W050"))
        for method in _handlers(callback, view):
            if _holds_cache(_method(view, method)):
                text = f"cache_page on {method}() of {name} keeps no answer, to a key or a session."
                found.append(Warning(text, _INSTEAD, id="apikeys.W051"))
    site = [path for path in settings.MIDDLEWARE if _is_cache(path)]
    if site and views:
        text = f"{', '.join(site)}: no answer to a key is kept."
        hint = f"{_INSTEAD} Leave them in MIDDLEWARE for what the site answers without a key alone."
        found.append(Warning(text, hint, id="apikeys.W052"))
    return found


def _handlers(callback: Any, view: Any) -> list[str]:
    if view is None:
        return []
    actions = getattr(callback, "actions", None)
    return sorted(set(actions.values() if actions else view.http_method_names))


def _method(view: Any, name: str) -> Any:
    return inspect.getattr_static(type(view), name, None)


def _is_cache(path: str) -> bool:
    try:
        return _is_cache_class(import_string(path))
    except ImportError:
        return False  # Django tells


def _is_cache_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, _CACHES)


def _holds_cache(function: Any) -> bool:
    """Whether one of Django's page caches is among what the decorators of a function hold."""
    waiting, seen = [(function, 0)], set()
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, _CACHES) or _is_cache_class(value):
            return True
        if id(value) in seen or depth > DEEPEST:
            continue
        seen.add(id(value))
        waiting += [(inner, depth + 1) for inner in _held(value)]
    return False


def _held(value: Any) -> Iterator[Any]:
    if isinstance(value, partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif inspect.ismethod(value):
        yield value.__func__
    elif isinstance(value, (list, tuple)):
        yield from value
    elif inspect.isfunction(value):
        yield from held_by(value).values()
