"""What recording a use costs a request, and what writing the buffer costs later. A module."""

from __future__ import annotations

import os
import random
import statistics
import time
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()

from django.conf import settings
from django.db import connections
from django.utils import timezone

from apikeys.activity import usage
from apikeys.models import AccessToken
from benchmarks import databases
from benchmarks.progress import result, say

ROUNDS, NUMBER = 11, 200


def main() -> None:
    """Measure on the last of the sizes."""
    databases.prepare(settings.SIZES[-1])
    vendor = connections[databases.Router.alias].vendor
    pks = list(AccessToken.objects.order_by("pk").values_list("pk", flat=True)[: databases.REAL])
    ways = {"apikeys, buffered": _record, "UPDATE in each request": _update}
    times: dict[str, list[float]] = {name: [] for name in ways}
    flushes = []
    for done in range(ROUNDS):
        say(f"recording usage, {vendor}", done / ROUNDS)
        for name in random.sample(list(ways), len(ways)):
            some = random.choices(pks, k=NUMBER)
            started = time.perf_counter()
            for pk in some:
                ways[name](pk)
            times[name].append((time.perf_counter() - started) / NUMBER * 1e6)
        for pk in pks:
            _record(pk)
        started = time.perf_counter()
        usage.flush()
        flushes.append((time.perf_counter() - started) * 1e3)
    medians: dict[str, Any] = {n: round(statistics.median(t), 1) for n, t in times.items()}
    flush = {"tokens": len(pks), "milliseconds": round(statistics.median(flushes), 1)}
    result({"vendor": vendor, "microseconds": medians, "flush": flush})


def _record(pk: int) -> None:
    usage.record(pk, "success", address="192.0.2.1", agent="bench/1")


def _update(pk: int) -> None:
    AccessToken.objects.filter(pk=pk).update(last_used_at=timezone.now())


if __name__ == "__main__":
    main()
