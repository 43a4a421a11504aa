"""Roll old usage up and drop activity past its retention.

Housekeeping that nobody answers for: no actor and no audit event. Works in batches, each in a
transaction of its own, so it may run beside live traffic, twice at once, and be killed at any time;
the next run goes on. Totals are the same before and after the rolling up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import router, transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from apikeys import conf
from apikeys.activity.counters import add_counts, stored_moment
from apikeys.models import AuditEvent, RefusalCounter, UsageCounter
from apikeys.models.activity import AuditEventQuerySet, Period

BATCH: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many rows were concerned, or would be.

    Attributes:
        hours: usage counters of hours that became part of days.
        usage: usage counters past their retention, dropped.
        refusals: refusal counters past their retention, dropped.
        audit_events: audit events past their retention, dropped.
    """

    hours: int
    usage: int
    refusals: int
    audit_events: int


def prune_activity(*, now: datetime | None = None, dry_run: bool = False) -> Pruned:
    """Do what ``APIKEYS["RETENTION"]`` says; a second run finds nothing left to do.

    Args:
        now: from when the retention counts back; now when not given.
        dry_run: change nothing and count what would be done.
    """
    now = now or timezone.now()
    keep = {kind: timedelta(days=days) for kind, days in conf.get().retention.items()}
    # Days become days only when whole, so the edges are midnights.
    oldest_day = _midnight(now - keep["usage_days"])
    oldest_hour = _midnight(now - keep["usage_hours"])
    counters = UsageCounter.objects.filter(period__in=Period.values)
    hours = UsageCounter.objects.filter(
        period=Period.HOUR, started_at__gte=oldest_day, started_at__lt=oldest_hour
    )
    dropped: dict[str, QuerySet[Any]] = {
        "usage": counters.filter(started_at__lt=oldest_day),
        "refusals": RefusalCounter.objects.filter(minute__lt=now - keep["refusals"]),
        "audit_events": AuditEvent.objects.filter(created_at__lt=now - keep["audit"]),
    }
    if dry_run:
        counts = {name: rows.count() for name, rows in dropped.items()}
        return Pruned(hours=hours.count(), **counts)
    counts = {name: _drop(rows) for name, rows in dropped.items()}
    return Pruned(hours=sum(_roll_up(pks) for pks in _batches(hours)), **counts)


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _batches(rows: QuerySet[Any]) -> Iterator[list[int]]:
    """Yield primary keys until none is left; whoever takes a batch removes its rows."""
    while pks := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        yield pks


def _drop(rows: QuerySet[Any]) -> int:
    using = _database(rows.model)
    dropped = 0
    for pks in _batches(rows):
        with transaction.atomic(using=using):
            found = rows.filter(pk__in=pks)
            dropped += found.prune() if isinstance(found, AuditEventQuerySet) else found.delete()[0]
    return dropped


def _roll_up(pks: list[int]) -> int:
    """Move hours into their days in one transaction, so that a request is never counted twice."""
    using = _database(UsageCounter)
    days: Counter[tuple[int, datetime, str]] = Counter()
    with transaction.atomic(using=using):
        # Locked in the order in which ``usage`` locks them: a late flush may add to one of these.
        hours = (
            UsageCounter.objects.filter(pk__in=pks)
            .order_by("token_id", "started_at", "outcome")
            .select_for_update()
        )
        locked = []
        for hour in hours:
            locked.append(hour.pk)
            days[hour.token_id, _midnight(hour.started_at), hour.outcome] += hour.count
        add_counts(
            UsageCounter._meta.db_table,
            ("token_id", "period", "started_at", "outcome"),
            [
                (token, Period.DAY.value, stored_moment(int(day.timestamp()), using), outcome, n)
                for (token, day, outcome), n in sorted(days.items())
            ],
            using,
        )
        UsageCounter.objects.filter(pk__in=locked).delete()
    return len(locked)


def _database(model: type[Model]) -> str:
    return router.db_for_write(model)
