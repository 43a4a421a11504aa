"""What a callback of the URLconf asks who is calling, and how it speaks, whatever made the view.

Reads what was declared, from classes or objects alike. Knows no request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from apikeys import dialects
from apikeys.dialects import Dialect
from apikeys.drf import ninjas


def authenticators_of(callback: Any, method: str = "") -> Sequence[Any]:
    """Return what a callback asks who is calling; nothing for views that ask nobody.

    Of a DRF view its classes, those given to ``as_view()`` first of all; of a decorated view and of
    an operation of django-ninja our endpoint, which names its dialect as an authenticator does.

    Args:
        callback: what the URLconf calls.
        method: the HTTP method, by which django-ninja chooses the operation.
    """
    if (endpoint := getattr(callback, "apikeys_endpoint", None)) is not None:
        return (endpoint,)
    if (operation := ninjas.operation_of(callback, method)) is not None:
        return ninjas.authenticators_of(operation)
    cls = getattr(callback, "cls", None)
    own = getattr(cls, "authentication_classes", None)
    named = tuple(getattr(callback, "initkwargs", {}).get("authentication_classes", own) or ())
    return _of_method(callback, cls, named) if hasattr(cls, "get_authenticators") else named


_made: WeakKeyDictionary[Any, tuple[Any, ...]] = WeakKeyDictionary()


def _of_method(callback: Any, cls: Any, named: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what ``get_authenticators`` of a class makes, where that is its own; asked once."""
    from rest_framework.views import APIView  # imports what the settings name

    if cls.get_authenticators is APIView.get_authenticators:
        return named
    if callback not in _made:
        try:
            _made[callback] = tuple(cls(**getattr(callback, "initkwargs", {})).get_authenticators())
        except Exception:
            # It depends on the request: beside those that are named there may be others.
            _made[callback] = (*named, None)
    return _made[callback]


def dialect_of(callback: Any, method: str = "") -> Dialect | None:
    """Return the dialect in which a callback answers; None where the first asked isn't ours.

    Args:
        callback, method: as of ``authenticators_of``.
    """
    return first_spoken(authenticators_of(callback, method))


def spoken_by(authenticators: Any) -> list[Dialect]:
    """Return the dialects of those among the authenticators, or their classes, that are ours."""
    known = dialects.all_dialects()
    names = (getattr(authenticator, "dialect", None) for authenticator in authenticators or ())
    return [known[name] for name in names if isinstance(name, str) and name in known]


def first_spoken(authenticators: Any) -> Dialect | None:
    """Return the dialect of the first authenticator; None where that is not ours, or none is."""
    return next(iter(spoken_by(list(authenticators or ())[:1])), None)
