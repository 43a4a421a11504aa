"""How scopes are shown to people: presets, a table of resources, a short summary.

Made from what a dialect says of itself; knows no form and no request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from apikeys.dialects import Dialect
from apikeys.scopes import MANAGE

READ: Final = "read"
WRITE: Final = "write"
SHOWN: Final = 3

_PAIR: Final = re.compile(r"([a-z][a-z0-9_-]*):([a-z][a-z0-9_-]*)")


@dataclass(frozen=True, slots=True)
class Resource:
    """One row of the table: a resource and what can be done with it besides reading, writing."""

    name: str
    actions: tuple[str, ...]

    def scopes(self, level: str) -> tuple[str, ...]:
        """Return what ``none``, ``read`` or ``write`` grants; writing adds reading."""
        wanted = {READ: (READ,), WRITE: (READ, WRITE)}.get(level, ())
        return tuple(f"{self.name}:{action}" for action in wanted if action in self.actions)

    @property
    def others(self) -> tuple[str, ...]:
        """The scopes that neither reading nor writing grants."""
        return tuple(f"{self.name}:{a}" for a in self.actions if a not in (READ, WRITE))


def offered(dialect: Dialect) -> dict[str, str]:
    """Return the dialect's own scopes with their descriptions, managing tokens left out."""
    return {name: str(text) for name, text in dialect.scopes.items() if name != MANAGE}


def presets(dialect: Dialect) -> dict[str, tuple[str, ...]]:
    """Return ``read`` and ``write`` with what they grant; one that grants nothing is left out."""
    names = sorted(offered(dialect))
    chosen = dialect.read_scopes
    read = tuple(sorted(n for n in names if n.endswith(":read")) if chosen is None else chosen)
    write = tuple(n for n in names if n.endswith(":write"))
    found = {READ: read, WRITE: tuple(sorted({*read, *write})) if write else ()}
    return {name: scopes for name, scopes in found.items() if scopes}


def table(dialect: Dialect) -> list[Resource]:
    """Return the rows of the table; none when a scope is no plain ``resource:action``."""
    actions: dict[str, list[str]] = {}
    for scope in offered(dialect):
        pair = _PAIR.fullmatch(scope)
        if pair is None:
            return []
        actions.setdefault(pair[1], []).append(pair[2])
    return [Resource(name, tuple(found)) for name, found in actions.items()]


def summary(dialect: Dialect, scopes: Sequence[str]) -> str:
    """Return the scopes in a few words: a preset's name, or the first three and how many more."""
    if not scopes:
        return _("None")
    labels = {READ: _("Read-only"), WRITE: _("Read and write")}
    for name, granted in presets(dialect).items():
        if set(granted) == set(scopes):
            return labels[name]
    text = ", ".join(scopes[:SHOWN])
    more = len(scopes) - SHOWN
    return f"{text} +{more}" if more > 0 else text
