"""Made-up requests of the last month for the counters: the same numbers for the same start.

Knows tokens only by their keys in the counters; writes through ``apikeys.seeding`` alone.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import router

from apikeys.models import AccessToken, UsageCounter
from apikeys.models.activity import Outcome
from apikeys.refusals import Reason
from apikeys.seeding import (
    LastUse,
    RefusalKey,
    UsageKey,
    add_refusals,
    add_uses,
    write_last_use,
)

DAYS: Final = 30
HOUR: Final = timedelta(hours=1)
AGENT: Final = "demo data"
# How busy each hour of a day (UTC) is, from 0 to 1.
SHAPES: Final = {
    "office": (0.05,) * 6 + (0.2, 0.5, 0.8, 1, 1, 0.9, 0.7, 0.9, 1, 0.9, 0.7, 0.4) + (0.1,) * 6,
    "steady": (0.6,) * 7 + (0.9,) * 12 + (0.7,) * 5,
    "night": (0, 0, 1, 0.4) + (0,) * 20,
}
WEEKEND: Final = {"office": 0.15, "steady": 0.7, "night": 1}


@dataclass(frozen=True, slots=True)
class Load:
    """How a token is used.

    Attributes:
        peak: requests in the busiest hour.
        shape: one of ``SHAPES``.
        client_errors, server_errors: shares of the requests, from 0 to 1.
        limited_on: how many days ago it ran into its limit, in three hours; never when None.
        address: where from.
    """

    peak: int
    shape: str = "office"
    client_errors: float = 0.02
    server_errors: float = 0.002
    limited_on: int | None = None
    address: str = "203.0.113.20"


@dataclass(frozen=True, slots=True)
class Knocking:
    """Requests that were refused: about ``peak`` every few hours from one address, since a day."""

    reason: Reason
    since_days: int
    peak: int
    address: str


def use(token: AccessToken, load: Load, *, first: datetime, last: datetime) -> None:
    """Write the token's counters of the last ``DAYS`` days before ``last``, and its last use."""
    rng = random.Random(f"use {token.name}")  # noqa: S311 - nothing secret depends on it
    uses: Counter[UsageKey] = Counter()
    for hour, share in _hours(max(first, last - timedelta(days=DAYS)), last):
        weekend = WEEKEND[load.shape] if hour.weekday() >= 5 else 1
        busy = SHAPES[load.shape][hour.hour] * weekend * share
        total = round(load.peak * busy * rng.uniform(0.7, 1.1))
        spoilt = {
            Outcome.CLIENT_ERROR: _share(rng, total, load.client_errors),
            Outcome.SERVER_ERROR: _share(rng, total, load.server_errors),
            Outcome.LIMITED: total if _is_limited(load, hour, last) else 0,
        }
        spoilt[Outcome.SUCCESS] = max(total - sum(spoilt.values()) + spoilt[Outcome.LIMITED], 0)
        for outcome, count in spoilt.items():
            if count:
                uses[UsageKey(token.pk, int(hour.timestamp()), outcome.value)] = count
    if not uses:
        return
    add_uses(uses, router.db_for_write(UsageCounter))
    latest = max(key.hour for key in uses)
    ago = rng.randint(1, 20) * 60
    at = max(latest, min(last.timestamp() - ago, latest + 3599))
    for previous in (True, False):
        if previous and not token.has_overlap():
            continue
        seen = LastUse(at - 2400 * previous, load.address, AGENT, previous)
        write_last_use(token.pk, seen, router.db_for_write(AccessToken))


def knock(token: AccessToken, knocking: Knocking, *, now: datetime) -> None:
    """Write the refused requests that named the token; proven ones count for it, too."""
    rng = random.Random(f"knock {token.name} {knocking.reason}")  # noqa: S311
    refusals: Counter[RefusalKey] = Counter()
    uses: Counter[UsageKey] = Counter()
    for hour, _share_of_hour in _hours(now - timedelta(days=knocking.since_days), now - HOUR):
        if hour.hour % 4 != 1:
            continue
        count = rng.randint(1, knocking.peak)
        minute = int(hour.timestamp()) + 60 * rng.randrange(60)
        refusals[
            RefusalKey(minute, knocking.address, knocking.reason, "default", token.token_id)
        ] = count
        if knocking.reason is not Reason.WRONG_SECRET:
            uses[UsageKey(token.pk, int(hour.timestamp()), Outcome.REFUSED.value)] = count
    using = router.db_for_write(UsageCounter)
    add_refusals(refusals, using)
    add_uses(uses, using)


def _hours(first: datetime, last: datetime) -> Iterator[tuple[datetime, float]]:
    """Yield each hour with the part of it that is over: all but the last are whole."""
    hour = first.replace(minute=0, second=0, microsecond=0)
    while hour <= last:
        yield hour, min((last - hour) / HOUR, 1)
        hour += HOUR


def _share(rng: random.Random, total: int, share: float) -> int:
    return int(total * share * rng.uniform(0, 2) + rng.random() * 0.9) if total else 0


def _is_limited(load: Load, hour: datetime, last: datetime) -> bool:
    if load.limited_on is None:
        return False
    day = (last - timedelta(days=load.limited_on)).date()
    return hour.date() == day and 9 <= hour.hour < 12
