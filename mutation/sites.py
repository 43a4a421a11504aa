"""The places of a module that a mutant can change, in an order that is the same each time.

Left out: annotations, docstrings, what only a type checker reads, and prose. A text with a blank
between two words is read by people, so changing a letter of it says nothing about a rule.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_TYPES: Final = ("annotation", "returns", "type_params")
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Site:
    """One node and where it hangs.

    Attributes:
        node: the node itself.
        parent: what holds it.
        field: the member of the parent.
        index: its number in that member; None when the member is no list.
        statement: the innermost statement it belongs to.
        function: the function whose code it is; None where it runs when the module is imported.
    """

    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None
    statement: ast.stmt
    function: ast.AST | None

    def put(self, new: Any) -> None:
        """Put another node in its place."""
        if self.index is None:
            setattr(self.parent, self.field, new)
        else:
            getattr(self.parent, self.field)[self.index] = new

    @property
    def lines(self) -> range:
        """The lines whose tests can notice a change here; empty for the whole module."""
        if isinstance(self.statement, _FUNCTIONS):
            # A decorator or a default shows where the function runs.
            return range(self.statement.lineno, (self.statement.end_lineno or 0) + 1)
        if self.function is None:
            return range(0)
        return range(self.statement.lineno, _end_of_head(self.statement) + 1)


def sites(tree: ast.Module) -> Iterator[Site]:
    """Yield every place of the module, outer ones first."""
    for index, statement in enumerate(tree.body):
        yield from _below(Site(statement, tree, "body", index, statement, None))


def head(statement: ast.stmt) -> str:
    """Return the statement as text, on one line and without what is indented under it."""
    shown = statement
    if hasattr(statement, "body"):
        empty = {name: [] for name in ("body", "orelse", "finalbody", "handlers")}
        fields = dict(ast.iter_fields(statement))
        bare = type(statement)(**{**fields, **{n: v for n, v in empty.items() if n in fields}})
        shown = ast.copy_location(bare, statement)
    return " ".join(ast.unparse(shown).split())


def _below(site: Site) -> Iterator[Site]:
    node = site.node
    if _is_for_readers(node):
        return
    yield site
    inside = node if isinstance(node, _FUNCTIONS) else site.function
    for field, value in ast.iter_fields(node):
        if field in _TYPES:
            continue
        for index, each in enumerate(value) if isinstance(value, list) else ((None, value),):
            if not isinstance(each, ast.AST):
                continue
            statement = each if isinstance(each, ast.stmt) else site.statement
            # Defaults and decorators run where the function is defined.
            function = inside if field == "body" or node is not inside else site.function
            yield from _below(Site(each, node, field, index, statement, function))


def _is_for_readers(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True  # a docstring, or `...`
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return True
    if isinstance(node, ast.Assign):
        [name, *_] = [ast.unparse(target) for target in node.targets]
        # A type with a name of its own, as `Network = IPv4Network | IPv6Network`, is an annotation.
        is_alias = re.fullmatch(r"([A-Z][a-z]+)+", name) and not isinstance(node.value, ast.Call)
        return name == "__all__" or bool(is_alias)
    return isinstance(node, ast.Import | ast.ImportFrom)


def _end_of_head(statement: ast.stmt) -> int:
    body = getattr(statement, "body", None)
    if body:
        return max(statement.lineno, body[0].lineno - 1)
    return statement.end_lineno or statement.lineno
