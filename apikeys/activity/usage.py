"""Last use and counters, buffered in memory and written in one go.

``record`` and ``refuse`` cost a dictionary update. A thread writes the buffer every
``FLUSH_SECONDS``; it starts with the first entry of a process (so after a fork) and the rest is
written at exit. Where the server lets no thread run, a request writes once it has been answered.
A process that is killed loses at most what came since the last flush. Entries know their database
and schema, and are written there. Knows no HTTP: the middleware hands in what happened.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Final

from django.core import mail
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    ProgrammingError,
    connections,
    transaction,
)

from apikeys import conf
from apikeys.activity import counters, servers
from apikeys.activity.batches import Batch
from apikeys.activity.counters import LastUse, RefusalKey, UsageKey, UseKey
from apikeys.models import stores
from apikeys.models.stores import Store

logger = logging.getLogger("apikeys.usage")

HOUR: Final = 3600
MINUTE: Final = 60
# Distinct keys, not requests: what an attacker can make us hold is bounded by this.
LARGEST_BUFFER: Final = 100_000
LONGEST_AGENT: Final = 255


class Buffer:
    """The buffer of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._batch = Batch()
        self._last_written: dict[UseKey, int] = {}
        self._thread: threading.Thread | None = None
        self._failed_at = 0.0
        self._overdue_at = float("inf")
        self._has_begun = False

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
        store: Store | None = None,
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
            store: where the token lies; where this thread reads tokens when not given.
        """
        at = time.time() if at is None else at
        store = store or stores.current()
        key = UsageKey(token_pk, int(at) // HOUR * HOUR, outcome, store)
        with self._lock:
            batch = self._batch
            if key not in batch.uses and len(batch.uses) >= LARGEST_BUFFER:
                batch.dropped += 1
                return
            batch.uses[key] += 1
            if used:
                # A database refuses NUL, and one bad text would hold up the whole batch.
                agent = agent.replace("\x00", "")[:LONGEST_AGENT]
                last = UseKey(token_pk, previous, store)
                batch.last[last] = LastUse(at, address, agent, previous)
        self._start()

    def refuse(
        self,
        reason: str,
        *,
        dialect: str,
        address: str,
        token_id: str = "",
        at: float | None = None,
        store: Store | None = None,
    ) -> None:
        """Count one refused request.

        Args:
            reason: a value of ``Reason``.
            dialect: the dialect that refused it.
            address: the client's address bucket.
            token_id: set when a token of the presented id exists.
            at: Unix time; now when not given.
            store: as ``record``.
        """
        at = time.time() if at is None else at
        minute = int(at) // MINUTE * MINUTE
        key = RefusalKey(minute, address, reason, dialect, token_id, store or stores.current())
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
            self._flush(final=final)

    def flush_if_overdue(self) -> bool:
        """Write as ``flush`` where nobody has for too long, and nobody is about to now.

        Returns:
            whether it was overdue.
        """
        if time.monotonic() < self._overdue_at or not self._flushing.acquire(blocking=False):
            return False
        try:
            self._flush()
        finally:
            self._flushing.release()
        return True

    def _flush(self, *, final: bool = False) -> None:
        self._put_off()
        with self._lock:
            batch, self._batch = self._batch, Batch()
        if not batch:
            return
        if batch.dropped:
            logger.warning("usage buffer full dropped=%d", batch.dropped)
            batch.dropped = 0
        if final:
            self._last_written.clear()
        for part in batch.by_store():
            self._write_or_keep(part)
        self._put_off()

    def _put_off(self) -> None:
        intervals = 1 if self._thread is None else 2
        self._overdue_at = time.monotonic() + intervals * conf.get().flush_seconds

    def _write_or_keep(self, batch: Batch) -> None:
        try:
            with stores.entered(batch.store):
                try:
                    self._write(batch)
                except IntegrityError:
                    # Foreign keys are checked at commit: a token that a host deleted by SQL must
                    # not keep the rest of the batch from being written.
                    batch.uses = counters.of_known_tokens(batch.uses, batch.store.alias)
                    self._write(batch)
                except ProgrammingError:
                    if not stores.is_gone(batch.store):
                        raise
                    logger.warning("usage dropped with its schema %s", batch.store.schema)
        except (DatabaseError, InterfaceError) as error:
            with self._lock:
                self._batch.take_back(batch, LARGEST_BUFFER)
            self._log_failure(error)

    def _write(self, batch: Batch) -> None:
        using = batch.store.alias
        with transaction.atomic(using=using):
            counters.add_uses(batch.uses, using)
            counters.add_refusals(batch.refusals, using)
            written, kept = self._write_last_uses(batch.last, using)
        if kept:
            with self._lock:
                self._batch.last = {**kept, **self._batch.last}
        self._last_written.update(written)
        if len(self._last_written) > LARGEST_BUFFER:
            self._last_written.clear()

    def _write_last_uses(
        self, last: dict[UseKey, LastUse], using: str
    ) -> tuple[dict[UseKey, int], dict[UseKey, LastUse]]:
        """Return the minutes written, and the uses that wait for the next one."""
        written: dict[UseKey, int] = {}
        kept: dict[UseKey, LastUse] = {}
        # Sorted, so that two processes take row locks in the same order.
        for key in sorted(last):
            use = last[key]
            minute = int(use.at) // MINUTE
            if self._last_written.get(key) == minute:
                kept[key] = use  # at most one write a minute; written by a later flush
                continue
            counters.write_last_use(key.token_pk, use, using)
            written[key] = minute
        return written, kept

    def _log_failure(self, error: Exception) -> None:
        now = time.monotonic()
        if not self._failed_at or now - self._failed_at >= MINUTE:
            self._failed_at = now
            logger.error("usage not written, kept for the next flush: %s", type(error).__name__)

    def _start(self) -> None:
        if self._has_begun:
            if time.monotonic() >= self._overdue_at and not self._flushing.locked():
                servers.let_requests_write(_flush_if_overdue)
            return
        # Django's test runner replaces the outbox: there, tests call flush() themselves.
        if hasattr(mail, "outbox"):
            return
        with self._lock:
            first, self._has_begun = not self._has_begun, True
        if first:
            self._begin()

    def _begin(self) -> None:
        if servers.runs_threads():
            self._thread = threading.Thread(target=self._run, name="apikeys-usage", daemon=True)
            self._thread.start()
        else:
            servers.let_requests_write(_flush_if_overdue)
        self._put_off()
        servers.prepare_for_the_end(_flush_at_exit)

    def _run(self) -> None:
        servers.leave_signals_to_the_main_thread()
        while True:
            time.sleep(conf.get().flush_seconds)
            try:
                self.flush()
                _write_others()
            except Exception:
                logger.exception("usage flush failed")
            finally:
                # The thread sleeps for seconds: it holds no connection meanwhile.
                connections.close_all()


_buffer = Buffer()
_others: list[Callable[[], None]] = []


def _after_fork() -> None:
    # Locks and thread did not come along, and what was buffered is the parent's to write.
    global _buffer
    _buffer = Buffer()


if hasattr(os, "register_at_fork"):  # Windows has no fork
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
    store: Store | None = None,
) -> None:
    """Count one request of a proven token; see ``Buffer.record``."""
    _buffer.record(
        token_pk,
        outcome,
        address=address,
        agent=agent,
        previous=previous,
        used=used,
        at=at,
        store=store,
    )


def refuse(
    reason: str,
    *,
    dialect: str,
    address: str,
    token_id: str = "",
    at: float | None = None,
    store: Store | None = None,
) -> None:
    """Count one refused request; see ``Buffer.refuse``."""
    _buffer.refuse(reason, dialect=dialect, address=address, token_id=token_id, at=at, store=store)


def flush() -> None:
    """Write what this process has buffered."""
    _buffer.flush()
    _write_others()


def write_too(write: Callable[[], None]) -> None:
    """Call this whenever the buffer is written, in the same thread; each once."""
    if write not in _others:
        _others.append(write)


def _write_others() -> None:
    for write in _others:
        write()


def _flush_if_overdue() -> bool:
    overdue = _buffer.flush_if_overdue()
    if overdue:
        _write_others()
    return overdue


@atexit.register
def _flush_at_exit() -> None:
    if _buffer._has_begun:
        servers.ignore_signals()
        close()


def close() -> None:
    """Write what this process has buffered, last uses of the running minute too: it ends."""
    _buffer.flush(final=True)
    _write_others()
