"""What is asked of people whatever the user model is: who is active, who has a name.

``is_active`` is a column, one value for all (``AbstractBaseUser`` says True), or missing (which
means True, as Django's own back ends read it): then both answers agree. Where a host's user model
works it out in Python, no query can know it: rows count as active, and an instance asks its user.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import Q
from django.db.models.query_utils import DeferredAttribute


@cache
def declared_activity(user_model: type) -> object:
    """Return what the class itself says of ``is_active``: a column's descriptor, a value, code."""
    return inspect.getattr_static(user_model, "is_active", True)


def is_active(user: Any) -> bool:
    """Whether the person may still act."""
    return bool(getattr(user, "is_active", True))


def active(path: str = "") -> Q:
    """Return the condition that a person is active, to be filtered or negated.

    Args:
        path: how a query leads to the person, such as ``owner__``; nothing for users themselves.
    """
    attribute = declared_activity(get_user_model())
    if isinstance(attribute, DeferredAttribute):
        return Q(**{f"{path}is_active": True})
    nobody = Q(pk__in=())
    return nobody if attribute is False else ~nobody


def is_known_to_queries() -> bool:
    """Whether ``active`` agrees with ``is_active``: the user model does not work it out."""
    attribute = declared_activity(get_user_model())
    return isinstance(attribute, DeferredAttribute | bool)


def called(name: str) -> Any:
    """Return whoever has that log-in name; None where nobody has it, or nobody could."""
    manager: Any = get_user_model()._default_manager
    try:
        if hasattr(manager, "get_by_natural_key"):
            return manager.get_by_natural_key(name)
        return manager.get(**{get_user_model().USERNAME_FIELD: name})
    except (ObjectDoesNotExist, TypeError, ValueError, ValidationError):
        return None  # such as a word where names are numbers


def display_name(user: Any) -> str:
    """Return how a page calls the person: their full name, where the model has one."""
    full = getattr(user, "get_full_name", None)
    return str((full() if callable(full) else full) or user)
