"""A function under ``@api_view``: what it says of itself, and its name.

DRF makes a class of the function and keeps none of what is not DRF's own. What the function says
is handed on to that class once, before anything asks the class. Knows no request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from apikeys.drf.closures import held_by

DECLARED: Final = frozenset(
    {
        "anonymous_access",
        "limit_kind",
        "limits",
        "required_scopes",
        "scope_resource",
        "scopes_not_needed",
    }
)
"""What a view says of itself, as attributes; ``cost`` is said where it is charged."""

# What DRF and adrf call the class before they give it the function's name.
_MADE: Final = "WrappedAPIView"
_ADOPTED: Final = "_apikeys_adopted"


def is_made(cls: type) -> bool:
    """Whether ``@api_view`` has made the class."""
    return cls.__qualname__ == _MADE


def name_of(cls: type) -> str:
    """Return the dotted name of a view: of the function, where the class was made of one."""
    return f"{cls.__module__}.{cls.__name__ if is_made(cls) else cls.__qualname__}"


def adopt(cls: type) -> None:
    """Hand on to a class that ``@api_view`` has made what its function says of itself."""
    if not is_made(cls) or _ADOPTED in cls.__dict__:
        return
    function = _function_of(cls)
    for name in (DECLARED | {"cost"}) & set(getattr(function, "__dict__", ())):
        if name not in cls.__dict__:
            setattr(cls, name, function.__dict__[name])
    setattr(cls, _ADOPTED, True)


def declare(view: Any, said: dict[str, Any]) -> None:
    """Note what a decorator says of a view, which stands above ``@api_view`` or below it.

    Args:
        view: the function, or what ``@api_view`` has made of it.
        said: attribute to value.
    """
    made = getattr(view, "cls", None)
    target = made if isinstance(made, type) and is_made(made) else view
    for name, value in said.items():
        setattr(target, name, value)


def _function_of(cls: type) -> Callable[..., Any] | None:
    for method in getattr(cls, "http_method_names", ()):
        held = held_by(cls.__dict__.get(method))
        if "func" in held:
            return held["func"]  # type: ignore[no-any-return]
    return None
