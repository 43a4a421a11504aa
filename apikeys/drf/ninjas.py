"""The operations of django-ninja behind a callback of the URLconf, seen without importing ninja.

Ninja's views are plain functions around one of its objects; only what they close over tells.
"""

from __future__ import annotations

from typing import Any

from apikeys.drf.closures import held_by


def operations_of(callback: Any) -> list[Any]:
    """Return the operations that a callback answers by; none for views that are not ninja's."""
    found: list[Any] = []
    for held in held_by(callback).values():
        operations = getattr(held, "operations", None)
        if isinstance(operations, list):
            found += [each for each in operations if hasattr(each, "auth_callbacks")]
    return found


def operation_of(callback: Any, method: str) -> Any:
    """Return the operation that answers an HTTP method; None where there is none."""
    return next((each for each in operations_of(callback) if method in each.methods), None)


def authenticators_of(operation: Any) -> list[Any]:
    """Return what an operation asks: the endpoint of ours, and others as they are."""
    callbacks = getattr(operation, "auth_callbacks", None) or ()
    return [getattr(auth, "apikeys_endpoint", auth) for auth in callbacks]
