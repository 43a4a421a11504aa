"""What a mutant changes at a place: each rule yields small, plausible mistakes.

Comparisons and their boundaries, `and` and `or`, operands, `not`, constants, regular expressions,
arithmetic, and what can be forgotten: a call, a raise, an assignment, a value to return, a keyword,
an element, a decorator, a filter; arguments swapped, one method for its neighbour.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from mutation.sites import Site

Change = tuple[str, Callable[[], None]]
"""What kind it is, and what makes it in the tree that the site is of."""

_NEGATED: Final[dict[type, type]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
}
_SHIFTED: Final[dict[type, type]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_ARITHMETIC: Final[dict[type, type]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_NEIGHBOURS: Final = {
    "any": "all",
    "all": "any",
    "min": "max",
    "max": "min",
    "partition": "rpartition",
    "rpartition": "partition",
    "filter": "exclude",
    "exclude": "filter",
    "lower": "upper",
    "startswith": "endswith",
    "endswith": "startswith",
    "union": "intersection",
    "issubset": "issuperset",
    "fullmatch": "match",
}
# Calls on a value that narrow, lock or order it: easy to leave away.
_UNWRAPPED: Final = frozenset(
    [
        "filter",
        "exclude",
        "select_for_update",
        "order_by",
        "distinct",
        "strip",
        "lower",
        "upper",
        "casefold",
    ]
)
_BOUND: Final = re.compile(r"\{+(?:\d+,)?(\d+)\}+")


def changes(site: Site) -> Iterator[Change]:
    """Yield what can be changed at a place, in an order that is the same each time."""
    for kind, rule in _RULES:
        if isinstance(site.node, kind):
            yield from rule(site)


def _set(holder: Any, name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(holder, name, value)


def _item(holder: list[Any], index: int, value: Any) -> Callable[[], None]:
    return lambda: holder.__setitem__(index, value)


def _without(holder: list[Any], index: int) -> Callable[[], None]:
    return lambda: holder.__delitem__(index)


def _put(site: Site, new: ast.AST) -> Callable[[], None]:
    return lambda: site.put(new)


def _compare(site: Site) -> Iterator[Change]:
    node = site.node
    for index, operator in enumerate(node.ops):
        yield "negate comparison", _item(node.ops, index, _NEGATED[type(operator)]())
        if type(operator) in _SHIFTED:
            yield "shift boundary", _item(node.ops, index, _SHIFTED[type(operator)]())


def _boolean(site: Site) -> Iterator[Change]:
    node = site.node
    other = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
    yield "and/or", _set(node, "op", other)
    for index in range(len(node.values)):
        rest = [value for number, value in enumerate(node.values) if number != index]
        new = rest[0] if len(rest) == 1 else ast.BoolOp(op=node.op, values=rest)
        yield "drop operand", _put(site, new)


def _unary(site: Site) -> Iterator[Change]:
    node = site.node
    if isinstance(node.op, ast.Not | ast.USub):
        yield "drop not" if isinstance(node.op, ast.Not) else "drop minus", _put(site, node.operand)


def _binary(site: Site) -> Iterator[Change]:
    if other := _ARITHMETIC.get(type(site.node.op)):
        yield "operator", _set(site.node, "op", other())


def _condition(site: Site) -> Iterator[Change]:
    for value in (True, False):
        yield f"condition {str(value).lower()}", _set(site.node, "test", ast.Constant(value))


def _constant(site: Site) -> Iterator[Change]:
    value = site.node.value
    new: list[Any] = []
    if isinstance(value, bool):
        new = [not value]
    elif isinstance(value, int):
        new = [value + 1, value - 1]
    elif isinstance(value, float):
        new = [value + 1]
    elif isinstance(value, str | bytes) and not isinstance(site.parent, ast.FormattedValue):
        yield from _text(site, value)
    for each in new:
        yield "constant", _set(site.node, "value", each)


def _text(site: Site, value: Any) -> Iterator[Change]:
    text = value if isinstance(value, str) else value.decode("latin-1")
    if re.search(r"\w [\w(]", text):
        return  # prose

    def back(changed: str) -> Any:
        return changed if isinstance(value, str) else changed.encode("latin-1")

    regex = re.search(r"\[[^\]]+\]|\(\?|\\[dwsAZ]", text)
    if not regex:
        other = "X" if len(text) == 1 else f"XX{text}"
        yield "constant", _set(site.node, "value", back(other))
        return
    for match in _BOUND.finditer(text):
        for step in (1, -1):
            number = str(max(int(match[1]) + step, 0))
            changed = text[: match.start(1)] + number + text[match.end(1) :]
            yield "regex", _set(site.node, "value", back(changed))
    for old, new in (
        (")+", ")*"),
        ("]+", "]*"),
        ("]*", "]+"),
        ("1-9", "0-9"),
        ("a-z", ""),
        ("a-f", ""),
    ):
        for match in re.finditer(re.escape(old), text):
            changed = text[: match.start()] + new + text[match.end() :]
            yield "regex", _set(site.node, "value", back(changed))


def _call(site: Site) -> Iterator[Change]:
    node, function = site.node, site.node.func
    for index, keyword in enumerate(node.keywords):
        if keyword.arg is not None:
            yield "drop keyword", _without(node.keywords, index)
    for index in range(len(node.args) - 1):
        pair = [node.args[index + 1], node.args[index]]
        swapped = [*node.args[:index], *pair, *node.args[index + 2 :]]
        yield "swap arguments", _set(node, "args", swapped)
    name = getattr(function, "attr", getattr(function, "id", ""))
    if other := _NEIGHBOURS.get(name):
        yield (
            "neighbour",
            _set(function, "attr" if isinstance(function, ast.Attribute) else "id", other),
        )
    if name in _UNWRAPPED and isinstance(function, ast.Attribute):
        yield "unwrap call", _put(site, function.value)


def _statement(site: Site) -> Iterator[Change]:
    node = site.node
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await | ast.Yield):
        yield "drop call", _put(site, ast.Pass())
    elif isinstance(node, ast.Raise):
        yield "drop raise", _put(site, ast.Pass())
    elif isinstance(node, ast.Assign | ast.AugAssign) and not isinstance(site.parent, ast.Module):
        yield "drop assignment", _put(site, ast.Pass())
    elif isinstance(node, ast.Return) and node.value is not None:
        if not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield "return None", _set(node, "value", ast.Constant(None))
    elif isinstance(node, ast.Continue):
        yield "break", _put(site, ast.Break())


def _elements(site: Site) -> Iterator[Change]:
    node = site.node
    if isinstance(getattr(node, "ctx", None), ast.Store) or len(node.elts) < 2:
        return
    for index in range(len(node.elts)):
        yield "drop element", _without(node.elts, index)


def _decorated(site: Site) -> Iterator[Change]:
    for index, decorator in enumerate(site.node.decorator_list):
        if ast.unparse(decorator) not in (
            "property",
            "classmethod",
            "staticmethod",
            "cached_property",
        ):
            yield "drop decorator", _without(site.node.decorator_list, index)


def _slice(site: Site) -> Iterator[Change]:
    for name in ("lower", "upper"):
        if getattr(site.node, name) is not None:
            yield f"drop slice {name}", _set(site.node, name, None)


def _comprehension(site: Site) -> Iterator[Change]:
    for index in range(len(site.node.ifs)):
        yield "drop filter", _without(site.node.ifs, index)


_RULES: Final[tuple[tuple[Any, Callable[[Site], Iterator[Change]]], ...]] = (
    (ast.Compare, _compare),
    (ast.BoolOp, _boolean),
    (ast.UnaryOp, _unary),
    (ast.BinOp, _binary),
    ((ast.If, ast.IfExp, ast.While), _condition),
    (ast.Constant, _constant),
    (ast.Call, _call),
    ((ast.Expr, ast.Raise, ast.Assign, ast.AugAssign, ast.Return, ast.Continue), _statement),
    ((ast.Tuple, ast.List, ast.Set), _elements),
    ((ast.FunctionDef, ast.AsyncFunctionDef), _decorated),
    (ast.Slice, _slice),
    (ast.comprehension, _comprehension),
)
