"""A server whose clock is wrong for a moment: nobody pays for it once it is right again."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from apikeys import reauthentication
from apikeys.services import invitations
from apikeys.services.actors import Actor
from apikeys.services.errors import Conflict
from apikeys.services.tokens import JUST_ROTATED, rotate_token, update_token
from tests.support.apis import say

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.support.apis")]

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


AHEAD = timedelta(days=1)


@pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=1), timedelta(hours=23)])
def test_a_rotation_of_a_clock_that_was_ahead_holds_up_no_other(actor, issue, later):
    token = issue().token
    with time_machine.travel(timezone.now() + AHEAD):
        rotate_token(actor=actor, token=token)
    with time_machine.travel(timezone.now() + later, tick=False):
        token.refresh_from_db()
        rotate_token(actor=actor, token=token, unless_rotated_within=JUST_ROTATED)
        # From here on it is as if that clock had been right.
        token.refresh_from_db()
        assert token.rotated_at == timezone.now()
        with pytest.raises(Conflict) as caught:
            rotate_token(actor=actor, token=token, unless_rotated_within=JUST_ROTATED)
        assert caught.value.code == "token.rotated_meanwhile"


def test_a_clock_that_was_ahead_by_the_whole_wait_is_left_behind(actor, issue):
    token, now = issue().token, timezone.now()
    with time_machine.travel(now + JUST_ROTATED, tick=False):
        rotate_token(actor=actor, token=token)
    with time_machine.travel(now, tick=False):
        token.refresh_from_db()
        rotate_token(actor=actor, token=token)
        token.refresh_from_db()
        assert token.rotated_at == timezone.now()


@pytest.mark.parametrize("apart", [timedelta(milliseconds=5), timedelta(seconds=9)])
def test_rotations_of_two_hosts_whose_clocks_are_a_little_apart_are_one(actor, issue, apart):
    token = issue().token
    with time_machine.travel(timezone.now() + apart, tick=False):
        rotate_token(actor=actor, token=token)
    with time_machine.travel(timezone.now(), tick=False):
        token.refresh_from_db()
        first = token.rotated_at
        with pytest.raises(Conflict) as caught:
            rotate_token(actor=actor, token=token, unless_rotated_within=JUST_ROTATED)
        assert caught.value.code == "token.rotated_meanwhile"
        # Who has seen the first one may, and it gets a moment of its own.
        rotate_token(actor=actor, token=token)
        token.refresh_from_db()
        assert token.rotated_at > first


@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(days=4000)], ids=str)
def test_an_invitation_of_a_clock_that_was_ahead_can_be_sent_again_at_once(
    acme, alice, ahead, django_capture_on_commit_callbacks
):
    by_alice = {"actor": Actor.person(alice), "page_url": lambda link: link}
    start = timezone.now()
    with django_capture_on_commit_callbacks(execute=True):
        with time_machine.travel(start + ahead, tick=False):
            sent = invitations.invite(organization=acme, email="dave@example.org", **by_alice)
        with time_machine.travel(start, tick=False):
            again = invitations.resend_invitation(invitation=sent, **by_alice)
            assert again.expires_at == start + invitations.LIFETIME
            with pytest.raises(Conflict) as caught:
                invitations.resend_invitation(invitation=sent, **by_alice)
            assert caught.value.code == "invitation.just_sent"
    assert len(mail.outbox) == 2


def test_a_token_made_by_a_clock_that_was_ahead_can_be_made_to_expire(acme, actor, issue):
    start = timezone.now()
    with time_machine.travel(start + AHEAD):
        token = issue().token
    update_token(actor=actor, token=token, expires_at=start + timedelta(hours=1))
    token.refresh_from_db()
    assert token.expires_at == start + timedelta(hours=1)


def test_a_check_of_a_clock_that_was_ahead_is_not_recent_when_its_moment_comes(client, alice, rf):
    start = timezone.now()
    with time_machine.travel(start + timedelta(hours=1)):
        client.force_login(alice)
    request = rf.get("/")
    request.session = client.session
    assert not reauthentication.is_recent(request)
    with time_machine.travel(start + timedelta(hours=1, seconds=1)):
        assert not reauthentication.is_recent(request)


def test_a_check_of_a_host_that_is_a_little_ahead_is_kept(client, alice, rf):
    start = timezone.now()
    with time_machine.travel(start + timedelta(seconds=2), tick=False):
        client.force_login(alice)
    request = rf.get("/")
    request.session = client.session
    with time_machine.travel(start, tick=False):
        reauthentication.is_recent(request)
    with time_machine.travel(start + timedelta(seconds=3), tick=False):
        assert reauthentication.is_recent(request)
