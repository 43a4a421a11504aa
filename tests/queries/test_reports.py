"""What the pages ask of the counters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from apikeys.activity import usage
from apikeys.models import RefusalCounter, UsageCounter
from apikeys.queries import reports
from apikeys.queries.reports import RANGES

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
TODAY = NOW.replace(hour=0, minute=0)


def count(token, outcome, number, *, ago=timedelta(0), period="hour"):
    started_at = (NOW - ago).replace(minute=0)
    if period == "day":
        started_at = started_at.replace(hour=0)
    UsageCounter.objects.create(
        token=token, period=period, started_at=started_at, outcome=outcome, count=number
    )


def refuse(token_id, reason, number, *, ago=timedelta(0), address="192.0.2.1"):
    RefusalCounter.objects.create(
        minute=NOW - ago,
        address=address,
        reason=reason,
        dialect="default",
        token_id=token_id,
        count=number,
    )


@pytest.fixture
def token(issue):
    return issue().token


@pytest.fixture
def foreign(issue, globex):
    return issue(workspace=globex.workspaces.get(slug="production")).token


def test_requests_of_a_list_come_per_day_oldest_first_in_one_query(
    issue, django_assert_num_queries
):
    busy, quiet = issue().token, issue().token
    count(busy, "success", 5)
    count(busy, "client_error", 2)
    count(busy, "success", 3, ago=timedelta(hours=1))
    count(busy, "success", 7, ago=timedelta(days=6), period="day")
    count(busy, "success", 100, ago=timedelta(days=7), period="day")
    with django_assert_num_queries(1):
        found = reports.requests_by_token([busy, quiet], now=NOW)
    assert found == {busy.pk: (7, 0, 0, 0, 0, 0, 10), quiet.pk: (0,) * 7}


def test_no_tokens_ask_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert reports.requests_by_token([]) == {}


def test_a_day_of_usage_has_24_hours_and_the_running_one_is_last(acme, token):
    count(token, "success", 4)
    count(token, "server_error", 1, ago=timedelta(hours=23))
    count(token, "success", 50, ago=timedelta(hours=24))
    found = reports.usage(acme, RANGES["24h"], now=NOW)
    assert len(found.steps) == 24
    assert found.steps[-1].started_at == NOW.replace(minute=0)
    assert found.steps[-1].counts.by_outcome["success"] == 4
    assert found.steps[0].counts.by_outcome["server_error"] == 1
    assert (found.totals.total, found.totals.errors) == (5, 1)


def test_hours_and_rolled_up_days_add_up(acme, token):
    count(token, "success", 4)
    count(token, "success", 3, ago=timedelta(hours=2))
    count(token, "refused", 2, ago=timedelta(hours=11))
    count(token, "success", 20, ago=timedelta(days=3), period="day")
    count(token, "success", 1, ago=timedelta(days=3))
    found = reports.usage(acme, RANGES["7d"], now=NOW)
    assert [step.started_at for step in found.steps] == [
        TODAY - timedelta(days=back) for back in (6, 5, 4, 3, 2, 1, 0)
    ]
    assert [step.counts.total for step in found.steps] == [0, 0, 0, 21, 0, 2, 7]
    assert found.totals.by_outcome == {
        "success": 28,
        "client_error": 0,
        "server_error": 0,
        "limited": 0,
        "refused": 2,
    }


@pytest.mark.parametrize(("name", "steps"), [("24h", 24), ("7d", 7), ("30d", 30), ("90d", 90)])
def test_each_range_reaches_exactly_as_far_as_it_says(acme, token, name, steps):
    chosen = RANGES[name]
    first, last = chosen.moments(NOW)[0], chosen.moments(NOW)[-1]
    for moment in (first, last, first - timedelta(hours=1)):
        UsageCounter.objects.create(token=token, started_at=moment, outcome="success", count=1)
    found = reports.usage(acme, chosen, now=NOW)
    assert len(found.steps) == steps
    assert found.totals.total == 2
    assert found.steps[0].counts.total == found.steps[-1].counts.total == 1


def test_a_moment_in_another_zone_is_the_same_moment(acme, token):
    count(token, "success", 4)
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert reports.usage(acme, RANGES["7d"], now=elsewhere) == reports.usage(
        acme, RANGES["7d"], now=NOW
    )


def test_usage_is_two_queries_and_only_of_what_was_asked_for(
    acme, development, production, issue, foreign, django_assert_num_queries
):
    here, there = issue(workspace=production).token, issue(workspace=development).token
    count(here, "success", 1)
    count(there, "success", 10)
    count(foreign, "success", 100)
    with django_assert_num_queries(2):
        assert reports.usage(acme, RANGES["30d"], now=NOW).totals.total == 11
    for workspace, expected in ((production, 1), (development, 10)):
        found = reports.usage(acme, RANGES["30d"], workspace=workspace, now=NOW)
        assert found.totals.total == expected
    assert reports.usage(acme, RANGES["30d"], token=there, now=NOW).totals.total == 10
    crossed = reports.usage(acme, RANGES["30d"], workspace=production, token=there, now=NOW)
    assert crossed.totals.total == 0
    assert reports.usage(acme, RANGES["30d"], token=foreign, now=NOW).totals.total == 0


def test_what_usage_writes_is_what_reports_read(acme, token):
    usage.record(token.pk, "success", address="192.0.2.1", agent="curl")
    usage.record(token.pk, "limited", address="192.0.2.1", agent="curl")
    usage.refuse("token.expired", dialect="default", address="192.0.2.1", token_id=token.token_id)
    usage.flush()
    assert reports.usage(acme, RANGES["24h"]).totals.by_outcome["limited"] == 1
    assert reports.usage(acme, RANGES["90d"]).totals.total == 2
    assert reports.refused_by_reason(acme, RANGES["24h"]) == [("token.expired", 1)]


def test_the_busiest_tokens_come_first_in_four_queries(
    acme, issue, foreign, django_assert_num_queries
):
    tokens = [issue().token for _ in range(12)]
    for number, token in enumerate(tokens, start=1):
        count(token, "success", number)
    count(tokens[0], "client_error", 30)
    count(foreign, "success", 1000)
    with django_assert_num_queries(4):
        found = reports.top_tokens(acme, RANGES["7d"], now=NOW)
    assert [use.token for use in found] == [tokens[0], *reversed(tokens[3:])]
    assert (found[0].counts.total, found[0].counts.errors) == (31, 30)
    assert found[0].token.workspace.slug == "production"


def test_the_busiest_tokens_of_one_workspace(acme, development, issue):
    here, there = issue(workspace=development).token, issue().token
    count(here, "success", 1)
    count(there, "success", 9)
    found = reports.top_tokens(acme, RANGES["7d"], workspace=development, now=NOW)
    assert [use.token for use in found] == [here]


def test_refusals_are_counted_by_reason_and_limits_are_not_among_them(
    acme, development, token, issue, foreign
):
    other = issue(workspace=development).token
    refuse(token.token_id, "credential.wrong_secret", 2)
    refuse(token.token_id, "credential.wrong_secret", 2, address="192.0.2.2")
    refuse(other.token_id, "token.expired", 9)
    refuse(token.token_id, "rate_limit.exceeded", 50)
    refuse(token.token_id, "token.expired", 70, ago=timedelta(days=8))
    refuse(foreign.token_id, "token.expired", 100)
    refuse("", "credential.malformed", 100)
    week = RANGES["7d"]
    assert reports.refused_by_reason(acme, week, now=NOW) == [
        ("token.expired", 9),
        ("credential.wrong_secret", 4),
    ]
    assert reports.refused_by_reason(acme, week, workspace=development, now=NOW) == [
        ("token.expired", 9)
    ]
    assert reports.refused_by_reason(acme, week, token=token, now=NOW) == [
        ("credential.wrong_secret", 4)
    ]
    assert reports.refused_by_reason(acme, week, token=foreign, now=NOW) == []


def test_an_outcome_of_a_later_version_is_counted_and_breaks_nothing(acme, token):
    count(token, "cancelled", 3)
    found = reports.usage(acme, RANGES["24h"], now=NOW)
    assert (found.totals.total, found.totals.by_outcome["cancelled"]) == (3, 3)


def test_counters_ahead_of_our_clock_are_left_for_later(acme, token):
    count(token, "success", 3, ago=timedelta(days=-2))
    count(token, "success", 1)
    assert reports.requests_by_token([token], now=NOW)[token.pk] == (0, 0, 0, 0, 0, 0, 1)
    for chosen in RANGES.values():
        assert reports.usage(acme, chosen, now=NOW).totals.total == 1
