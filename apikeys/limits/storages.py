"""Where counts live: this process's memory, or Redis. Knows keys and amounts, and no verdict."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from limits.storage import MemoryStorage, RedisStorage

from apikeys.limits.policy import Charge

TIMEOUT_SECONDS = 0.05
MEMORY_KEYS = 50_000

# How often a fixed window was charged, and its end in Unix seconds (None: it has not begun).
Count = tuple[int, float | None]


class MemoryCounts(MemoryStorage):
    """The library's memory, bounded, behind one lock: alone it loses counts between threads.

    The library forgets ended windows in a thread that each hit of a rolling limit starts and that
    lives about 10 ms; after a fork the child's next hit starts its own, and at exit a process waits
    for it that long. Beyond MEMORY_KEYS keys (about 20 MB) the oldest tenth is forgotten; their
    windows start anew.
    """

    STORAGE_SCHEME: list[str] = []

    def __init__(self) -> None:
        self.lock = threading.Lock()
        super().__init__()

    def read(self, charges: Sequence[Charge]) -> list[Count]:
        return [(self.get(c.stored_as), self.expirations.get(c.stored_as)) for c in charges]

    def add(self, charges: Sequence[Charge], amount: int) -> list[Count]:
        # The library's own way takes another lock and starts a thread that looks at every key.
        self._make_room()
        now = time.time()
        counts: list[Count] = []
        for charge in charges:
            key = charge.stored_as
            ends_at = self.expirations.get(key)
            if ends_at is None or ends_at <= now:
                self.clear(key)
                ends_at = self.expirations[key] = now + charge.limit.seconds
            used = self.storage[key] = self.storage.get(key, 0) + amount
            counts.append((used, ends_at))
        return counts

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


class RedisCounts(RedisStorage):
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


Storage = MemoryCounts | RedisCounts
