"""What a token may do: the grammar of scope names, and which name covers which.

Pure text and sets. Must not know models, HTTP, or any particular dialect: the closed set of
names (``available``) and the table of implications (``implies``) are always arguments.

Nothing defaults to everything: no scopes means no access, and an empty requirement is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from django.utils.translation import gettext as _

MANAGE = "tokens:manage"
"""The scope to manage tokens by token. Only the name itself covers it."""

_WORD = r"[a-z][a-z0-9_-]*"
_NAME = re.compile(rf"{_WORD}(?::{_WORD})?|{_WORD}:\*|\*:{_WORD}|\*", re.ASCII)
_LONGEST_SHOWN = 64
_NO_IMPLICATIONS: Mapping[str, frozenset[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A requirement that one of several scopes satisfies. Made with ``any_of``."""

    names: frozenset[str]

    def __post_init__(self) -> None:
        if not self.names:
            raise ValueError("any_of() needs at least one scope; name the scopes that suffice.")
        for name in self.names:
            validate_name(name)

    def __str__(self) -> str:
        return " or ".join(sorted(self.names))


Requirement = frozenset[str] | AnyOf
"""What a view asks for: all of a set of scopes, or any one of some."""


def validate_name(name: str) -> None:
    """Refuse a name that is not ``word``, ``word:word``, ``resource:*``, ``*:action`` or ``*``.

    A word is ``[a-z][a-z0-9_-]*``; names are ASCII and case-sensitive. Raises ValueError.
    """
    if not _is_name(name):
        raise ValueError(
            f"{_shown(name)} is not a scope name; write a word or word:word in lower-case ASCII, "
            "or one of the wildcards resource:*, *:action and *."
        )


def expand(
    granted: Iterable[str],
    available: frozenset[str],
    implies: Mapping[str, frozenset[str]] = _NO_IMPLICATIONS,
) -> frozenset[str]:
    """The names of ``available`` that the ``granted`` ones cover.

    A wildcard covers the names it matches within ``available``, listed wildcards included; a
    granted name that is unknown or malformed covers nothing. ``implies`` is followed from every
    covered name, to the end. ``MANAGE`` is covered only where ``granted`` holds it by name. The
    answer for equal arguments is remembered. Raises ValueError when ``granted`` is one string,
    which would otherwise be read letter by letter ("*" as the list ["*"]).
    """
    table = frozenset(implies.items()) if implies else frozenset()
    return _expand(_set_of(granted), available, table)


@lru_cache(maxsize=2048)
def _expand(
    granted: frozenset[str],
    available: frozenset[str],
    table: frozenset[tuple[str, frozenset[str]]],
) -> frozenset[str]:
    implies = dict(table)
    covered = {MANAGE} & granted & available
    pending = [*granted, *(name for held in covered for name in implies.get(held, ()))]
    while pending:
        pattern = pending.pop()
        found = {name for name in available - covered if _covers(pattern, name)}
        covered |= found
        for name in found:
            pending.extend(implies.get(name, ()))
    return frozenset(covered)


def _covers(pattern: str, name: str) -> bool:
    """Whether a granted name, wildcard or not, covers one other name; never ``MANAGE``."""
    if name == MANAGE or not _is_name(pattern) or not _is_name(name):
        return False
    if pattern in ("*", name):
        return True
    resource, _, action = pattern.partition(":")
    name_resource, _, name_action = name.partition(":")
    if not action or not name_action:
        return False
    return (action == "*" and resource == name_resource) or (
        resource == "*" and action == name_action
    )


def any_of(*names: str) -> AnyOf:
    """The requirement that any one of ``names`` satisfies.

    Raises:
        ValueError: there is none, or one is malformed.
    """
    return AnyOf(frozenset(names))


def as_requirement(
    value: set[str] | frozenset[str] | list[str] | tuple[str, ...] | AnyOf | str,
) -> Requirement:
    """The requirement a view wrote down: one name, several that are all needed, or an ``any_of``.

    Raises ValueError on an empty one (a view that needs no scope says so elsewhere, in writing),
    on a malformed name and on any other type.
    """
    if isinstance(value, AnyOf):
        return value
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, set | frozenset | list | tuple):
        raise ValueError(
            f"A scope requirement is a name, a set of names or any_of(), not {_kind(value)}."
        )
    for name in value:
        validate_name(name)
    return _not_empty(frozenset(value))


def missing(requirement: Requirement, held: frozenset[str]) -> frozenset[str]:
    """The names ``held`` (an expansion) lacks for ``requirement``; empty when it is satisfied.

    For an ``AnyOf`` none of which is held, all its names. Raises ValueError on an empty
    requirement.
    """
    if isinstance(requirement, AnyOf):
        return frozenset() if requirement.names & held else requirement.names
    return _not_empty(requirement) - held


def normalise(names: Iterable[str], available: frozenset[str]) -> tuple[str, ...]:
    """The names of a token as they are stored: sorted and unique, each one of ``available``.

    Wildcards too must be listed in ``available``. An empty list gives (), which grants nothing.
    Raises ValueError that names what is unknown, and on anything but a list of strings.
    """
    if isinstance(names, str | bytes | Mapping) or not isinstance(names, Iterable):
        raise ValueError(
            _("Scopes must be a list of names, not %(kind)s.") % {"kind": _kind(names)}
        )
    listed = list(names)
    for name in listed:
        if not isinstance(name, str):
            raise ValueError(_("A scope must be a string, not %(kind)s.") % {"kind": _kind(name)})
        if not name:
            raise ValueError(_("A scope must not be empty; leave it out of the list."))
    unknown = sorted(set(listed) - available)
    if unknown:
        raise ValueError(_unknown(unknown, available))
    return tuple(sorted(set(listed)))


def is_narrower(
    child: Iterable[str],
    parent: Iterable[str],
    available: frozenset[str],
    implies: Mapping[str, frozenset[str]] = _NO_IMPLICATIONS,
) -> bool:
    """Whether all that ``child`` covers is covered by ``parent`` too; equal counts as narrower.

    A wildcard of the child needs one of the parent that covers it, even where ``available`` lists
    no wildcards: a name added to the set later must not widen the child beyond its parent.
    """
    child = _set_of(child)
    universe = available | {name for name in child if "*" in name}
    return expand(child, universe, implies) <= expand(parent, universe, implies)


def _unknown(names: Iterable[str], available: frozenset[str]) -> str:
    unknown = ", ".join(map(_shown, names))
    if not available:
        return _("Unknown scope %(unknown)s; choose from none: this API has no scopes.") % {
            "unknown": unknown
        }
    return _("Unknown scope %(unknown)s; choose from %(known)s.") % {
        "unknown": unknown,
        "known": ", ".join(sorted(available)),
    }


def _set_of(names: Iterable[str]) -> frozenset[str]:
    if isinstance(names, str):
        raise ValueError("Scopes are a list of names, not one string.")
    return frozenset(names)


def _not_empty(names: frozenset[str]) -> frozenset[str]:
    if not names:
        raise ValueError("A scope requirement must name at least one scope.")
    return names


def _is_name(name: object) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def _shown(name: object) -> str:
    if not isinstance(name, str):
        return _kind(name)
    shown = name if len(name) <= _LONGEST_SHOWN else name[:_LONGEST_SHOWN] + "…"
    return ascii(shown)


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__
