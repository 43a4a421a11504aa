"""Requests per second under uvicorn, one process, driven by wrk. Run as a module.

Each pair is measured in turns: a bare async view with our middleware and without it; an async view
with a key and DRF's view with one.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
from contextlib import ExitStack
from typing import NamedTuple

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()

from django.conf import settings

from benchmarks import databases
from benchmarks.http import serving, wrk
from benchmarks.progress import result, say

# Few enough to be remembered before anything is timed.
KEYS = 50
CACHED = json.dumps({"CACHE": "host"})


class Served(NamedTuple):
    """A view as it is served: its path, the middleware before it, what ``APIKEYS`` says."""

    path: str
    handler: str
    options: str


PAIRS = {
    "a bare async view: with our middleware / without it": (
        Served("/bare", "recording", CACHED),
        Served("/bare", "bare", CACHED),
    ),
    "a key, CACHE host: async view / DRF view": (
        Served("/async", "recording", CACHED),
        Served("/ours", "recording", CACHED),
    ),
    "a key: async view / DRF view": (
        Served("/async", "recording", "{}"),
        Served("/ours", "recording", "{}"),
    ),
}


def main(rounds: int, seconds: int) -> None:
    """Measure on the only size."""
    keys = databases.prepare(settings.SIZES[-1])["ours"]
    texts = [f"Bearer {key}" for key in keys[:KEYS]]
    views = list(dict.fromkeys(view for pair in PAIRS.values() for view in pair))
    rates: dict[Served, list[float]] = {view: [] for view in views}
    with ExitStack() as stack:
        ports = {
            served: stack.enter_context(
                serving("uvicorn", served[1], BENCH_HANDLER=served[0], BENCH_ALONE="1")
            )
            for served in {(view.handler, view.options) for view in views}
        }
        for view in views:
            wrk(ports[view.handler, view.options], view.path, texts, 2)
        for done in range(rounds):
            say("HTTP, uvicorn", done / rounds)
            for view in random.sample(views, len(views)):
                port = ports[view.handler, view.options]
                rates[view].append(wrk(port, view.path, texts, seconds))
    result(
        {
            name: {
                "per_second": [round(statistics.median(rates[view])) for view in pair],
                "ratio": round(
                    statistics.median(
                        a / b for a, b in zip(rates[pair[0]], rates[pair[1]], strict=True)
                    ),
                    3,
                ),
            }
            for name, pair in PAIRS.items()
        }
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
