"""The counters' rows: what identifies one, and adding to many in one statement.

``usage`` decides when to write; this knows how. Knows no buffer and no thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from django.db import connections
from django.db.models import Q

from apikeys.models import AccessToken, RefusalCounter, UsageCounter
from apikeys.models.activity import Period
from apikeys.models.stores import DEFAULT, Store

_BATCH: Final = 500


class LastUse(NamedTuple):
    """When, from where and with what a token was last used; ``previous`` secret or the present."""

    at: float
    address: str | None
    agent: str
    previous: bool


class UsageKey(NamedTuple):
    """One row of ``UsageCounter``; times are Unix seconds."""

    token_pk: int
    hour: int
    outcome: str
    store: Store = DEFAULT


class UseKey(NamedTuple):
    """The last use of a token, by its ``previous`` secret or by the present one."""

    token_pk: int
    previous: bool
    store: Store = DEFAULT


class RefusalKey(NamedTuple):
    """One row of ``RefusalCounter``; times are Unix seconds."""

    minute: int
    address: str
    reason: str
    dialect: str
    token_id: str
    store: Store = DEFAULT


def write_last_use(pk: int, use: LastUse, using: str) -> None:
    """Move the last use of a token forward, never back."""
    at = datetime.fromtimestamp(use.at, UTC)
    token = AccessToken.objects.using(using).filter(pk=pk)
    if use.previous:
        token.filter(
            Q(previous_last_used_at__isnull=True) | Q(previous_last_used_at__lt=at),
            previous_expires_at__isnull=False,
        ).update(previous_last_used_at=at)
    token.filter(Q(last_used_at__isnull=True) | Q(last_used_at__lt=at)).update(
        last_used_at=at, last_used_address=use.address, last_used_agent=use.agent
    )


def of_known_tokens(uses: Counter[UsageKey], using: str) -> Counter[UsageKey]:
    """Return the counts whose token still has a row."""
    pks = sorted({key.token_pk for key in uses})
    known: set[int] = set()
    for start in range(0, len(pks), _BATCH):
        some = AccessToken.objects.using(using).filter(pk__in=pks[start : start + _BATCH])
        known.update(some.values_list("pk", flat=True))
    return Counter({k: n for k, n in uses.items() if k.token_pk in known})


def add_uses(uses: Counter[UsageKey], using: str) -> None:
    """Add requests by token, hour and outcome."""
    rows = [
        (k.token_pk, Period.HOUR.value, stored_moment(k.hour, using), k.outcome, n)
        for k, n in sorted(uses.items())
    ]
    columns = ("token_id", "period", "started_at", "outcome")
    add_counts(UsageCounter._meta.db_table, columns, rows, using)


def add_refusals(refusals: Counter[RefusalKey], using: str) -> None:
    """Add refused requests by minute, address, reason, dialect and token."""
    rows = [
        (stored_moment(k.minute, using), k.address, k.reason, k.dialect, k.token_id, n)
        for k, n in sorted(refusals.items())
    ]
    columns = ("minute", "address", "reason", "dialect", "token_id")
    add_counts(RefusalCounter._meta.db_table, columns, rows, using)


def stored_moment(seconds: int, using: str) -> Any:
    """Return a Unix time as ``add_counts`` wants it for the database."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return connections[using].ops.adapt_datetimefield_value(moment)


def add_counts(
    table: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]], using: str
) -> None:
    """Add to the counters in one statement a batch; PostgreSQL and SQLite share the syntax.

    Args:
        table: of a model with a column ``count``.
        columns: its unique key.
        rows: values of the key, then the number to add; no key twice.
        using: the database's alias.
    """
    quote = connections[using].ops.quote_name
    names, count = ", ".join(quote(c) for c in columns), quote("count")
    one = f"({', '.join(['%s'] * (len(columns) + 1))})"
    with connections[using].cursor() as cursor:
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            cursor.execute(
                # Names are quoted, values stay parameters.
                f"INSERT INTO {quote(table)} ({names}, {count}) "  # noqa: S608  # nosec B608
                f"VALUES {', '.join([one] * len(batch))} ON CONFLICT ({names}) "
                f"DO UPDATE SET {count} = {quote(table)}.{count} + excluded.{count}",
                [value for row in batch for value in row],
            )
