"""The verdict on a hit, and the limiter that counts in Redis or, when that fails, by itself."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from apikeys.limits.policy import Charge, Limit, Verdict, Window
from apikeys.limits.storages import Count, MemoryCounts, RedisCounts, Storage

NAMESPACE = "apikeys"
RETRY_SECONDS = 1.0
LOG_SECONDS = 60.0

logger = logging.getLogger("apikeys.limits")
Result = TypeVar("Result")


def _fixed(limit: Limit, count: Count, now: float) -> Window:
    used, left = count
    # A refund can arrive after its window has ended, which makes the count negative.
    remaining = min(max(limit.amount - used, 0), limit.amount)
    # In floating point the rest of a window can be a hair more than the whole.
    left = limit.seconds if left is None else min(left, limit.seconds)
    retry_after = 0 if remaining else max(1, math.ceil(left))
    return Window(limit, remaining, now + left, retry_after)


def _rolling(storage: Storage, charge: Charge, now: float, refused: bool) -> Window:
    limit = charge.limit
    used, left = storage.look(charge)
    remaining = 0 if refused else max(limit.amount - used, 0)
    if left is None:  # where it was refused, its place has become free in between
        left = 0
    left = min(left, limit.seconds)
    # A place is free only after, not at, the end: hence the next whole second.
    retry_after = 0 if remaining else max(1, math.floor(left) + 1)
    return Window(limit, remaining, now + left, retry_after)


def _windows(
    storage: Storage,
    charges: Sequence[Charge],
    counts: Sequence[Count],
    refused: Charge | None = None,
) -> tuple[Window, ...]:
    now = time.time()
    rest = iter(counts)
    return tuple(
        _rolling(storage, charge, now, charge is refused)
        if charge.limit.rolling
        else _fixed(charge.limit, next(rest), now)
        for charge in charges
    )


def _peek(storage: Storage, charges: Sequence[Charge]) -> tuple[Window, ...]:
    fixed = [charge for charge in charges if not charge.limit.rolling]
    return _windows(storage, charges, storage.read(fixed) if fixed else ())


def _refusal(windows: tuple[Window, ...]) -> Verdict:
    exhausted = [window for window in windows if not window.remaining]
    return Verdict(False, windows, max(exhausted, key=lambda window: window.retry_after))


def _hit(storage: Storage, charges: Sequence[Charge]) -> Verdict:
    """Test all, then charge all or none. A lone charge needs no test: taking it is the test.

    Two requests may pass the test for the last place; the one that finds it gone gives back what
    it took. Until then, a few microseconds, its charge can refuse a third request that had room,
    never admit one too many. What remains inexact: rolling windows have no way back, so they
    come last and a request that loses the second of two leaves its charge on the first; and
    a refund that arrives after its window has ended gives the next one a place too many.
    """
    if len(charges) > 1:
        windows = _peek(storage, charges)
        if not all(window.remaining for window in windows):
            return _refusal(windows)
    fixed = [charge for charge in charges if not charge.limit.rolling]
    counts = storage.add(fixed, 1) if fixed else []
    over = any(used > c.limit.amount for c, (used, _) in zip(fixed, counts, strict=True))
    refused: Charge | None = None
    if not over:
        rolling = (charge for charge in charges if charge.limit.rolling)
        refused = next((charge for charge in rolling if not storage.acquire(charge)), None)
    if not over and refused is None:
        return Verdict(True, _windows(storage, charges, counts), None)
    if fixed and len(charges) > 1:
        storage.add(fixed, -1)
        counts = [
            (used - 1 if used <= charge.limit.amount else used, ends_at)
            for charge, (used, ends_at) in zip(fixed, counts, strict=True)
        ]
    return _refusal(_windows(storage, charges, counts, refused))


class Limiter:
    """Counts hits at ``uri``: "memory://", or "redis://", "rediss://", "unix://", "redis+unix://".

    Timeouts in a Redis URI's query string replace ours. Raises ValueError for another scheme and
    ImportError when redis-py is missing; the rest never raises.
    ``namespace`` begins each key in Redis.
    """

    def __init__(self, uri: str, *, namespace: str = NAMESPACE) -> None:
        scheme, separator, _ = uri.partition("://")
        if not separator or scheme not in ("memory", "redis", "rediss", "unix", "redis+unix"):
            # Only the scheme: the rest may hold a password.
            raise ValueError(f"Limits can't be counted at {scheme!r}: use memory:// or redis://.")
        self._memory = MemoryCounts()
        self._redis = None if scheme == "memory" else RedisCounts(uri, namespace)
        self._breaker = threading.Lock()
        self._retry_at: float | None = None
        self._logged_at = -math.inf

    @property
    def degraded(self) -> bool:
        """Whether Redis failed at the last attempt, so that this process counts for itself."""
        return self._retry_at is not None

    def hit(self, charges: Sequence[Charge]) -> Verdict:
        """Charge all of them, or none when one has nothing left. None given: allowed."""
        if not charges:
            return Verdict(True, (), None)
        return self._run(lambda storage: _hit(storage, charges))

    def charge_one(self, charge: Charge) -> int:
        """Charge one limit that does not roll, as ``hit`` does.

        Returns the seconds to wait if it had nothing left, else 0. Raises ValueError for a rolling
        limit.
        """
        if charge.limit.rolling:
            raise ValueError("a rolling limit is charged by hit()")
        used, ends_at = self._run(lambda storage: storage.add((charge,), 1))[0]
        if used <= charge.limit.amount:
            return 0
        return _fixed(charge.limit, (used, ends_at), time.time()).retry_after

    def add(self, charges: Sequence[Charge], amount: int = 1) -> list[int]:
        """Charge limits that do not roll, whether or not they have anything left.

        Returns how often each has been charged then. A negative amount takes back.
        """
        return [used for used, _ in self._run(lambda storage: storage.add(charges, amount))]

    def peek(self, charges: Sequence[Charge]) -> tuple[Window, ...]:
        """Where the limits stand, in the order given. Charges nothing."""
        return self._run(lambda storage: _peek(storage, charges))

    def forget(self, charges: Sequence[Charge]) -> None:
        """Forget what was charged to these, as if it had never been."""
        self._run(lambda storage: storage.forget(charges))

    def redis_time(self) -> float | None:
        """Return the Unix time by Redis's clock; None where counts are in memory or Redis fails."""
        if self._redis is None:
            return None
        try:
            return self._redis.time()
        except self._redis.failures:
            return None

    def clear(self) -> None:
        """Forget every count, in Redis all keys of the namespace. For tests."""
        self._run(lambda storage: storage.reset())
        with self._memory.lock:
            self._memory.reset()

    def _run(self, work: Callable[[Storage], Result]) -> Result:
        if self._redis is not None and self._may_try():
            try:
                result = work(self._redis)
            except self._redis.failures as error:
                self._trip(error)
            else:
                if self._retry_at is not None:
                    self._recover()
                return result
        with self._memory.lock:
            return work(self._memory)

    def _may_try(self) -> bool:
        if self._retry_at is None:
            return True
        with self._breaker:
            now = time.monotonic()
            if self._retry_at is not None:
                if now < self._retry_at:
                    return False
                self._retry_at = now + RETRY_SECONDS  # this request tries, the others wait
            return True

    def _trip(self, error: BaseException) -> None:
        if self._redis is not None:
            self._redis.drop_idle_connections()
        with self._breaker:
            now = time.monotonic()
            self._retry_at = now + RETRY_SECONDS
            quiet = now - self._logged_at < LOG_SECONDS
            if not quiet:
                self._logged_at = now
        if not quiet:
            # The type alone: texts of this library may quote what was sent.
            name = type(error).__name__
            logger.warning("Redis fails (%s): this process counts limits by itself", name)

    def _recover(self) -> None:
        with self._breaker:
            self._retry_at = None
        logger.warning("Redis answers again: limits are shared between processes")


_limiters: dict[str, Limiter] = {}
_limiters_lock = threading.Lock()


def limiter(uri: str) -> Limiter:
    """The process's one limiter for ``uri``. Raises as ``Limiter`` does."""
    found = _limiters.get(uri)
    if found is None:
        with _limiters_lock:
            found = _limiters.get(uri) or _limiters.setdefault(uri, Limiter(uri))
    return found


def _forget_limiters() -> None:
    """A lock that another thread held at the fork would stay held in the child."""
    global _limiters_lock
    _limiters.clear()
    _limiters_lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_limiters)
