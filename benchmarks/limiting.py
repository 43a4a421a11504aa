"""The limiter beside DRF's throttles: microseconds, round trips, exactness. A module."""

from __future__ import annotations

import multiprocessing
import os
import random
import secrets
import statistics
import time
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()

from django.conf import settings
from django.core.cache import caches
from rest_framework.throttling import SimpleRateThrottle

from apikeys.limits import Charge, Limit
from apikeys.limits.limiters import Limiter
from benchmarks.progress import result, say

PROCESSES, AMOUNT, ATTEMPTS = 4, 1_000, 600
ROUNDS, NUMBER, KEYS = 15, 200, 200


class DrfThrottle(SimpleRateThrottle):
    """DRF's own, of a key that it is handed."""

    rate = "999999999/hour"
    scope = "bench"

    def get_cache_key(self, request: Any, view: Any) -> str:
        return str(request)


def ours(uri: str, rate: str) -> Callable[[str], bool]:
    """Return what asks this library's limiter."""
    limiter, limit = Limiter(uri, namespace="apikeys-bench"), Limit(rate, name="bench")
    return lambda key: limiter.hit([Charge(limit, key)]).allowed


def drf(cache: str, rate: str) -> Callable[[str], bool]:
    """Return what asks DRF's throttle."""
    kind = type("Throttle", (DrfThrottle,), {"cache": caches[cache], "rate": rate})
    return lambda key: bool(kind().allow_request(key, None))


def limiters(rate: str) -> dict[str, Callable[[str], bool]]:
    """Return all of them, by name."""
    found = {
        "apikeys, memory": ours("memory://", rate),
        "DRF throttle, local memory": drf("default", rate),
    }
    if settings.REDIS_URL:
        found["apikeys, Redis"] = ours(settings.REDIS_URL, rate)
        found["DRF throttle, Redis"] = drf("redis", rate)
    return found


def _attempts(name: str, key: str, gate: Any, allowed: Any) -> None:
    ask = limiters(f"{AMOUNT}/hour")[name]
    gate.wait()
    count = sum(ask(key) for _ in range(ATTEMPTS))
    with allowed.get_lock():
        allowed.value += count


def _allowed(name: str) -> int:
    """Return how many of four processes' attempts on one key were let through."""
    context = multiprocessing.get_context("spawn")
    gate, allowed = context.Barrier(PROCESSES), context.Value("i", 0)
    arguments = (name, secrets.token_hex(8), gate, allowed)
    workers = [context.Process(target=_attempts, args=arguments) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return int(allowed.value)


def main() -> None:
    """Measure."""
    asked = limiters("999999999/hour")
    run = secrets.token_hex(4)
    times: dict[str, list[float]] = {name: [] for name in asked}
    for done in range(ROUNDS):
        say("limiters", done / ROUNDS / 2)
        for name in random.sample(list(asked), len(asked)):
            keys = [f"{run}{random.randrange(KEYS)}" for _ in range(NUMBER)]
            started = time.perf_counter()
            for key in keys:
                asked[name](key)
            times[name].append((time.perf_counter() - started) / NUMBER * 1e6)
    rows = []
    for done, name in enumerate(asked):
        say(f"exactness of {name}", 0.5 + done / len(asked) / 2)
        rows.append(
            {
                "name": name,
                "microseconds": round(statistics.median(times[name]), 1),
                "round_trips": _round_trips(name),
                "allowed": _allowed(name),
            }
        )
    limits = {"amount": AMOUNT, "attempts": PROCESSES * ATTEMPTS, "processes": PROCESSES}
    result({**limits, "limiters": rows})


def _round_trips(name: str) -> int:
    """Count what is sent to Redis for one hit, by the driver's own writes."""
    if "Redis" not in name:
        return 0
    from redis.connection import AbstractConnection

    sent, original = [], AbstractConnection.send_packed_command

    def count(self: Any, command: Any, check_health: bool = True) -> None:
        sent.append(command)
        original(self, command, check_health)

    ask = limiters("999999999/hour")[name]
    ask("warm")
    AbstractConnection.send_packed_command = count  # type: ignore[method-assign]
    try:
        ask("warm")
    finally:
        AbstractConnection.send_packed_command = original  # type: ignore[method-assign]
    return len(sent)


if __name__ == "__main__":
    main()
