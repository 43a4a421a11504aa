"""What the library promises, and whether a run kept it. All are ratios within one run."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.names import API_KEY, DJANGO_VIEW, FLOOR, FLOOR_401, KNOX, STATELESS, TOKEN

Results = dict[str, Any]
LONG = 100_000


class Target(NamedTuple):
    """One promise: ``value`` must be at most (or at least) ``bound``."""

    text: str
    bound: float
    value: float | None
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """PASS, FAIL, or that it was not measured."""
        if self.value is None:
            return "left out"
        kept = self.value >= self.bound if self.at_least else self.value <= self.bound
        return "PASS" if kept else "FAIL"


class Paths:
    """The times of one database system."""

    def __init__(self, run: Results, size: int) -> None:
        self.times: dict[str, list[float]] = run["times"]
        self.size = size

    def over(self, name: str, kind: str = "accepted", size: int | None = None) -> float:
        """Return the microseconds that a variant adds to the floor of the same round."""
        size = size or self.size
        floor = self.times[f"{size}|{FLOOR if kind == 'accepted' else FLOOR_401}|accepted"]
        times = self.times[f"{size}|{name}|{kind}"]
        return statistics.median(a - b for a, b in zip(times, floor, strict=True))

    def whole(self, name: str, size: int | None = None) -> float:
        """Return the microseconds of a whole request."""
        return statistics.median(self.times[f"{size or self.size}|{name}|accepted"])

    def ratio(self, name: str, other: str) -> float | None:
        """Return overhead over overhead."""
        return self._or_none(lambda: self.over(name) / self.over(other))

    def of_floor(self, name: str) -> float | None:
        """Return whole request over whole floor."""
        return self._or_none(lambda: self.whole(name) / self.whole(FLOOR))

    def malformed(self) -> float | None:
        """Return what a malformed key costs over the floor of a 401, in microseconds."""
        return self._or_none(lambda: self.over("apikeys", "malformed"))

    def growth(self, small: int, big: int) -> float | None:
        """Return the cost of the default path at one size over that at another."""
        return self._or_none(
            lambda: self.over("apikeys", size=big) / self.over("apikeys", size=small)
        )

    @staticmethod
    def _or_none(value: Callable[[], float]) -> float | None:
        try:
            return value()
        except (KeyError, statistics.StatisticsError):
            return None


def targets(results: Results, size: int, sizes: list[int]) -> list[Target]:
    """Return every promise with what this run says of it."""
    runs = {run["vendor"]: Paths(run, size) for run in results.get("paths", [])}
    nothing = Paths({"times": {}}, size)
    pg, lite = runs.get("postgresql", nothing), runs.get("sqlite", nothing)
    return [
        *_postgresql(pg),
        Target(f"SQLite, default / {API_KEY}", 0.30, lite.ratio("apikeys", API_KEY)),
        *_cached(pg, lite),
        Target("PostgreSQL, malformed key, µs over a 401", 12, pg.malformed()),
        Target("SQLite, malformed key, µs over a 401", 12, lite.malformed()),
        *_sizes(results, {"PostgreSQL": pg, "SQLite": lite}, sizes),
        *_http(results.get("http") or {}),
        *_asgi(results.get("asgi") or {}),
    ]


def _postgresql(pg: Paths) -> list[Target]:
    found = []
    for name, bounds in (("apikeys", (0.75, 0.55, 0.33)), ("apikeys, PREPARE", (0.55, 0.40, 0.25))):
        for peer, bound in zip((API_KEY, TOKEN, KNOX), bounds, strict=True):
            found.append(Target(f"PostgreSQL, {name} / {peer}", bound, pg.ratio(name, peer)))
    whole = pg.ratio("apikeys, all of it", API_KEY)
    return [*found, Target(f"PostgreSQL, apikeys, all of it / {API_KEY}", 0.90, whole)]


def _cached(pg: Paths, lite: Paths) -> list[Target]:
    host, redis = "apikeys, CACHE host", "apikeys, CACHE redis"
    view = f"{DJANGO_VIEW}, CACHE host"
    return [
        Target(f"PostgreSQL, {host}, whole request / floor", 1.20, pg.of_floor(host)),
        Target(f"SQLite, {host}, whole request / floor", 1.20, lite.of_floor(host)),
        Target(f"PostgreSQL, {view}, whole request / floor", 0.85, pg.of_floor(view)),
        Target(f"SQLite, {view}, whole request / floor", 0.85, lite.of_floor(view)),
        Target(f"PostgreSQL, {host} / {API_KEY}", 1 / 15, pg.ratio(host, API_KEY)),
        Target(f"PostgreSQL, {host} / {STATELESS}", 1.0, pg.ratio(host, STATELESS)),
        Target(f"SQLite, {host} / {STATELESS}", 1.0, lite.ratio(host, STATELESS)),
        Target(f"PostgreSQL, {redis} / {API_KEY}", 0.35, pg.ratio(redis, API_KEY)),
    ]


def _sizes(results: Results, paths: dict[str, Paths], sizes: list[int]) -> list[Target]:
    small, big = min(sizes), max(sizes)
    found = []
    for database, measured in paths.items():
        text = f"{database}, default at {big:,} tokens / at {small:,}"
        found.append(Target(text, 1.15, measured.growth(small, big) if big > small else None))
    for run in results.get("pages", []):
        text = f"{run['vendor']}, token list of {run['size']:,} / of 1,000"
        found.append(Target(text, 1.5, run["ratios"]["tokens"] if run["size"] >= LONG else None))
        for page, scans in run["scans"].items():
            # A short table is rightly read from end to end.
            count = len(scans) if run["size"] >= LONG else None
            found.append(Target(f"{run['vendor']}, {page} page, sequential scans", 0, count))
    return found


def _http(runs: Results) -> list[Target]:
    granian = runs.get("granian", {})

    def of(name: str) -> float | None:
        return granian[name]["of_api_key"] if name in granian else None

    return [
        Target(f"granian, requests/s, apikeys / {API_KEY}", 1.2, of("apikeys"), at_least=True),
        Target(
            f"granian, requests/s, apikeys, CACHE host / {API_KEY}",
            2.5,
            of("apikeys, CACHE host"),
            at_least=True,
        ),
    ]


def _asgi(pairs: Results) -> list[Target]:
    bounds = {
        "a bare async view: with our middleware / without it": 1 / 1.10,
        "a key, CACHE host: async view / DRF view": 1.25,
    }
    return [
        Target(
            f"uvicorn, requests/s, {name}",
            bound,
            pairs[name]["ratio"] if name in pairs else None,
            at_least=True,
        )
        for name, bound in bounds.items()
    ]
