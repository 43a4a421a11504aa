"""Views that name our classes and never ask them, because a method of another class comes first.

``class Graph(GraphQLView, APIView)`` has DRF's attributes and GraphQL's ``dispatch``: it answers
everybody. Read off the methods themselves: one of a class that is none of DRF's, and that neither
calls ``super()`` nor names the method it replaces, doesn't lead to that of DRF.
"""

from __future__ import annotations

import inspect
from types import CodeType, FunctionType
from typing import Any, Final

from apikeys.drf.closures import DEEPEST, held_by

METHODS: Final = ("dispatch", "initial", "check_permissions")
"""What stands between a request and the handler; each calls the next."""


def foreign(cls: type, name: str) -> type | None:
    """Return the class whose method of that name keeps a request from that of ``APIView``."""
    from rest_framework.views import APIView  # imports what the settings name

    for holder in cls.__mro__:
        if name not in vars(holder):
            continue
        method = inspect.unwrap(vars(holder)[name])
        # A decorator may have wrapped what is inherited.
        owner = next((each for each in cls.__mro__ if vars(each).get(name) is method), holder)
        if owner is APIView:
            return None
        if not _leads_on(method, name):
            # A class of views that replaces the method on purpose, as adrf's, asks by itself.
            return None if issubclass(owner, APIView) else owner
    return None


def _leads_on(method: Any, name: str, depth: int = 0) -> bool:
    if not isinstance(method, FunctionType) or depth > DEEPEST:
        return True  # nothing can be seen
    if _names(method.__code__, {"super", name, "__class__"}):
        return True
    inner = (each for each in held_by(method).values() if isinstance(each, FunctionType))
    return any(_leads_on(each, name, depth + 1) for each in inner)


def _names(code: CodeType, wanted: set[str]) -> bool:
    """Whether a function, or one that is made in it, asks for one of these names."""
    if wanted & {*code.co_names, *code.co_freevars}:
        return True
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    return any(_names(each, wanted) for each in inner)
