"""With ``CACHE = "host"``: whose memory a change must reach, and who may remember at all.

Shared memory belongs to one Unix user on one host, or in one container, and a process can't see
that there are others. The database can. A process remembers rows only while its place is written
there, which a thread renews; a change reaches every place that is, or is not made. A place that
has not been renewed for DEAD_SECONDS remembers nothing any more.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Final, NamedTuple

from django.core import mail
from django.db import DatabaseError, InterfaceError, connections, transaction
from django.db.models.functions import Now

from apikeys.models import EpochPlace, stores
from apikeys.verification import epochs
from apikeys.verification.epochs import Epoch, EpochUnavailableError, HostEpoch

logger = logging.getLogger("apikeys.epoch")

LEASE_SECONDS: Final = 30.0
RENEW_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 0.5
# As long as a lease, and what clocks and a slow database may differ by.
DEAD_SECONDS: Final = 45.0
# Of PostgreSQL's advisory locks: nobody becomes a place while a change is under way.
_LOCK: Final = 0x61706B70


class Lease(NamedTuple):
    """Until when, of the monotonic clock, processes at a place may remember rows."""

    identity: str
    until: float


def lease(epoch: Epoch) -> float:
    """Return until when a row that is read now may be remembered, of the monotonic clock.

    In the past where nothing may be: at first, while the database does not answer, and with a
    schema for each tenant.
    """
    if not isinstance(epoch, HostEpoch):
        return float("inf")
    store = stores.current()
    if store.schema:
        return 0.0
    _keeper.want(store.alias)
    held = _keeper.leases.get(store.alias)
    return held.until if held is not None and held.identity == epoch.identity else 0.0


def renew(epoch: HostEpoch, alias: str) -> bool:
    """Write the place of this process down, for another LEASE_SECONDS; tell whether it is.

    Raises:
        DatabaseError, InterfaceError, EpochUnavailableError: it could not be.
    """
    epoch.check()
    identity, now = epoch.identity, time.monotonic()
    places = EpochPlace.objects.using(alias)
    alive = places.filter(identity=identity, seen_at__gt=Now() - timedelta(seconds=LEASE_SECONDS))
    if not alive.update(seen_at=Now()):
        with transaction.atomic(using=alias):
            if not _nobody_changes(alias):
                return False
            places.filter(seen_at__lt=Now() - timedelta(days=1)).delete()
            values = {"user": epoch.user, "host": socket.gethostname()[:255], "seen_at": Now()}
            places.update_or_create(identity=identity, defaults=values)
    _keeper.leases[alias] = Lease(identity, now + LEASE_SECONDS)
    return True


def to_tell(epoch: Epoch) -> list[Epoch]:
    """Return every epoch that a change must be told to; where one can be, until it is committed
    no other comes.

    Args:
        epoch: that of this process.

    Raises:
        EpochUnavailableError: a place can't be reached, and its processes would go by what they
            remember.
    """
    store = stores.current()
    if not isinstance(epoch, HostEpoch) or store.schema or not _is_migrated(store.alias):
        return [epoch]
    _keep_others_out(store.alias)
    alive = EpochPlace.objects.using(store.alias).filter(
        seen_at__gt=Now() - timedelta(seconds=DEAD_SECONDS)
    )
    return [epoch, *_reached(epoch, alive)]


def _reached(epoch: HostEpoch, places: Iterable[EpochPlace]) -> Iterable[Epoch]:
    for place in places:
        if place.identity == epoch.identity:
            continue
        other = epochs.of_user(place.user)
        try:
            same = other.identity == place.identity
            reason = "the file there is another one"
        except EpochUnavailableError as error:
            same, reason = False, str(error)
        if not same:
            raise EpochUnavailableError(
                f"processes of {place} remember keys and can't be told of the change ({reason}). "
                "Make it as that user or as root, on that host and in that container, or set "
                "CACHE to 'redis'"
            )
        yield other


def _is_migrated(alias: str) -> bool:
    if alias not in _migrated:
        table = EpochPlace._meta.db_table
        if table not in connections[alias].introspection.table_names():
            return False  # nobody can have become a place
        _migrated.add(alias)
    return True


def _keep_others_out(alias: str) -> None:
    if connections[alias].vendor == "postgresql":
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_LOCK])


def _nobody_changes(alias: str) -> bool:
    if connections[alias].vendor != "postgresql":
        return True  # changes look once more after they were committed
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _close_connections() -> None:
    """Close those of this thread; one that can't be leaves the others none the worse."""
    for connection in connections.all(initialized_only=True):
        try:
            connection.close()
        except Exception:
            logger.exception("connection not closed")


class Keeper:
    """Renews the place of this process as long as somebody wants to remember."""

    def __init__(self) -> None:
        self.leases: dict[str, Lease] = {}
        self._wanted: set[str] = set()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def want(self, alias: str) -> None:
        """Have the place be written to that database, soon and then again."""
        if alias not in self._wanted:
            with self._lock:
                self._wanted.add(alias)
            self._wake.set()
        # Django's test runner replaces the outbox: there, tests call renew() themselves.
        if self._thread is None and not hasattr(mail, "outbox"):
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._run, name="apikeys-epoch", daemon=True
                    )
                    self._thread.start()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            with self._lock:
                wanted, self._wanted = self._wanted, set()
            failed = {alias for alias in wanted if not self._renew(alias)}
            # The thread sleeps for seconds: it holds no connection meanwhile.
            _close_connections()
            if failed:
                with self._lock:
                    self._wanted |= failed
                self._wake.set()
            time.sleep(RETRY_SECONDS if failed else RENEW_SECONDS)

    def _renew(self, alias: str) -> bool:
        """Whether it is done; raises nothing, or the thread would end and no other begin."""
        try:
            epoch = epochs.current()
            return not isinstance(epoch, HostEpoch) or renew(epoch, alias)
        except (DatabaseError, InterfaceError, EpochUnavailableError) as error:
            logger.debug("place not renewed, nothing is remembered: %s", type(error).__name__)
            return False
        except Exception:
            logger.exception("place not renewed")
            return False


_keeper = Keeper()
_migrated: set[str] = set()


def _after_fork() -> None:
    """Locks and thread did not come along."""
    global _keeper
    _keeper = Keeper()


os.register_at_fork(after_in_child=_after_fork)
