"""The cached mode: which credentials were proven, and the rows they proved.

Keys are digests under a key of this process, so no secret is kept. An entry is valid until the
epoch changes, and never longer than 30 seconds; none is made while a change is under way, nor
before every change is sure to reach this process. Only the row and the comparison of the secret
are cached: state, address and transport are judged on every request.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from apikeys.dialects import Dialect
from apikeys.models import stores
from apikeys.models.stores import Store
from apikeys.verification import epochs, places
from apikeys.verification.verify import Proven

LONGEST_SECONDS: Final = 30.0
LARGEST: Final = 10_000

# What stands for the header (``carriers.WithheldHeader.mark``) and the label of its carrier; the
# view's dialect (another object once the settings are others) and whether every dialect's tokens
# are accepted; where the rows lie: a key of one tenant's schema proves nothing in another's.
Key = tuple[bytes, str, Dialect, bool, Store]


def prove(epoch: epochs.Epoch, key: Key, look_up: Callable[[], Proven]) -> Proven:
    """Return the row that a credential proves: from memory where that holds, else by ``look_up``.

    Args:
        epoch: the one in force.
        key: the credential, and what the view accepts.
        look_up: parses the credential and asks the database.

    Raises:
        Refusal: the credential proves nothing here; that is not remembered.
    """
    try:
        value = epoch.read()  # before the row is
        entry = memory.get(key)
        if entry is not None and entry.holds(value):
            return entry.proven
        now = time.monotonic()
        until = _until(epoch, now)
    except epochs.EpochUnavailableError:
        return look_up()
    proven = look_up()
    if until > now:
        memory.put(key, Entry(value, until, proven))
    return proven


def recall(epoch: epochs.Epoch, key: Key) -> Proven | None:
    """Return the row that a credential proves where this process can tell at once, without a
    database, a socket or a wait; None where it can't.

    Args:
        epoch, key: as ``prove``.
    """
    if not isinstance(epoch, epochs.HostEpoch):
        return None
    try:
        entry = memory.get(key)
        return entry.proven if entry is not None and entry.holds(epoch.read()) else None
    except epochs.EpochUnavailableError:
        return None


def _until(epoch: epochs.Epoch, now: float) -> float:
    """Return how long the row that is read next may be remembered, in the past for not at all."""
    epoch.check()
    # In this order: a change that begins after the second question changes the epoch, which was
    # read before the first.
    if not (stores.sees_commits() and epoch.is_quiet()):
        return 0.0
    return min(now + LONGEST_SECONDS, places.lease(epoch))


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry.

    Attributes:
        epoch: what the epoch was before the row was read.
        until: when it is forgotten, of the monotonic clock.
        proven: the row.
    """

    epoch: bytes
    until: float
    proven: Proven

    def holds(self, epoch: bytes) -> bool:
        """Whether it may still be used, under the epoch as it is now."""
        return (
            self.epoch == epoch
            and self.until > time.monotonic()
            and (not self.proven.used_previous_secret or self.proven.validity.has_overlap())
        )


class Memory:
    """The entries of one process, the oldest forgotten first."""

    def __init__(self) -> None:
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Entry | None:
        """Return the entry kept under that key, whether or not it still holds."""
        return self._entries.get(key)

    def put(self, key: Key, entry: Entry) -> None:
        """Keep an entry."""
        with self._lock:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            while len(self._entries) > LARGEST:
                self._entries.popitem(last=False)

    def forget(self) -> None:
        """Empty the memory."""
        with self._lock:
            self._entries.clear()


memory: Final = Memory()


def _renew_lock() -> None:
    """What another thread held at the fork would stay held in the child."""
    memory._lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)
