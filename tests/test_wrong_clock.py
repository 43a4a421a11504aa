"""A server whose clock is wrong for a moment: nobody pays for it once it is right again."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
import time_machine

from apikeys.services import invitations
from apikeys.services.actors import Actor
from apikeys.services.errors import Conflict
from tests.apis import say

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.apis")]

WRONG = [timedelta(days=1), timedelta(days=-1), timedelta(days=4000)]


@pytest.fixture(autouse=True)
def _own_counts(settings):
    say(
        settings,
        LIMITS_STORAGE="memory://of-this-test",
        LIMITS={"failed_credentials": "3/minute", "log_in": "3/minute"},
    )
    from apikeys.limits import limiter

    limiter("memory://of-this-test").clear()


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_request_under_a_wrong_clock_costs_a_good_key_no_more_than_any_other(api, issue, wrong):
    api.key(issue())
    with time_machine.travel(time.time() + wrong.total_seconds()):
        assert api.get("/limited").status_code == 200
    answers = [api.get("/limited") for _ in range(40)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {200, 429}
    for answer in refused:
        assert 1 <= int(answer["Retry-After"]) <= 60
        left = [int(part.rpartition("t=")[2]) for part in answer["RateLimit"].split(",")]
        assert all(0 <= seconds <= 60 for seconds in left)


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_bad_keys_under_a_wrong_clock_are_limited_for_a_minute_and_no_longer(api, wrong):
    def fail():
        return api.get("/protected", headers={"X-API-Key": "junk"})

    with time_machine.travel(time.time() + wrong.total_seconds()):
        assert [fail().status_code for _ in range(4)] == [401, 401, 401, 429]
    refused = fail()
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= 60


@pytest.mark.project
@pytest.mark.urls("project.urls")
@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_log_ins_under_a_wrong_clock_are_limited_for_a_minute_and_no_longer(client, alice, wrong):
    def log_in(password):
        form = {"username": alice.get_username(), "password": password}
        return client.post("/accounts/login/", form)

    with time_machine.travel(time.time() + wrong.total_seconds()):
        for _ in range(3):
            log_in("wrong")
    refused = log_in("correct horse battery staple")
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= 60


def test_invitations_of_a_clock_that_was_ahead_use_up_no_other_day(
    acme, alice, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(invitations, "MOST_PER_DAY", 2)

    def invite(name):
        with django_capture_on_commit_callbacks(execute=True):
            invitations.invite(
                actor=Actor.person(alice),
                organization=acme,
                email=f"{name}@example.org",
                role="member",
                page_url=lambda link: link,
            )

    with time_machine.travel(time.time() + timedelta(days=4000).total_seconds()):
        invite("dave")
        invite("erin")
    invite("frank")
    invite("grace")
    with pytest.raises(Conflict, match="At most 2"):
        invite("heidi")
