"""Last use and counters, buffered in memory and written in one go.

``record`` and ``refuse`` cost a dictionary update. A thread writes the buffer every
``FLUSH_SECONDS``; it starts with the first entry of a process (so after a fork) and the rest is
written at exit. A process that is killed loses at most what came since the last flush.
Knows no HTTP: the middleware hands in what happened.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from django.core import mail
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    connections,
    router,
    transaction,
)
from django.db.models import Q

from apikeys import conf
from apikeys.models import AccessToken, RefusalCounter, UsageCounter
from apikeys.models.activity import Period

logger = logging.getLogger("apikeys.usage")

HOUR: Final = 3600
MINUTE: Final = 60
# Distinct keys, not requests: what an attacker can make us hold is bounded by this.
LARGEST_BUFFER: Final = 100_000
LONGEST_AGENT: Final = 255
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


class RefusalKey(NamedTuple):
    """One row of ``RefusalCounter``; times are Unix seconds."""

    minute: int
    address: str
    reason: str
    dialect: str
    token_id: str


@dataclass(slots=True)
class Batch:
    """What came since the last flush."""

    uses: Counter[UsageKey] = field(default_factory=Counter)
    last: dict[tuple[int, bool], LastUse] = field(default_factory=dict)
    refusals: Counter[RefusalKey] = field(default_factory=Counter)
    dropped: int = 0

    def __bool__(self) -> bool:
        return bool(self.uses or self.last or self.refusals or self.dropped)

    def take_back(self, other: Batch) -> None:
        """Merge a batch that could not be written; newer last uses win."""
        self.uses.update(other.uses)
        self.refusals.update(other.refusals)
        self.last = {**other.last, **self.last}
        self.dropped += other.dropped


class Buffer:
    """The buffer of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._batch = Batch()
        self._last_written: dict[tuple[int, bool], int] = {}
        self._thread: threading.Thread | None = None
        self._failed_at = 0.0

    def record(
        self,
        token_pk: int,
        outcome: str,
        *,
        address: str | None,
        agent: str,
        previous: bool = False,
        used: bool = True,
        at: float | None = None,
    ) -> None:
        """Count one request of a proven token.

        Args:
            token_pk: the token's primary key.
            outcome: a value of ``Outcome``.
            address: the client's address, or None.
            agent: its User-Agent.
            previous: the secret before the last rotation was used.
            used: it was let in; one that was not, such as an expired one, keeps its last use.
            at: Unix time; now when not given.
        """
        at = time.time() if at is None else at
        key = UsageKey(token_pk, int(at) // HOUR * HOUR, outcome)
        with self._lock:
            batch = self._batch
            if key not in batch.uses and len(batch.uses) >= LARGEST_BUFFER:
                batch.dropped += 1
                return
            batch.uses[key] += 1
            if used:
                # A database refuses NUL, and one bad text would hold up the whole batch.
                agent = agent.replace("\x00", "")[:LONGEST_AGENT]
                batch.last[token_pk, previous] = LastUse(at, address, agent, previous)
        self._start()

    def refuse(
        self,
        reason: str,
        *,
        dialect: str,
        address: str,
        token_id: str = "",
        at: float | None = None,
    ) -> None:
        """Count one refused request.

        Args:
            reason: a value of ``Reason``.
            dialect: the dialect that refused it.
            address: the client's address bucket.
            token_id: set when a token of the presented id exists.
            at: Unix time; now when not given.
        """
        at = time.time() if at is None else at
        key = RefusalKey(int(at) // MINUTE * MINUTE, address, reason, dialect, token_id)
        with self._lock:
            batch = self._batch
            if key not in batch.refusals and len(batch.refusals) >= LARGEST_BUFFER:
                batch.dropped += 1
                return
            batch.refusals[key] += 1
        self._start()

    def flush(self, *, final: bool = False) -> None:
        """Write what is buffered, over this thread's own connection.

        A database that can't be written keeps the batch for the next flush and is logged at most
        once a minute.

        Args:
            final: nothing comes after it: write a last use even where the minute has one.
        """
        with self._flushing:
            with self._lock:
                batch, self._batch = self._batch, Batch()
            if not batch:
                return
            if batch.dropped:
                logger.warning("usage buffer full dropped=%d", batch.dropped)
                batch.dropped = 0
            if final:
                self._last_written.clear()
            try:
                try:
                    self._write(batch)
                except IntegrityError:
                    # Foreign keys are checked at commit: a token that a host deleted by SQL must
                    # not keep the rest of the batch from being written.
                    _forget_missing_tokens(batch)
                    self._write(batch)
            except (DatabaseError, InterfaceError) as error:
                with self._lock:
                    self._batch.take_back(batch)
                self._log_failure(error)

    def _write(self, batch: Batch) -> None:
        using = router.db_for_write(UsageCounter)
        with transaction.atomic(using=using):
            _add_uses(batch.uses, using)
            _add_refusals(batch.refusals, using)
            written, kept = self._write_last_uses(batch.last)
        if kept:
            with self._lock:
                self._batch.last = {**kept, **self._batch.last}
        self._last_written.update(written)
        if len(self._last_written) > LARGEST_BUFFER:
            self._last_written.clear()

    def _write_last_uses(
        self, last: dict[tuple[int, bool], LastUse]
    ) -> tuple[dict[tuple[int, bool], int], dict[tuple[int, bool], LastUse]]:
        """Return the minutes written, and the uses that wait for the next one."""
        written: dict[tuple[int, bool], int] = {}
        kept: dict[tuple[int, bool], LastUse] = {}
        # Sorted, so that two processes take row locks in the same order.
        for key in sorted(last):
            use = last[key]
            minute = int(use.at) // MINUTE
            if self._last_written.get(key) == minute:
                kept[key] = use  # at most one write a minute; written by a later flush
                continue
            _write_last_use(key[0], use)
            written[key] = minute
        return written, kept

    def _log_failure(self, error: Exception) -> None:
        now = time.monotonic()
        if not self._failed_at or now - self._failed_at >= MINUTE:
            self._failed_at = now
            logger.error("usage not written, kept for the next flush: %s", type(error).__name__)

    def _start(self) -> None:
        # Django's test runner replaces the outbox: there, tests call flush() themselves.
        if self._thread is not None or hasattr(mail, "outbox"):
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="apikeys-usage", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(conf.get().flush_seconds)
            try:
                self.flush()
            except Exception:
                logger.exception("usage flush failed")
            finally:
                # The thread sleeps for seconds: it holds no connection meanwhile.
                connections.close_all()


def _write_last_use(pk: int, use: LastUse) -> None:
    at = datetime.fromtimestamp(use.at, UTC)
    if use.previous:
        AccessToken.objects.filter(pk=pk).filter(
            Q(previous_last_used_at__isnull=True) | Q(previous_last_used_at__lt=at),
            previous_expires_at__isnull=False,
        ).update(previous_last_used_at=at)
    AccessToken.objects.filter(pk=pk).filter(
        Q(last_used_at__isnull=True) | Q(last_used_at__lt=at)
    ).update(last_used_at=at, last_used_address=use.address, last_used_agent=use.agent)


def _forget_missing_tokens(batch: Batch) -> None:
    pks = sorted({key.token_pk for key in batch.uses})
    known: set[int] = set()
    for start in range(0, len(pks), _BATCH):
        some = AccessToken.objects.filter(pk__in=pks[start : start + _BATCH])
        known.update(some.values_list("pk", flat=True))
    batch.uses = Counter({k: n for k, n in batch.uses.items() if k.token_pk in known})


def _add_uses(uses: Counter[UsageKey], using: str) -> None:
    rows = [
        (k.token_pk, Period.HOUR.value, stored_moment(k.hour, using), k.outcome, n)
        for k, n in sorted(uses.items())
    ]
    columns = ("token_id", "period", "started_at", "outcome")
    add_counts(UsageCounter._meta.db_table, columns, rows, using)


def _add_refusals(refusals: Counter[RefusalKey], using: str) -> None:
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
                f"INSERT INTO {quote(table)} ({names}, {count}) "  # noqa: S608
                f"VALUES {', '.join([one] * len(batch))} ON CONFLICT ({names}) "
                f"DO UPDATE SET {count} = {quote(table)}.{count} + excluded.{count}",
                [value for row in batch for value in row],
            )


_buffer = Buffer()


def _after_fork() -> None:
    # Locks and thread did not come along, and what was buffered is the parent's to write.
    global _buffer
    _buffer = Buffer()


os.register_at_fork(after_in_child=_after_fork)


def record(
    token_pk: int,
    outcome: str,
    *,
    address: str | None,
    agent: str,
    previous: bool = False,
    used: bool = True,
    at: float | None = None,
) -> None:
    """Count one request of a proven token; see ``Buffer.record``."""
    _buffer.record(
        token_pk, outcome, address=address, agent=agent, previous=previous, used=used, at=at
    )


def refuse(
    reason: str, *, dialect: str, address: str, token_id: str = "", at: float | None = None
) -> None:
    """Count one refused request; see ``Buffer.refuse``."""
    _buffer.refuse(reason, dialect=dialect, address=address, token_id=token_id, at=at)


def flush() -> None:
    """Write what this process has buffered."""
    _buffer.flush()


@atexit.register
def _flush_at_exit() -> None:
    if _buffer._thread is not None:
        _buffer.flush(final=True)
