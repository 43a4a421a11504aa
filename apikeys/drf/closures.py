"""What a function closes over: all that tells of the views and decorators behind it.

Knows no framework and no request.
"""

from __future__ import annotations

from typing import Any, Final

DEEPEST: Final = 30
"""How deep to look; deeper than anybody decorates."""


def held_by(function: Any) -> dict[str, Any]:
    """Return the values that a function closes over, by name; nothing for what is no function."""
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    held: dict[str, Any] = {}
    for name, cell in zip(names, getattr(function, "__closure__", None) or (), strict=False):
        try:
            held[name] = cell.cell_contents
        except ValueError:
            continue  # not filled yet
    return held
