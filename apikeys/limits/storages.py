"""Where counts live: this process's memory, or Redis. Knows keys and amounts, and no verdict.

Neither asks the host's clock: memory counts by the monotonic one, Redis by its own. A step of the
host's clock, or hosts that disagree, thus lengthen no window and forget no count.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from limits.storage import RedisStorage

from apikeys.limits.policy import Charge

TIMEOUT_SECONDS = 0.05
MEMORY_KEYS = 50_000

# How often a window was charged, and the seconds until it ends, or until a rolling one frees its
# next place (None: nothing has been charged).
Count = tuple[int, float | None]

# One rolling window: a list of moments in seconds, the newest first. Returns whether a place was
# taken, how many are taken, and the seconds until the oldest of them is free. The library's own
# script believes the clock of whichever host asks.
ROLLING: Final = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local amount, seconds = tonumber(ARGV[1]), tonumber(ARGV[2])

-- Redis's own clock was set back, or a host that was ahead wrote this before an upgrade.
local newest = redis.call('LINDEX', KEYS[1], 0)
if newest and tonumber(newest) > now + 1 then
    redis.call('DEL', KEYS[1])
end

local used, beyond = 0, redis.call('LLEN', KEYS[1])
while used < beyond do
    local middle = math.floor((used + beyond) / 2)
    if tonumber(redis.call('LINDEX', KEYS[1], middle)) >= now - seconds then
        used = middle + 1
    else
        beyond = middle
    end
end

local taken = 0
if ARGV[3] == '1' and used < amount then
    redis.call('LPUSH', KEYS[1], string.format('%.6f', now))
    redis.call('LTRIM', KEYS[1], 0, amount - 1)
    redis.call('EXPIRE', KEYS[1], seconds)
    taken, used = 1, used + 1
end
local left = 0
if used > 0 then
    left = tonumber(redis.call('LINDEX', KEYS[1], used - 1)) + seconds - now
end
return {taken, used, string.format('%.6f', left)}
"""


@dataclass(slots=True)
class Shelf:
    """The counts of all limits of one name.

    ``storage`` and ``expirations`` hold the number and the end of each fixed window, ``events`` the
    moments at which the places of a rolling one are free again, the oldest first; all in seconds
    of the monotonic clock.
    """

    storage: dict[str, int] = field(default_factory=dict)
    expirations: dict[str, float] = field(default_factory=dict)
    events: dict[str, deque[float]] = field(default_factory=dict)

    def make_room_for_a_window(self) -> None:
        """Forget the oldest tenth of the fixed windows, if there is no room for one more."""
        if len(self.expirations) >= MEMORY_KEYS:
            for key in list(self.expirations)[: MEMORY_KEYS // 10]:
                del self.expirations[key], self.storage[key]

    def make_room_for_events(self, now: float) -> None:
        """Forget a tenth of the rolling windows, if there is no room for one more."""
        if len(self.events) >= MEMORY_KEYS:
            aged = [key for key, free_at in self.events.items() if free_at[-1] < now]
            # A tenth in any case: otherwise each new key might look at all of them again.
            others = max(0, MEMORY_KEYS // 10 - len(aged))
            for key in aged:
                del self.events[key]
            for key in list(self.events)[:others]:
                del self.events[key]


class MemoryCounts:
    """Dictionaries that their limiter uses under ``lock``, bounded.

    Where MEMORY_KEYS keys of a kind (about 20 MB) leave no room for a new one, the oldest tenth is
    forgotten, of rolling ones first those whose places are all free, then those used least
    recently; their windows start anew. Limits of different names are kept apart: whoever can make
    keys of one, as strangers can by failing from many addresses, pushes out none of another.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        # By the names of limits, which code gives and no caller.
        self.shelves: defaultdict[str, Shelf] = defaultdict(Shelf)

    def read(self, charges: Sequence[Charge]) -> list[Count]:
        """Return where fixed windows stand."""
        now = time.monotonic()
        counts: list[Count] = []
        for charge in charges:
            shelf = self.shelves[charge.limit.name]
            ends_at = shelf.expirations.get(charge.stored_as, now)
            ended = ends_at <= now
            counts.append((0, None) if ended else (shelf.storage[charge.stored_as], ends_at - now))
        return counts

    def add(self, charges: Sequence[Charge], amount: int) -> list[Count]:
        """Charge fixed windows so much each, and return where they stand then."""
        now = time.monotonic()
        counts: list[Count] = []
        for charge in charges:
            shelf, key = self.shelves[charge.limit.name], charge.stored_as
            ends_at = shelf.expirations.get(key)
            if ends_at is None:
                shelf.make_room_for_a_window()
            if ends_at is None or ends_at <= now:
                # Taken out first: the youngest window stands last.
                shelf.expirations.pop(key, None)
                shelf.storage[key] = 0
                ends_at = shelf.expirations[key] = now + charge.limit.seconds
            shelf.storage[key] += amount
            counts.append((shelf.storage[key], ends_at - now))
        return counts

    def acquire(self, charge: Charge) -> bool:
        """Take a place of a rolling window, if it has one."""
        now = time.monotonic()
        limit, key = charge.limit, charge.stored_as
        shelf = self.shelves[limit.name]
        free_at = shelf.events.pop(key, None)
        if free_at is None:
            shelf.make_room_for_events(now)
            free_at = deque()
        shelf.events[key] = free_at  # last: the one used least recently stands first
        while free_at and free_at[0] < now:
            free_at.popleft()
        if len(free_at) >= limit.amount:
            return False
        free_at.append(now + limit.seconds)
        return True

    def look(self, charge: Charge) -> Count:
        """Return where a rolling window stands."""
        now = time.monotonic()
        events = self.shelves[charge.limit.name].events
        taken = [free_at for free_at in events.get(charge.stored_as, ()) if free_at >= now]
        return len(taken), taken[0] - now if taken else None

    def forget(self, charges: Sequence[Charge]) -> None:
        """Forget what was charged to these."""
        for charge in charges:
            shelf = self.shelves[charge.limit.name]
            for kept in (shelf.storage, shelf.expirations, shelf.events):
                kept.pop(charge.stored_as, None)

    def reset(self) -> None:
        """Forget everything."""
        self.shelves.clear()


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
        self._rolling = self.client.register_script(ROLLING)

    def read(self, charges: Sequence[Charge]) -> list[Count]:
        """Return where fixed windows stand."""
        pipeline = self.client.pipeline(transaction=False)
        for charge in charges:
            key = self.prefixed_key(charge.stored_as)
            pipeline.get(key)
            pipeline.pttl(key)
        answers = pipeline.execute()
        return self._counts(charges, answers[0::2], answers[1::2])

    def add(self, charges: Sequence[Charge], amount: int) -> list[Count]:
        """Charge fixed windows so much each, and return where they stand then."""
        # The time to live is set with the key and in one transaction: no key can live for ever.
        pipeline = self.client.pipeline(transaction=True)
        for charge in charges:
            key = self.prefixed_key(charge.stored_as)
            pipeline.set(key, 0, ex=charge.limit.seconds, nx=True)
            pipeline.incrby(key, amount)
            pipeline.pttl(key)
        answers = pipeline.execute()
        return self._counts(charges, answers[1::3], answers[2::3])

    def forget(self, charges: Sequence[Charge]) -> None:
        """Forget what was charged to these."""
        self.client.delete(*(self.prefixed_key(charge.stored_as) for charge in charges))

    def acquire(self, charge: Charge) -> bool:
        """Take a place of a rolling window, if it has one."""
        return bool(self._roll(charge, take=True)[0])

    def look(self, charge: Charge) -> Count:
        """Return where a rolling window stands."""
        _, used, left = self._roll(charge, take=False)
        return int(used), float(left) if used else None

    def time(self) -> float:
        """Return the Unix time by Redis's clock."""
        seconds, microseconds = self.client.time()
        return float(seconds + microseconds / 1_000_000)

    def drop_idle_connections(self) -> None:
        """Left open across an outage, each of them could cost one more attempt."""
        self.client.connection_pool.disconnect(inuse_connections=False)

    def _roll(self, charge: Charge, *, take: bool) -> tuple[int, int, bytes]:
        limit = charge.limit
        key = self.prefixed_key(charge.stored_as)
        taken, used, left = self._rolling([key], [limit.amount, limit.seconds, int(take)])
        return taken, used, left

    def _counts(
        self, charges: Sequence[Charge], used: Sequence[bytes | int | None], left: Sequence[int]
    ) -> list[Count]:
        counts: list[Count] = []
        for charge, number, milliseconds in zip(charges, used, left, strict=True):
            seconds: float | None = milliseconds / 1000
            if milliseconds == -2:
                seconds = None
            elif milliseconds == -1 or milliseconds > charge.limit.seconds * 1000:
                # Somebody else took the time to live away, or Redis's own clock was set back.
                self.client.expire(self.prefixed_key(charge.stored_as), charge.limit.seconds)
                seconds = charge.limit.seconds
            counts.append((int(number or 0), seconds))
        return counts


Storage = MemoryCounts | RedisCounts
