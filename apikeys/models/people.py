"""Whether a person is active, asked of one user and of many rows, whatever the user model.

``is_active`` is a column, one value for all (``AbstractBaseUser`` says True), or missing (which
means True, as Django's own back ends read it): then both answers agree. Where a host's user model
works it out in Python, no query can know it: rows count as active, and an instance asks its user.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

from django.contrib.auth import get_user_model
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
