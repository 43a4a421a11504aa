"""The mutants of a module: which there are, what each looks like, and its source as a tree."""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass
from pathlib import Path

from mutation.mutators import changes
from mutation.sites import Site, head, sites


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one module.

    Attributes:
        path: the module's file, as the command names it.
        line: where the changed statement begins.
        kind: what was done.
        before: the statement as it stands.
        after: the statement as it was changed.
        lines: the lines whose tests can notice; empty for the whole module.
        number: its place among all mutants of the module.
    """

    path: str
    line: int
    kind: str
    before: str
    after: str
    lines: range
    number: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line} ({self.kind}): `{self.before}` -> `{self.after}`"


def count(source: str) -> int:
    """Return how many mutants a module has."""
    return sum(1 for site in sites(ast.parse(source)) for _ in changes(site))


def heads(source: str) -> set[str]:
    """Return all statements of a module, as a mutant's ``before`` shows one."""
    return {head(each) for each in ast.walk(ast.parse(source)) if isinstance(each, ast.stmt)}


def sample(path: str, source: str, size: int, seed: int) -> list[Mutant]:
    """Return a random choice that is the same for the same seed, in the order of the module."""
    numbers = list(range(count(source)))
    if size < len(numbers):
        numbers = sorted(random.Random(seed).sample(numbers, size))
    chosen = [_make(path, source, number)[0] for number in numbers]
    return [mutant for mutant in chosen if mutant.before != mutant.after]


def unchanged(path: str) -> ast.Module:
    """Return the module's tree as it stands."""
    return ast.parse(Path(path).read_text())


def tree_of(mutant: Mutant) -> ast.Module:
    """Return the module's tree with the change in it."""
    return _make(mutant.path, Path(mutant.path).read_text(), mutant.number)[1]


def _make(path: str, source: str, number: int) -> tuple[Mutant, ast.Module]:
    tree = ast.parse(source)
    position = 0
    for site in sites(tree):
        for kind, change in list(changes(site)):
            if position == number:
                statement, lines = site.statement, site.lines
                before = head(statement)
                change()
                # A statement that was dropped is no longer where it hung.
                replaced = site.node is statement and _at(site) is not statement
                after = "pass" if replaced else head(statement)
                ast.fix_missing_locations(tree)
                return Mutant(path, statement.lineno, kind, before, after, lines, number), tree
            position += 1
    raise IndexError(number)


def _at(site: Site) -> ast.AST:
    held = getattr(site.parent, site.field)
    return held if site.index is None else held[site.index]
