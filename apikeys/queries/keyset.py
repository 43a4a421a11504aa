"""Pages of a long list without counting it: each page starts where the last one ended.

The list is cut into parts that one index each can walk in order (the tokens of one workspace); a
page reads at most its own size of every part, however long they are. Knows querysets, no model of
ours and no HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Final, Generic, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import RawSQL

M = TypeVar("M", bound=Model)

# SQLite joins at most 500 selects; a list of more pieces is sorted as a whole.
LARGEST_UNION: Final = 400


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted.

    Attributes:
        columns: fields or annotations, the last one unique in the list.
        descending: direction of all of them.
        nullable: the first one can be null; rows where it is come last in both directions.
    """

    columns: tuple[str, ...]
    descending: bool = False
    nullable: bool = False

    def sorting(self, *, backwards: bool = False) -> Iterator[Any]:
        """Yield what ``order_by`` takes; backwards, from the last row to the first."""
        first, *others = self.columns
        descending = self.descending != backwards
        nulls: dict[str, bool] = {}
        if self.nullable:
            nulls = {"nulls_first": True} if backwards else {"nulls_last": True}
        yield F(first).desc(**nulls) if descending else F(first).asc(**nulls)
        for name in others:
            yield F(name).desc() if descending else F(name).asc()


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """One page; ``before`` and ``after`` are the rows to continue from, None at the ends."""

    rows: list[M]
    before: M | None
    after: M | None


def page(
    queryset: QuerySet[M],
    order: Order,
    *,
    parts: Sequence[Q],
    size: int,
    after: M | None = None,
    before: M | None = None,
) -> Page[M]:
    """Return the rows that follow ``after``, precede ``before``, or come first, in one query.

    Args:
        queryset: the list, with the annotations that ``order`` names.
        order: how it is sorted.
        parts: conditions that exclude each other; the list is what meets one of them.
        size: rows on a page.
        after, before: a row of the list, with the same annotations; at most one of the two.
    """
    backwards = before is not None
    rows = _rows(queryset, order, parts, size + 1, before if backwards else after, backwards)
    more, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
    if not rows:
        return Page([], None, None)
    has_previous = more if backwards else after is not None
    has_next = backwards or more
    return Page(rows, rows[0] if has_previous else None, rows[-1] if has_next else None)


def _rows(
    queryset: QuerySet[M],
    order: Order,
    parts: Sequence[Q],
    limit: int,
    start: M | None,
    backwards: bool,
) -> list[M]:
    pieces = [
        (part & piece, columns)
        for part in parts
        for piece, columns in _pieces(order, start, backwards)
    ]
    sign = "-" if order.descending != backwards else ""
    selects: list[str] = []
    parameters: list[Any] = []
    for condition, columns in pieces:
        piece = queryset.filter(condition).order_by(*(sign + name for name in columns))
        try:
            compiler = piece.values("pk")[:limit].query.get_compiler(using=queryset.db)
            sql, values = compiler.as_sql()
        except EmptyResultSet:
            continue
        # The text is what Django compiled, the values stay parameters.
        selects.append(f"SELECT * FROM ({sql}) AS piece_{len(selects)}")  # noqa: S608  # nosec B608
        parameters.extend(values)
    if not selects:
        return []
    if len(selects) > LARGEST_UNION:
        rows = queryset.filter(reduce(or_, (condition for condition, _ in pieces)))
    else:
        union = RawSQL(" UNION ALL ".join(selects), parameters)  # noqa: S611  # nosec B611
        rows = queryset.filter(pk__in=union)
    return list(rows.order_by(*order.sorting(backwards=backwards))[:limit])


def _pieces(
    order: Order, start: Model | None, backwards: bool
) -> Iterator[tuple[Q, tuple[str, ...]]]:
    """Yield conditions on the rows from ``start`` on, each with the columns left to sort by."""
    first, *others = order.columns
    known, null = Q(**{f"{first}__isnull": False}), Q(**{f"{first}__isnull": True})
    rest = tuple(others)
    if start is None:
        if not order.nullable:
            yield Q(), order.columns
            return
        yield known, order.columns
        yield null, rest
        return
    step = "lt" if order.descending != backwards else "gt"
    if order.nullable and getattr(start, first) is None:
        for condition, columns in _beyond(rest, start, step):
            yield null & condition, columns
        if backwards:
            yield known, order.columns
        return
    yield from _beyond(order.columns, start, step)
    if order.nullable and not backwards:
        yield null, rest


def _beyond(
    columns: tuple[str, ...], start: Model, step: str
) -> Iterator[tuple[Q, tuple[str, ...]]]:
    """Yield what is beyond ``start``: equal in the first columns, further in the next one."""
    equal = Q()
    for index, name in enumerate(columns):
        value = getattr(start, name)
        yield equal & Q(**{f"{name}__{step}": value}), columns[index:]
        equal &= Q(**{name: value})
