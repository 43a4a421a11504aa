"""`manage.py prune_activity`: hours become days, old activity goes, no request is miscounted."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.db import connections
from django.db.models import Sum

from apikeys.activity import retention as pruning
from apikeys.activity import usage
from apikeys.activity.retention import Pruned, prune_activity
from apikeys.models import AuditEvent, RefusalCounter, UsageCounter
from apikeys.queries import reports

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
# The first midnight whose hours are kept: 35 days back from NOW, at the start of that day.
EDGE = datetime(2026, 10, 16, tzinfo=UTC)
NOTHING = Pruned(hours=0, usage=0, refusals=0, audit_events=0)


@pytest.fixture
def token(issue):
    return issue().token


def count(token, started_at, number, outcome="success", period="hour"):
    UsageCounter.objects.create(
        token=token, period=period, started_at=started_at, outcome=outcome, count=number
    )


def stored():
    return {
        (row.token_id, row.period, row.started_at, row.outcome): row.count
        for row in UsageCounter.objects.all()
    }


def test_hours_of_a_past_day_become_that_day(token, issue):
    other = issue().token
    day = EDGE - timedelta(days=1)
    count(token, day, 1)
    count(token, day + timedelta(hours=23), 2)
    count(token, day + timedelta(hours=5), 4, "refused")
    count(other, day + timedelta(hours=5), 8)
    count(token, day - timedelta(hours=1), 16)
    assert prune_activity(now=NOW) == Pruned(hours=5, usage=0, refusals=0, audit_events=0)
    assert stored() == {
        (token.pk, "day", day, "success"): 3,
        (token.pk, "day", day, "refused"): 4,
        (other.pk, "day", day, "success"): 8,
        (token.pk, "day", day - timedelta(days=1), "success"): 16,
    }


def test_the_edge_is_a_midnight_so_that_no_day_is_cut(token):
    count(token, EDGE - timedelta(hours=1), 1)
    count(token, EDGE, 2)
    assert prune_activity(now=NOW).hours == 1
    assert stored() == {
        (token.pk, "day", EDGE - timedelta(days=1), "success"): 1,
        (token.pk, "hour", EDGE, "success"): 2,
    }


def test_an_hour_that_comes_late_is_added_to_its_day(token):
    day = EDGE - timedelta(days=1)
    count(token, day, 5, period="day")
    usage.record(token.pk, "success", address=None, agent="", at=day.timestamp() + 60)
    usage.flush()
    assert prune_activity(now=NOW).hours == 1
    assert stored() == {(token.pk, "day", day, "success"): 6}


def test_a_second_run_finds_nothing_and_changes_nothing(token):
    for hours in range(1, 100):
        count(token, EDGE - timedelta(hours=hours), hours)
    assert prune_activity(now=NOW).hours == 99
    before = stored()
    assert prune_activity(now=NOW) == NOTHING
    assert stored() == before


def test_totals_are_the_same_before_and_after_over_many_batches(acme, token, issue, monkeypatch):
    monkeypatch.setattr(pruning, "BATCH", 7)
    other = issue().token
    for hours in range(1, 61):
        for outcome in ("success", "limited"):
            count(token, EDGE - timedelta(hours=hours), hours, outcome)
        count(other, EDGE - timedelta(hours=hours), 1000 + hours)
    before = reports.usage(acme, reports.RANGES["90d"], now=NOW)
    everything = UsageCounter.objects.aggregate(all=Sum("count"))["all"]
    assert prune_activity(now=NOW).hours == 180
    assert reports.usage(acme, reports.RANGES["90d"], now=NOW) == before
    assert UsageCounter.objects.aggregate(all=Sum("count"))["all"] == everything
    assert not UsageCounter.objects.filter(period="hour").exists()
    assert UsageCounter.objects.count() == 3 * 3


def test_usage_past_its_retention_is_dropped_whether_day_or_hour(token):
    oldest = datetime(2024, 11, 20, tzinfo=UTC)
    count(token, oldest - timedelta(days=1), 1, period="day")
    count(token, oldest - timedelta(hours=1), 2)
    count(token, oldest, 4, period="day")
    assert prune_activity(now=NOW) == Pruned(hours=0, usage=2, refusals=0, audit_events=0)
    assert stored() == {(token.pk, "day", oldest, "success"): 4}


def test_refusal_counters_past_their_retention_are_dropped():
    edge = NOW - timedelta(days=35)
    for minute in (edge - timedelta(minutes=1), edge):
        RefusalCounter.objects.create(
            minute=minute, address="192.0.2.1", reason="token.expired", dialect="default", count=1
        )
    assert prune_activity(now=NOW).refusals == 1
    assert RefusalCounter.objects.get().minute == edge


def test_audit_events_past_their_retention_are_dropped_and_no_others(acme, monkeypatch):
    monkeypatch.setattr(pruning, "BATCH", 2)
    AuditEvent.objects.all().prune()
    edge = NOW - timedelta(days=730)
    for age in range(-1, 6):
        AuditEvent.objects.create(
            created_at=edge - timedelta(days=age),
            organization_id=acme.pk,
            organization_slug="acme",
            action="token.created",
            actor_kind="user",
            actor_label="alice@example.org",
        )
    assert prune_activity(now=NOW).audit_events == 5
    assert [event.created_at for event in AuditEvent.objects.all()] == [
        edge + timedelta(days=1),
        edge,
    ]


def test_the_retention_is_read_from_the_settings(token, settings):
    settings.APIKEYS = {**settings.APIKEYS, "RETENTION": {"usage_hours": 1, "usage_days": 3}}
    midnight = NOW.replace(hour=0, minute=0)
    for days in range(6):
        count(token, midnight - timedelta(days=days), 2**days)
    assert prune_activity(now=NOW) == Pruned(hours=2, usage=2, refusals=0, audit_events=0)
    assert {(period, number) for (_, period, _, _), number in stored().items()} == {
        ("hour", 1),
        ("hour", 2),
        ("day", 4),
        ("day", 8),
    }


@time_machine.travel(NOW, tick=False)
def test_a_dry_run_says_what_a_run_would_do_and_changes_nothing(token):
    count(token, EDGE - timedelta(days=1), 3)
    count(token, EDGE - timedelta(days=1000), 3)
    before = stored()
    said = {}
    for dry in (True, False):
        out = StringIO()
        call_command("prune_activity", dry_run=dry, stdout=out)
        said[dry] = out.getvalue()
        if dry:
            assert stored() == before
    assert said[False] == (
        "hours of usage rolled up: 1\n"
        "usage counters dropped: 1\n"
        "refusal counters dropped: 0\n"
        "audit events dropped: 0\n"
    )
    assert said[True] == said[False] + "Nothing was changed.\n"


def test_pruning_leaves_no_audit_event_of_its_own(token):
    before = AuditEvent.objects.count()
    count(token, EDGE - timedelta(days=1), 3)
    prune_activity(now=NOW)
    assert AuditEvent.objects.count() == before


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_beside_late_usage_lose_and_double_nothing(token, monkeypatch):
    monkeypatch.setattr(pruning, "BATCH", 20)
    hours = [EDGE - timedelta(hours=back) for back in range(1, 201)]
    for hour in hours:
        count(token, hour, 1)
    start = threading.Barrier(3)

    def prune():
        start.wait()
        prune_activity(now=NOW)

    def use_late():
        buffer = usage.Buffer()
        start.wait()
        for hour in hours[::4]:
            buffer.record(token.pk, "success", address=None, agent="", at=hour.timestamp())
            buffer.flush()

    run_together(prune, prune, use_late)
    prune_activity(now=NOW)
    assert {period for _, period, _, _ in stored()} == {"day"}
    assert sum(stored().values()) == 200 + 50


def run_together(*calls):
    failures = []

    def run(call):
        try:
            call()
        except Exception as error:  # it would vanish with its thread
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
