"""A rate, a policy and a hit: how often something may happen, counted by the `limits` library.

Knows nothing of Django, HTTP, models or tokens: callers choose the keys, and keep them bounded.
Counts live in Redis (exact across processes) or in memory (exact within one process; a child
made by fork starts with none).

When Redis refuses, hangs or answers with an error, nothing raises: a limiter in this process
takes over with the same limits, so that each process lets through at most one limit more per
window, and Redis is tried again every second by a single request. What was let through
meanwhile is not told to Redis. The 50 ms timeouts do not cover a slow name server: name Redis by
address where that matters. If Redis loses its keys, the windows start anew.
"""

from __future__ import annotations

import logging
import math
import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, TypeVar, get_args

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, RedisStorage

__all__ = ["Charge", "Limit", "Limiter", "Per", "Verdict", "Window", "limiter"]

Per = Literal["principal", "user", "token", "organization", "address"]

NAMESPACE = "apikeys"
TIMEOUT_SECONDS = 0.05
RETRY_SECONDS = 1.0
LOG_SECONDS = 60.0
MEMORY_KEYS = 50_000
RATE = re.compile(r"[1-9][0-9]{0,8} ?(/| per ) ?([1-9][0-9]{0,3} ?)?[a-z]+")

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


@lru_cache(maxsize=1024)
def _parse(rate: str) -> RateLimitItem:
    # The library also takes several rates at once and reads "1/0 hours" as "1/hour".
    try:
        if RATE.fullmatch(rate):
            return parse(rate)
    except (TypeError, ValueError):
        pass
    raise ValueError(
        f"{rate!r} is not a rate: write an amount and a time, such as '1000/hour' or"
        " '10/15 minutes' (second, minute, hour, day, month, year; both at least 1)."
    )


@dataclass(frozen=True, slots=True)
class Limit:
    """How many requests of one kind one caller may make in a time.

    `rate`: "1000/hour", "50/1 hour", "10/15 minutes".
    `per`: whose requests are counted together.
    `on`: "any", "read", "write" or a class of requests that a view names, such as "purge".
    `rolling`: any stretch of that length, instead of a window that begins with the first
    request. It remembers the time of each request, so it suits small amounts.
    `name`: limits of the same name and rate share their counts; a view that wants its own
    gives it one (no "/"). Default `<on>-<per>`.

    Raises ValueError for anything else.
    """

    rate: str
    per: Per = "token"
    on: str = "any"
    rolling: bool = False
    name: str = ""

    def __post_init__(self) -> None:
        _parse(self.rate)
        if self.per not in get_args(Per):
            raise ValueError(f"per={self.per!r}: choose one of {', '.join(get_args(Per))}.")
        if not self.on:
            raise ValueError("on='': write 'any', 'read', 'write' or a class of requests.")
        object.__setattr__(self, "name", self.name or f"{self.on}-{self.per}")
        if "/" in self.name:
            raise ValueError(f"name={self.name!r}: a limit's name has no '/'.")

    @property
    def amount(self) -> int:
        """Requests per window."""
        return _parse(self.rate).amount

    @property
    def seconds(self) -> int:
        """Length of the window."""
        return _parse(self.rate).get_expiry()

    def applies_to(self, kind: str) -> bool:
        """Whether a request of this kind ("read", "write", "purge") is counted."""
        return self.on in ("any", kind)

    def with_rate(self, rate: str) -> Limit:
        """The same limit at another rate, which starts its own count. Raises ValueError."""
        return replace(self, rate=rate)


@dataclass(frozen=True, slots=True)
class Charge:
    """One request on the account of `key`, which the caller makes from what `limit.per` says."""

    limit: Limit
    key: str

    @property
    def stored_as(self) -> str:
        """The storage's key. The strategies keep different types, so they never share one."""
        limit = self.limit
        strategy = "rolling" if limit.rolling else "fixed"
        return f"{strategy}/{limit.amount}/{limit.seconds}/{limit.name}/{self.key}"


@dataclass(frozen=True, slots=True)
class Window:
    """Where one limit stands.

    `remaining`: requests left, never negative.
    `reset_at`: Unix time in seconds; the end of the window, or when a rolling one frees its next
    place. A window that nothing has been charged to would begin now.
    `retry_after`: whole seconds until a request succeeds, at least 1; 0 while any remain.
    """

    limit: Limit
    remaining: int
    reset_at: float
    retry_after: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a hit: its windows in the order of the charges. `refused_by` is the one that
    takes longest to wait for, None when allowed."""

    allowed: bool
    windows: tuple[Window, ...]
    refused_by: Window | None


# How often a fixed window was charged, and its end in Unix seconds (None: it has not begun).
Count = tuple[int, float | None]


class _Memory(MemoryStorage):
    """The library's memory, bounded, behind one lock: alone it loses counts between threads.

    The library forgets ended windows in a thread that each hit starts and that lives about 10 ms;
    after a fork the child's next hit starts its own, and at exit a process waits for it that long.
    Beyond MEMORY_KEYS keys (about 20 MB) the oldest tenth is forgotten; their windows start anew.
    """

    STORAGE_SCHEME: list[str] = []

    def __init__(self) -> None:
        self.lock = threading.Lock()
        super().__init__()

    def read(self, charges: Sequence[Charge]) -> list[Count]:
        return [(self.get(c.stored_as), self.expirations.get(c.stored_as)) for c in charges]

    def add(self, charges: Sequence[Charge], amount: int) -> list[Count]:
        self._make_room()
        for charge in charges:
            self.incr(charge.stored_as, charge.limit.seconds, amount)
        return self.read(charges)

    def acquire(self, charge: Charge) -> bool:
        self._make_room()
        limit = charge.limit
        return self.acquire_entry(charge.stored_as, limit.amount, limit.seconds)

    def _make_room(self) -> None:
        if len(self.expirations) >= MEMORY_KEYS:
            for key in list(self.expirations)[: MEMORY_KEYS // 10]:
                self.clear(key)
        if len(self.events) >= MEMORY_KEYS:
            # The library keeps the empty list of a key whose requests have all aged.
            aged = [key for key, events in list(self.events.items()) if not events]
            for key in aged or list(self.events)[: MEMORY_KEYS // 10]:
                self.clear(key)


class _Redis(RedisStorage):
    """The library's Redis storage, with all fixed windows of a request in one round trip.

    redis-py gives a forked child connections of its own.
    """

    STORAGE_SCHEME: list[str] = []

    def __init__(self, uri: str, namespace: str) -> None:
        from redis import ConnectionPool, Redis, RedisError
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        pool = ConnectionPool.from_url(
            uri.replace("redis+unix://", "unix://", 1),
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self.client = Redis(connection_pool=pool)
        self.failures = (RedisError, OSError)
        super().__init__(uri, connection_pool=pool, key_prefix=namespace)

    def read(self, charges: Sequence[Charge]) -> list[Count]:
        pipeline = self.client.pipeline(transaction=False)
        for charge in charges:
            key = self.prefixed_key(charge.stored_as)
            pipeline.get(key)
            pipeline.pttl(key)
        answers = pipeline.execute()
        return self._counts(charges, answers[0::2], answers[1::2])

    def add(self, charges: Sequence[Charge], amount: int) -> list[Count]:
        # The time to live is set with the key and in one transaction: no key can live for ever.
        pipeline = self.client.pipeline(transaction=True)
        for charge in charges:
            key = self.prefixed_key(charge.stored_as)
            pipeline.set(key, 0, ex=charge.limit.seconds, nx=True)
            pipeline.incrby(key, amount)
            pipeline.pttl(key)
        answers = pipeline.execute()
        return self._counts(charges, answers[1::3], answers[2::3])

    def acquire(self, charge: Charge) -> bool:
        limit = charge.limit
        return self.acquire_entry(charge.stored_as, limit.amount, limit.seconds)

    def drop_idle_connections(self) -> None:
        """Left open across an outage, each of them could cost one more attempt."""
        self.client.connection_pool.disconnect(inuse_connections=False)

    def _counts(
        self, charges: Sequence[Charge], used: Sequence[bytes | int | None], left: Sequence[int]
    ) -> list[Count]:
        now = time.time()
        counts: list[Count] = []
        for charge, number, milliseconds in zip(charges, used, left, strict=True):
            if milliseconds == -1:  # somebody else took the time to live away
                self.client.expire(self.prefixed_key(charge.stored_as), charge.limit.seconds)
                ends_at = now + charge.limit.seconds
            else:
                ends_at = now + milliseconds / 1000
            counts.append((int(number or 0), None if milliseconds == -2 else ends_at))
        return counts


_Storage = _Memory | _Redis


def _fixed(limit: Limit, count: Count, now: float) -> Window:
    used, ends_at = count
    # A refund that arrives after its window has ended leaves less than nothing.
    remaining = min(max(limit.amount - used, 0), limit.amount)
    reset_at = now + limit.seconds if ends_at is None else ends_at
    retry_after = 0 if remaining else max(1, math.ceil(reset_at - now))
    return Window(limit, remaining, reset_at, retry_after)


def _rolling(storage: _Storage, charge: Charge, now: float, refused: bool) -> Window:
    limit = charge.limit
    oldest, used = storage.get_moving_window(charge.stored_as, limit.amount, limit.seconds)
    remaining = 0 if refused else max(limit.amount - used, 0)
    reset_at = oldest + limit.seconds if used or refused else now
    # A place is free only after, not at, the end: hence the next whole second.
    retry_after = 0 if remaining else max(1, math.floor(reset_at - now) + 1)
    return Window(limit, remaining, reset_at, retry_after)


def _windows(
    storage: _Storage,
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


def _peek(storage: _Storage, charges: Sequence[Charge]) -> tuple[Window, ...]:
    fixed = [charge for charge in charges if not charge.limit.rolling]
    return _windows(storage, charges, storage.read(fixed) if fixed else ())


def _refusal(windows: tuple[Window, ...]) -> Verdict:
    exhausted = [window for window in windows if not window.remaining]
    return Verdict(False, windows, max(exhausted, key=lambda window: window.retry_after))


def _hit(storage: _Storage, charges: Sequence[Charge]) -> Verdict:
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
    """Counts hits at `uri`: "memory://", or "redis://", "rediss://", "unix://", "redis+unix://".

    Timeouts in a Redis URI's query string replace ours. Raises ValueError for another scheme and
    `limits.errors.ConfigurationError` when redis-py is missing; the rest never raises.
    `namespace` begins each key in Redis.
    """

    def __init__(self, uri: str, *, namespace: str = NAMESPACE) -> None:
        scheme, separator, _ = uri.partition("://")
        if not separator or scheme not in ("memory", "redis", "rediss", "unix", "redis+unix"):
            # Only the scheme: the rest may hold a password.
            raise ValueError(f"Limits can't be counted at {scheme!r}: use memory:// or redis://.")
        self._memory = _Memory()
        self._redis = None if scheme == "memory" else _Redis(uri, namespace)
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

    def peek(self, charges: Sequence[Charge]) -> tuple[Window, ...]:
        """Where the limits stand, in the order given. Charges nothing."""
        return self._run(lambda storage: _peek(storage, charges))

    def clear(self) -> None:
        """Forget every count, in Redis all keys of the namespace. For tests."""
        self._run(lambda storage: storage.reset())
        with self._memory.lock:
            self._memory.reset()

    def _run(self, work: Callable[[_Storage], Result]) -> Result:
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
        logger.info("Redis answers again: limits are shared between processes")


_limiters: dict[str, Limiter] = {}
_limiters_lock = threading.Lock()


def limiter(uri: str) -> Limiter:
    """The process's one limiter for `uri`. Raises as `Limiter` does."""
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
