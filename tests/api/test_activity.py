"""Usage and audit events over the management API, with the numbers of the dashboard."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from apikeys import dialects
from apikeys.activity import usage
from apikeys.models import UsageCounter
from apikeys.models.activity import Outcome, Period
from apikeys.scopes import MANAGE
from tests.api.conftest import Caller

pytestmark = pytest.mark.django_db


def count(token, outcome: str, requests: int, *, hours_ago: int = 0) -> None:
    hour = timezone.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    UsageCounter.objects.create(
        token=token,
        period=Period.HOUR,
        started_at=hour - timedelta(hours=hours_ago),
        outcome=outcome,
        count=requests,
    )


@pytest.fixture
def used(issue, development):
    """A token of each workspace, with requests of this hour and of three days ago."""
    live = issue(name="Live").token
    trial = issue(name="Trial", workspace=development).token
    count(live, Outcome.SUCCESS, 7)
    count(live, Outcome.LIMITED, 2)
    count(live, Outcome.SUCCESS, 100, hours_ago=72)
    count(trial, Outcome.CLIENT_ERROR, 3)
    return live, trial


def test_usage_counts_requests_by_outcome_and_hour(session, used):
    answer = session.call("get", "usage?range=24h")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["range"], body["step"], len(body["steps"])) == ("24h", "hour", 24)
    assert body["totals"] == {
        "success": 7,
        "client_error": 3,
        "server_error": 0,
        "limited": 2,
        "refused": 0,
        "total": 12,
    }
    assert body["steps"][-1]["requests"] == body["totals"]
    assert datetime.fromisoformat(body["steps"][0]["started_at"]).tzinfo is not None
    assert body["steps"][0]["started_at"].endswith("Z")


def test_usage_names_the_busiest_tokens_first(session, used):
    body = session.call("get", "usage").json()
    assert body["range"] == "30d"
    named = [
        (row["name"], row["workspace"], row["requests"]["total"]) for row in body["top_tokens"]
    ]
    assert named == [("Live", "production", 109), ("Trial", "development", 3)]


def test_usage_is_narrowed_to_a_workspace_or_a_token(session, used):
    live, _ = used
    in_development = session.call("get", "usage?range=24h&workspace=development").json()
    assert in_development["totals"]["total"] == 3
    of_live = session.call("get", f"usage?range=24h&token={live.token_id}").json()
    assert of_live["totals"]["total"] == 9
    assert [row["token_id"] for row in of_live["top_tokens"]] == [live.token_id]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("range=1h", "range"),
        ("workspace=nowhere", "workspace"),
        ("token=nobody", "token"),
        ("days=3", "days"),
        ("range=7d&range=30d", "range"),
        ("token=%00", "token"),
    ],
)
def test_usage_refuses_what_it_can_t_count_by_name(session, query, named):
    answer = session.call("get", f"usage?{query}")
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [named]


def test_a_foreign_token_or_workspace_is_refused_like_a_missing_one(
    session, issue, globex, charlie, actor
):
    foreign = issue(workspace=globex.workspaces.get(slug="production")).token
    theirs = session.call("get", f"usage?token={foreign.token_id}")
    missing = session.call("get", "usage?token=0123456789abcdef")
    assert theirs.status_code == missing.status_code == 400
    assert theirs.content == missing.content


def test_a_managing_token_sees_its_own_workspace_only(managing, used):
    _, trial = used
    body = managing.call("get", "usage?range=24h").json()
    assert body["totals"]["success"] == 7
    assert body["totals"]["client_error"] == 0
    assert managing.call("get", "usage?workspace=development").status_code == 400
    assert managing.call("get", f"usage?token={trial.token_id}").status_code == 400


def test_a_wrong_secret_shows_in_usage_with_its_reason(session, issue, api):
    issued = issue()
    token_id = issued.token.token_id
    wrong = dialects.get("default").key_shape.new_secret(token_id)
    api.credentials(HTTP_X_API_KEY=issued.api_key.replace(issued.secret, wrong))
    assert api.get("/access/v1/token").status_code == 401
    usage.flush()
    rows = session.call("get", "usage?range=24h").json()["refused_by_reason"]
    assert rows == [{"reason": "credential.wrong_secret", "requests": 1}]


def test_audit_events_are_filtered_by_action_actor_token_workspace_and_day(session, issue, alice):
    one = issue(name="One").token
    two = issue(name="Two").token
    session.call("post", f"tokens/{one.token_id}/revoke", {})
    revoked = session.call("get", "audit-events?action=token.revoked").json()["results"]
    assert [event["token_id"] for event in revoked] == [one.token_id]
    by_alice = session.call("get", f"audit-events?actor={alice.get_username()}").json()["results"]
    assert [event["action"] for event in by_alice] == [
        "token.revoked",
        "member.logged_in",
    ]
    about_two = session.call("get", f"audit-events?token={two.token_id}").json()["results"]
    assert [event["action"] for event in about_two] == ["token.created"]
    elsewhere = session.call("get", "audit-events?workspace=development").json()["results"]
    assert {event["action"] for event in elsewhere} == {"workspace.created"}
    assert session.call("get", "audit-events?to=2001-01-01").json()["results"] == []
    since = session.call("get", "audit-events?from=2001-01-01").json()["results"]
    assert len(since) == len(session.call("get", "audit-events").json()["results"]) > 4


@pytest.mark.parametrize(
    "query", ["action=token.eaten", "from=yesterday", "target=Two", "from=%00"]
)
def test_an_unknown_audit_filter_is_refused_by_name(session, query):
    answer = session.call("get", f"audit-events?{query}")
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [query.partition("=")[0]]


def test_a_managing_token_reads_the_events_of_its_workspace_only(managing, issue, development):
    issue(workspace=development, name="Elsewhere")
    rows = managing.call("get", "audit-events").json()["results"]
    assert {event["workspace"] for event in rows} == {"production"}
    assert "Elsewhere" not in json.dumps(rows)


def test_a_token_s_own_revocation_is_noted_with_its_address(issue, session):
    issued = issue(scopes=[MANAGE])
    caller = Caller()
    caller.credentials(HTTP_X_API_KEY=issued.api_key)
    assert caller.delete("/access/v1/token").status_code == 204
    event = session.call("get", "audit-events?action=token.revoked").json()["results"][0]
    assert (event["actor_kind"], event["address"]) == ("token", "127.0.0.1")
