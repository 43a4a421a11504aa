"""S4-04 and S4-05: what is counted on which limit, and what each answer says of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from apikeys.limits import Limit
from project.demo.fastly.models import Service
from project.demo.fastly.views import FastlyView
from tests.systems.fastly.conftest import header

pytestmark = [pytest.mark.django_db, pytest.mark.project]

REMAINING, RESET = "Fastly-RateLimit-Remaining", "Fastly-RateLimit-Reset"
START = datetime(2029, 1, 1, tzinfo=UTC)


@pytest.fixture
def service(production) -> str:
    return f"/service/{Service.objects.create(workspace=production, name='www').public_id}"


@pytest.fixture
def small(monkeypatch, limits_in_memory) -> None:
    """The same limits with amounts that a test can use up, by this process's movable clock."""
    amounts = {"write-principal": 3, "read-principal": 5, "anonymous-address": 2}
    monkeypatch.setattr(
        FastlyView,
        "limits",
        [
            limit.with_rate(limit.rate.replace(str(limit.amount), str(amounts.get(limit.name, 4))))
            for limit in FastlyView.limits
        ],
    )


def remaining(answer: Any) -> int:
    return int(answer[REMAINING])


def test_s4_04_the_limits_are_fastlys_own():
    assert FastlyView.limits == (
        Limit("1000/hour", per="principal", on="write"),
        Limit("6000/minute", per="principal", on="read"),
        Limit("6000/minute", per="address", on="anonymous"),
        Limit("100000/hour", per="organization", on="purge"),
    )


def test_s4_04_reads_writes_purges_and_strangers_are_counted_apart(in_process, api, key, service):
    headers = key()
    assert remaining(api.get(service, headers=headers)) == 5999
    assert remaining(api.head(service, headers=headers)) == 5998
    assert remaining(api.put(service, {}, format="json", headers=headers)) == 999
    assert remaining(api.post(f"{service}/purge_all", headers=headers)) == 998
    assert remaining(api.post(f"{service}/purge/k", headers=headers)) == 99999
    assert remaining(api.post("/purge/www.example.com/", headers=headers)) == 99998
    assert remaining(api.get("/public-ip-list")) == 5999
    assert remaining(api.get("/public-ip-list", headers=headers)) == 5997
    assert remaining(api.put(service, {}, format="json", headers=headers)) == 997


def test_s4_04_a_person_has_one_limit_however_many_tokens_they_have(
    in_process, api, issue, service, bob
):
    first, second = (issue(scopes=["global"], kind="personal", owner=bob) for _ in range(2))
    assert remaining(api.get(service, headers=header(first))) == 5999
    assert remaining(api.get(service, headers=header(second))) == 5998
    assert remaining(api.get(service, headers=header(issue(scopes=["global"])))) == 5999


def test_s4_04_an_automation_token_has_a_limit_of_its_own(in_process, api, key, service):
    assert remaining(api.get(service, headers=key())) == 5999
    assert remaining(api.get(service, headers=key())) == 5999


def test_s4_04_purges_are_counted_together_in_an_organization(
    in_process, api, key, service, globex
):
    assert remaining(api.post(f"{service}/purge/k", headers=key())) == 99999
    assert remaining(api.post(f"{service}/purge/k", headers=key(["purge_select"]))) == 99998
    theirs = key(workspace=globex.workspaces.get(slug="production"))
    assert remaining(api.post("/purge/x", headers=theirs)) == 99999


def test_s4_04_strangers_are_counted_by_address(in_process, api, db):
    assert remaining(api.get("/public-ip-list", REMOTE_ADDR="198.51.100.1")) == 5999
    assert remaining(api.get("/public-ip-list", REMOTE_ADDR="198.51.100.1")) == 5998
    assert remaining(api.get("/public-ip-list", REMOTE_ADDR="198.51.100.2")) == 5999


def test_s4_05_beyond_a_limit_it_is_429_with_the_time_to_wait(
    small, api, key, service, time_machine
):
    time_machine.move_to(START, tick=False)
    headers = key()
    answers = [api.put(service, {}, format="json", headers=headers) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [remaining(answer) for answer in answers] == [2, 1, 0, 0]
    ends = str(int(START.timestamp()) + 3600)
    assert {answer[RESET] for answer in answers} == {ends}
    assert answers[3].json() == {
        "msg": "Too many requests",
        "detail": "Too many requests. Retry after 3600 seconds.",
    }
    assert answers[3]["Retry-After"] == "3600"
    assert api.get(service, headers=headers).status_code == 200
    assert api.post(f"{service}/purge/k", headers=headers).status_code == 200
    time_machine.move_to(datetime(2029, 1, 1, 1, 0, 1, tzinfo=UTC), tick=False)
    again = api.put(service, {}, format="json", headers=headers)
    assert (again.status_code, remaining(again)) == (200, 2)


def test_s4_05_an_anonymous_request_has_the_same_headers(small, api, db):
    answers = [api.get("/public-ip-list") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [remaining(answer) for answer in answers] == [1, 0, 0]
    assert 1 <= int(answers[2]["Retry-After"]) <= 60


def test_s4_05_refused_requests_tell_the_limits_and_use_none_up(in_process, api, key, service):
    headers = key(["purge_all"])
    for _ in range(2):
        refused = api.get(service, headers=headers)
        assert (refused.status_code, remaining(refused)) == (403, 6000)
    assert remaining(api.get("/service")) == 6000


def test_s4_05_an_organizations_own_limits_hold_from_the_next_request_on(
    in_process, api, key, service, acme
):
    headers = key()
    assert remaining(api.get(service, headers=headers)) == 5999
    acme.limits = {"read-principal": "2/minute", "purge-organization": "1/hour"}
    acme.save()
    answers = [api.get(service, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    purges = [api.post(f"{service}/purge/k", headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in purges] == [200, 429]
    acme.limits = {}
    acme.save()
    assert remaining(api.get(service, headers=headers)) == 5998


def test_s4_05_every_answer_over_http_has_the_headers(api, key, service):
    headers = key()
    answer = api.get(service, headers=headers)
    assert (answer.status_code, remaining(answer)) == (200, 5999)
    assert api.get(service, headers=headers)[RESET] == answer[RESET]
    assert REMAINING in api.get(f"{service}/object/x", headers=headers).headers
