"""Limits of a view: whose requests count together, what the headers say, who is refused."""

from __future__ import annotations

import logging

import pytest

from apikeys.activity import usage
from apikeys.limits import Limit
from apikeys.middleware import AccessTokenMiddleware
from apikeys.models import Organization, RefusalCounter, UsageCounter
from apikeys.models.tokens import Kind
from apikeys.throttling import AccessTokenThrottle
from tests.support import apis

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.support.apis"),
    pytest.mark.usefixtures("limits_in_memory"),
]

EVERYTHING = ("notes:read", "notes:write", "notes:delete")


@pytest.fixture(autouse=True)
def _still(time_machine):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)


def statuses(call, times: int) -> list[int]:
    return [call().status_code for _ in range(times)]


def left(response) -> dict[str, int]:
    pairs = [part.split(";") for part in response["RateLimit"].split(", ")]
    return {name.strip('"'): int(rest[0].removeprefix("r=")) for name, *rest in pairs}


def test_reads_and_writes_are_counted_apart(api, issue):
    api.key(issue(scopes=EVERYTHING))
    assert statuses(lambda: api.post("/limited"), 3) == [200, 200, 429]
    assert statuses(lambda: api.get("/limited"), 4) == [200, 200, 200, 429]


def test_head_and_options_are_reads(api, issue):
    api.key(issue(scopes=EVERYTHING))
    assert left(api.head("/limited"))["reads"] == 2
    assert left(api.options("/limited"))["reads"] == 1


def test_a_handler_may_name_its_own_kind(api, issue):
    api.key(issue(scopes=EVERYTHING))
    first = api.delete("/limited")
    assert left(first) == {"together": 4, "purges": 1}
    assert statuses(lambda: api.delete("/limited"), 2) == [200, 429]
    assert api.post("/limited").status_code == 200


def test_a_view_may_name_the_kind_of_all_its_requests(api, issue, monkeypatch):
    monkeypatch.setattr(apis.Limited, "limit_kind", "purge", raising=False)
    assert left(api.key(issue(scopes=EVERYTHING)).get("/limited")) == {"together": 4, "purges": 1}


def test_a_request_refused_by_one_limit_is_charged_on_none(api, issue):
    api.key(issue(scopes=EVERYTHING))
    assert statuses(lambda: api.post("/limited"), 6) == [200, 200, 429, 429, 429, 429]
    assert left(api.get("/limited"))["together"] == 2


def test_what_is_counted_per_organization_is_shared_by_its_tokens(api, issue, development, globex):
    one, two = issue(scopes=EVERYTHING), issue(workspace=development, scopes=EVERYTHING)
    other = issue(workspace=globex.workspaces.get(slug="production"), scopes=EVERYTHING)
    assert statuses(lambda: api.key(one).get("/limited"), 3) == [200] * 3
    assert statuses(lambda: api.key(two).get("/limited"), 3) == [200, 200, 429]
    assert left(api.key(other).get("/limited"))["together"] == 4


def test_a_person_is_one_principal_with_many_tokens_and_an_automation_token_its_own(
    api, issue, bob
):
    mine, too = (issue(kind=Kind.PERSONAL, owner=bob) for _ in range(2))
    assert left(api.key(mine).get("/person")) == {"principal": 1, "user": 8}
    assert left(api.key(too).get("/person")) == {"principal": 0, "user": 7}
    assert api.key(mine).get("/person").status_code == 429
    for _ in range(2):
        assert left(api.key(issue()).get("/person")) == {"principal": 1}


def test_the_headers_tell_policy_and_state(api, issue, time_machine):
    api.key(issue(scopes=EVERYTHING))
    api.get("/limited")
    time_machine.shift(20)
    response = api.get("/limited")
    assert response["RateLimit-Policy"] == '"reads";q=3;w=60, "together";q=5;w=60'
    assert response["RateLimit"] == '"reads";r=1;t=40, "together";r=3;t=40'


def test_beyond_the_limit_the_answer_says_when_to_come_back_and_that_is_true(
    api, issue, time_machine
):
    api.key(issue(scopes=EVERYTHING))
    statuses(lambda: api.post("/limited"), 2)
    time_machine.shift(15)
    refused = api.post("/limited")
    assert refused.status_code == 429
    assert refused["Retry-After"] == "45"
    assert refused["Cache-Control"] == "no-store"
    assert refused.json() == {
        "title": "Too Many Requests",
        "status": 429,
        "error": "rate_limit.exceeded",
        "detail": "Too many requests. Retry after 45 seconds.",
        "retry_after": 45,
    }
    assert left(refused)["writes"] == 0
    time_machine.shift(44)
    assert api.post("/limited").status_code == 429
    time_machine.shift(1)
    assert api.post("/limited").status_code == 200


def test_a_refusal_shows_the_limits_and_charges_nothing(api, issue):
    api.key(issue(scopes=["notes:write"]))
    assert left(api.post("/limited")) == {"writes": 1, "together": 4}
    for _ in range(3):
        denied = api.get("/limited")
        assert denied.status_code == 403
        assert left(denied) == {"reads": 3, "together": 4}
    assert left(api.post("/limited")) == {"writes": 0, "together": 3}


def test_without_a_proven_token_no_count_of_a_token_is_shown(api, issue):
    for headers in ({}, {"X-API-Key": "junk"}):
        response = api.get("/limited", headers=headers)
        assert response.status_code == 401
        assert "RateLimit" not in response


def test_strangers_are_counted_by_address_where_a_view_says_so(api, issue, monkeypatch):
    limits = [
        Limit("2/minute", per="address", on="anonymous", name="strangers"),
        Limit("9/minute", per="address", name="everybody"),
    ]
    monkeypatch.setattr(apis.Beside, "limits", limits, raising=False)
    monkeypatch.setattr(apis.Beside, "throttle_classes", [AccessTokenThrottle])
    refused = api.get("/beside")
    assert refused.status_code == 401
    assert left(refused) == {"strangers": 2, "everybody": 9}
    assert left(api.key(issue()).get("/beside")) == {"everybody": 8}


def test_a_view_without_our_authentication_is_not_counted(api):
    assert statuses(lambda: api.get("/open"), 3) == [200] * 3


def test_a_view_without_limits_has_no_headers(api, issue):
    assert "RateLimit" not in api.key(issue()).get("/protected")


def test_an_override_holds_from_the_next_request_on(api, issue, acme):
    api.key(issue(scopes=EVERYTHING))
    assert statuses(lambda: api.post("/limited"), 3) == [200, 200, 429]
    Organization.objects.filter(pk=acme.pk).update(limits={"writes": "3/hour", "unknown": "1/day"})
    response = api.post("/limited")
    assert response.status_code == 200
    assert '"writes";q=3;w=3600' in response["RateLimit-Policy"]
    assert left(response)["writes"] == 2
    Organization.objects.filter(pk=acme.pk).update(limits={})
    assert api.post("/limited").status_code == 429


@pytest.mark.parametrize("rate", ["junk", "", 5, ["1/hour"], "0/hour"])
def test_an_override_that_is_no_rate_leaves_the_declared_one(api, issue, acme, rate, caplog):
    Organization.objects.filter(pk=acme.pk).update(limits={"writes": rate})
    with caplog.at_level(logging.ERROR, "apikeys.limits"):
        response = api.key(issue(scopes=EVERYTHING)).post("/limited")
    assert response.status_code == 200
    assert left(response)["writes"] == 1
    assert "limit writes of an organization" in caplog.text


def test_limited_requests_are_counted_as_limited(api, issue):
    issued = issue(scopes=EVERYTHING)
    statuses(lambda: api.key(issued).post("/limited"), 3)
    usage.flush()
    counters = UsageCounter.objects.values_list("outcome", "count")
    assert set(counters) == {("success", 2), ("limited", 1)}
    [refusal] = RefusalCounter.objects.all()
    assert (refusal.reason, refusal.token_id) == ("rate_limit.exceeded", issued.token.token_id)


def test_two_views_do_not_share_counts_of_other_names(api, issue):
    api.key(issue(scopes=EVERYTHING))
    statuses(lambda: api.get("/person"), 3)
    assert api.get("/limited").status_code == 200


class Uncounted(apis.Protected):
    limits = [Limit("1/hour")]


def test_limits_that_nothing_counts_are_not_told_of(rf, issue):
    headers = {"X-API-Key": issue().api_key}
    view = AccessTokenMiddleware(Uncounted.as_view())
    answers = [view(rf.get("/x", headers=headers, secure=True)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [name for one in answers for name in one.headers if "ratelimit" in name.lower()] == []
