"""What a callback of the URLconf asks who is calling, and how it speaks, whatever made the view.

Reads what was declared, from classes or objects alike. Knows no request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
    own = getattr(getattr(callback, "cls", None), "authentication_classes", None)
    return tuple(getattr(callback, "initkwargs", {}).get("authentication_classes", own) or ())


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
