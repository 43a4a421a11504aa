"""Views that name our classes and never ask them, because a method of another class comes first.

``class Graph(GraphQLView, APIView)`` has DRF's attributes and GraphQL's ``dispatch``: it answers
everybody. Read off the methods themselves: one of a class that is none of DRF's, and that neither
calls ``super()`` nor names the method it replaces, doesn't lead to that of DRF.
"""

from __future__ import annotations

import inspect
from types import CodeType, FunctionType
from typing import Any, Final

from django.core.checks import CheckMessage, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from rest_framework.views import APIView

from apikeys import endpoints
from apikeys.checks.types import Apps

# What stands between a request and the handler; each calls the next.
_METHODS: Final = ("dispatch", "initial", "check_permissions")


@register(Tags.security)
def check_bypasses(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Every view that names our authentication class asks it."""
    try:
        found = list(endpoints.token_endpoints())
    except (ImproperlyConfigured, ValueError):
        return []  # other checks tell
    messages: list[CheckMessage] = []
    views = {type(each.view): each for each in found if each.view is not None}
    for cls, endpoint in views.items():
        for name in _METHODS:
            if (other := foreign(cls, name)) is not None:
                text = (
                    f"{endpoint.name} (/{endpoint.route}) answers without a key: {name}() of "
                    f"{other.__qualname__} never reaches that of APIView."
                )
                hint = (
                    "Put access_token_required around the view, or call super()."
                    if name == "dispatch"
                    else f"Call super().{name}()."
                )
                messages.append(Warning(text, hint, id="apikeys.W018"))
                break
    return messages


def foreign(cls: type, name: str) -> type | None:
    """Return the class whose method of that name keeps a request from that of ``APIView``."""
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


def _leads_on(method: Any, name: str) -> bool:
    if not isinstance(method, FunctionType):
        return True  # nothing can be seen
    if _names(method.__code__, {"super", name, "__class__"}):
        return True
    inner = (cell.cell_contents for cell in method.__closure__ or ())
    return any(isinstance(each, FunctionType) and _leads_on(each, name) for each in inner)


def _names(code: CodeType, wanted: set[str]) -> bool:
    """Whether a function, or one that is made in it, asks for one of these names."""
    if wanted & {*code.co_names, *code.co_freevars}:
        return True
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    return any(_names(each, wanted) for each in inner)
