"""Whether the permissions of a view ask a key for its scopes, however they are put together.

DRF's operators go from left to right and stop when they know: ``A | B`` doesn't ask B where A lets
in, ``A & B`` doesn't where A doesn't. ``HasScope`` raises where a key lacks a scope, so nothing
that stands after it lets that key in. Knows no request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from rest_framework.permissions import AND, NOT, OR, BasePermission

from apikeys.access.endpoint import Undeclared

_MARK: Final = "_apikeys_asks_scopes"

F = TypeVar("F", bound=Callable[..., Any])


class ScopePermission(BasePermission):
    """The base of permissions that ask what a view declares."""


def asks_scopes(method: F) -> F:
    """Mark a ``has_permission`` that asks every key for its scopes before it says anything."""
    setattr(method, _MARK, True)
    return method


def require_scopes_asked(permissions: Sequence[Any]) -> None:
    """Make sure that no key comes in without being asked for its scopes.

    Args:
        permissions: of a view, as ``get_permissions`` returns them; all have to let a request in.

    Raises:
        Undeclared: one might; it says what to write.
    """
    if any(map(_asks, permissions)):
        return
    for permission in permissions:
        if isinstance(permission, OR) and holds_scopes(permission):
            raise Undeclared(
                f"in {_written(permission)} a key comes in by {_written(_culprit(permission))} "
                "without its scopes being asked",
                "Write HasScope first: HasScope | IsAuthenticated. It judges every key; people "
                "are left to what comes after it.",
            )
    raise Undeclared("HasScope is not a mandatory part of its permissions")


def _asks(permission: Any) -> bool:
    """Whether a key that is let in has been asked for its scopes."""
    if isinstance(permission, AND):
        return any(map(_asks, _parts(permission)))
    if isinstance(permission, OR):
        first, second = _parts(permission)
        return _asks_first(first) or (_asks(first) and _asks(second))
    return isinstance(permission, ScopePermission)


def _asks_first(permission: Any) -> bool:
    """Whether a key has been asked for its scopes, whatever the verdict is."""
    if isinstance(permission, (AND, OR)):
        return _asks_first(_parts(permission)[0])
    # A subclass with a verdict of its own may give it without asking.
    return hasattr(getattr(type(permission), "has_permission", None), _MARK)


def holds_scopes(permission: Any) -> bool:
    """Whether there is a ``HasScope`` in it, wherever."""
    if isinstance(permission, (AND, OR)):
        return any(map(holds_scopes, _parts(permission)))
    return isinstance(permission, ScopePermission)


def _culprit(permission: Any) -> Any:
    """Return the part by which a key comes in without being asked."""
    if isinstance(permission, OR):
        return next(_culprit(part) for part in _parts(permission) if not _asks(part))
    return permission


def _written(permission: Any) -> str:
    """Return a permission as a view writes it."""
    if isinstance(permission, NOT):
        return f"~{_written(_parts(permission)[0])}"
    if isinstance(permission, (AND, OR)):
        sign = " & " if isinstance(permission, AND) else " | "
        return sign.join(
            f"({_written(part)})" if isinstance(part, (AND, OR)) else _written(part)
            for part in _parts(permission)
        )
    return type(permission).__name__


def _parts(operator: Any) -> list[Any]:
    return [getattr(operator, name) for name in ("op1", "op2") if hasattr(operator, name)]
