"""Rotation: the row and its id stay, the old secret ends when it was said to."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import override_settings

from apikeys.credentials.keys import Credential, KeyShape
from apikeys.dialects import DefaultDialect
from apikeys.models import AccessToken, AuditEvent, Membership, Organization, Workspace
from apikeys.models.status import OBSTACLES
from apikeys.refusals import Refusal
from apikeys.restrictions import Facts
from apikeys.services.actors import Actor
from apikeys.services.errors import Conflict, Invalid
from apikeys.services.obstacles import SENTENCES
from apikeys.services.tokens import (
    disable_token,
    end_overlap,
    revoke_token,
    rotate_token,
)
from apikeys.services.workspaces import archive_workspace
from apikeys.verification.verify import admit, prove

NOW = datetime.fromisoformat("2030-01-01T12:00:00+00:00")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FACTS = Facts(address="192.0.2.1", secure=True, foreign_origin=False)


@pytest.fixture
def by_alice(alice, acme):
    return Actor.person(alice)


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def works(issued):
    credential = Credential(issued.token.token_id, issued.secret)
    try:
        return admit(prove(credential, dialects={"default"}), FACTS)
    except Refusal:
        return None


def refused(kind, work):
    before = AuditEvent.objects.count(), AccessToken.objects.values().get()
    with pytest.raises(kind) as caught:
        work()
    assert (AuditEvent.objects.count(), AccessToken.objects.values().get()) == before
    return caught.value.code


def test_without_overlap_the_old_secret_ends_at_once(clock, by_alice, issue):
    old = issue(expires_at=30 * DAY)
    clock.shift(60)
    new = rotate_token(actor=by_alice, token=old.token)
    assert new.token.pk == old.token.pk
    assert new.token.token_id == old.token.token_id
    assert new.secret != old.secret
    assert new.token.expires_at == NOW + 30 * DAY
    assert new.token.rotated_at == NOW + timedelta(minutes=1)
    assert (works(old), works(new).used_previous_secret) == (None, False)
    assert new.token.previous_digest == ""
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.details) == ("token.rotated", {"overlap_seconds": 0})


def test_in_the_overlap_both_work_and_after_it_only_the_new_one(clock, by_alice, issue):
    old = issue()
    new = rotate_token(actor=by_alice, token=old.token, overlap=HOUR)
    assert new.token.previous_expires_at == NOW + HOUR
    assert works(old).used_previous_secret is True
    assert works(new).used_previous_secret is False
    clock.move_to(NOW + HOUR - timedelta(microseconds=1))
    assert works(old)
    clock.move_to(NOW + HOUR)
    assert works(old) is None
    assert works(new)


def test_a_second_rotation_waits_for_the_end_of_the_overlap(clock, by_alice, issue):
    old = issue()
    new = rotate_token(actor=by_alice, token=old.token, overlap=DAY)
    again = lambda: rotate_token(actor=by_alice, token=new.token, overlap=7 * DAY)  # noqa: E731
    assert refused(Conflict, again) == "token.overlap_running"
    clock.move_to(NOW + DAY)
    assert again().secret not in (old.secret, new.secret)
    assert works(old) is None
    assert works(new).used_previous_secret is True


def test_an_overlap_is_ended_early_once(clock, by_alice, issue):
    old = issue()
    assert refused(Conflict, lambda: end_overlap(actor=by_alice, token=old.token)) == (
        "token.no_overlap"
    )
    new = rotate_token(actor=by_alice, token=old.token, overlap=DAY)
    end_overlap(actor=by_alice, token=old.token)
    assert works(old) is None
    assert works(new)
    assert AuditEvent.objects.latest("pk").action == "token.overlap_ended"
    assert refused(Conflict, lambda: end_overlap(actor=by_alice, token=old.token)) == (
        "token.no_overlap"
    )


def test_no_overlap_outlives_the_token(clock, by_alice, issue):
    old = issue(expires_at=HOUR)
    new = rotate_token(actor=by_alice, token=old.token, overlap=DAY)
    assert (new.token.expires_at, new.token.previous_expires_at) == (NOW + HOUR, NOW + HOUR)
    clock.move_to(NOW + HOUR)
    assert (works(old), works(new)) == (None, None)


def test_revoking_ends_both_secrets(clock, by_alice, issue):
    old = issue()
    new = rotate_token(actor=by_alice, token=old.token, overlap=DAY)
    revoke_token(actor=by_alice, token=new.token)
    assert (works(old), works(new)) == (None, None)


@pytest.mark.parametrize("overlap", [timedelta(microseconds=-1), 7 * DAY + timedelta(seconds=1)])
def test_an_overlap_out_of_range_rotates_nothing(by_alice, issue, overlap):
    token = issue().token
    rotate = lambda: rotate_token(actor=by_alice, token=token, overlap=overlap)  # noqa: E731
    assert refused(Invalid, rotate) == "overlap.range"


def test_an_ended_token_is_not_rotated_and_a_disabled_one_stays_disabled(
    clock, by_alice, production, issue
):
    token = issue(expires_at=DAY).token
    disable_token(actor=by_alice, token=token)
    new = rotate_token(actor=by_alice, token=token)
    assert new.token.disabled_at == NOW
    assert works(new) is None
    rotate = lambda: rotate_token(actor=by_alice, token=token)  # noqa: E731
    clock.move_to(NOW + DAY)
    assert refused(Conflict, rotate) == "token.expired"
    archive_workspace(actor=by_alice, workspace=production)
    assert refused(Conflict, rotate) == "token.revoked"


def test_a_workspace_archived_past_the_services_rotates_nothing(by_alice, production, issue):
    token = issue().token
    production.archived_at = NOW
    production.save()
    rotate = lambda: rotate_token(actor=by_alice, token=token)  # noqa: E731
    assert refused(Conflict, rotate) == "workspace.archived"


class Shorter(DefaultDialect):
    key_shape = KeyShape(id_length=8, secret_length=32, alphabet="0123456789abcdef", checksum=False)
    earlier_key_shapes = (KeyShape(),)


class Forgetful(Shorter):
    earlier_key_shapes = ()


def test_a_token_of_an_earlier_shape_keeps_its_shape(by_alice, issue, settings):
    token = issue().token
    for name, expected in (("Shorter", 49), ("Forgetful", None)):
        dialects = {"default": f"{__name__}.{name}"}
        with override_settings(APIKEYS={**settings.APIKEYS, "DIALECTS": dialects}):
            if expected is None:
                again = functools.partial(rotate_token, actor=by_alice, token=token)
                assert refused(Conflict, again) == "token.shape_unknown"
            else:
                new = rotate_token(actor=by_alice, token=token)
                assert len(new.secret) == expected
                assert works(new)
                token = new.token


def test_the_use_of_the_previous_secret_starts_anew_with_each_rotation(clock, by_alice, issue):
    first = rotate_token(actor=by_alice, token=issue().token, overlap=HOUR)
    AccessToken.objects.update(previous_last_used_at=NOW)
    clock.shift(HOUR)
    rotate_token(actor=by_alice, token=first.token, overlap=HOUR)
    assert AccessToken.objects.get().previous_last_used_at is None


# Rotations that were decided on the same state


def test_of_two_rotations_decided_on_one_state_the_second_makes_nothing(clock, by_alice, issue):
    seen = issue().token
    new = rotate_token(actor=by_alice, token=seen)
    clock.shift(3600)
    again = functools.partial(rotate_token, actor=by_alice, token=seen)
    assert refused(Conflict, again) == "token.rotated_meanwhile"
    assert works(new)


def test_who_has_seen_the_first_rotation_rotates_again_in_the_same_moment(clock, by_alice, issue):
    first = rotate_token(actor=by_alice, token=issue().token)
    second = rotate_token(actor=by_alice, token=first.token)
    # The clock stands still, and the two are told apart all the same.
    assert first.token.rotated_at == NOW < second.token.rotated_at
    again = functools.partial(rotate_token, actor=by_alice, token=first.token)
    assert refused(Conflict, again) == "token.rotated_meanwhile"
    assert (works(first), works(second).pk) == (None, second.token.pk)


def test_what_was_seen_can_be_said_apart_from_the_token(clock, by_alice, issue):
    first = rotate_token(actor=by_alice, token=issue().token)
    token = AccessToken.objects.get()
    for seen in (None, NOW - HOUR):
        again = functools.partial(rotate_token, actor=by_alice, token=token, seen_rotated_at=seen)
        assert refused(Conflict, again) == "token.rotated_meanwhile"
    rotate_token(actor=by_alice, token=token, seen_rotated_at=first.token.rotated_at)


def test_a_rotation_that_was_never_made_can_t_have_been_seen(clock, by_alice, issue):
    with pytest.raises(Conflict) as caught:
        rotate_token(actor=by_alice, token=issue().token, seen_rotated_at=NOW)
    assert caught.value.code == "token.rotated_meanwhile"
    assert caught.value.extra == {"rotated_at": None}


def test_who_can_t_say_what_they_have_seen_waits_a_while(clock, by_alice, issue):
    blind = {"actor": by_alice, "unless_rotated_within": timedelta(seconds=10)}
    rotate_token(token=issue().token, **blind)
    clock.shift(9.999)
    token = AccessToken.objects.get()
    again = functools.partial(rotate_token, token=token, **blind)
    assert refused(Conflict, again) == "token.rotated_meanwhile"
    clock.shift(0.001)
    again()


def test_a_repeat_is_a_repeat_and_no_second_rotation(clock, by_alice, issue):
    token = issue().token
    rotate_token(actor=by_alice, token=token, creation_id="r-1")
    again = functools.partial(
        rotate_token,
        actor=by_alice,
        token=token,
        creation_id="r-1",
        unless_rotated_within=timedelta(seconds=10),
    )
    assert refused(Conflict, again) == "creation_id.used"


def suspend(token):
    Organization.objects.filter(pk=token.organization.pk).update(suspended_at=NOW)


def expel(token):
    Membership.objects.filter(user=token.owner)._raw_delete("default")


REFUSED = {
    "token.revoked": lambda token: change(token, revoked_at=NOW),
    "workspace.archived": lambda token: Workspace.objects.update(archived_at=NOW),
    "token.expired": lambda token: change(token, expires_at=NOW + timedelta(seconds=1)),
    "token.owner_gone": expel,
    "organization.suspended": suspend,
    "token.owner_inactive": lambda token: (
        type(token.owner).objects.filter(pk=token.owner.pk).update(is_active=False)
    ),
    "token.overlap_running": lambda token: change(
        token, previous_digest="x", previous_expires_at=NOW + HOUR
    ),
    "token.shape_unknown": lambda token: change(token, token_id="short"),
}


def change(token, **fields):
    AccessToken.objects.filter(pk=token.pk).update(**fields)


@pytest.mark.parametrize("code", REFUSED)
def test_a_token_says_why_it_gets_no_new_secret_and_the_service_says_the_same(
    clock, by_alice, bob, issue, code
):
    token = issue(kind="personal", owner=bob).token
    assert token.rotation_refused() is None
    clock.shift(60)
    REFUSED[code](token)
    token = AccessToken.objects.get(pk=token.pk)
    assert token.rotation_refused() == code
    rotate = functools.partial(rotate_token, actor=by_alice, token=token)
    assert refused(Conflict, rotate) == code


def test_there_is_a_sentence_for_each_reason_and_no_other():
    assert set(SENTENCES) == set(REFUSED)
    assert set(OBSTACLES.values()) < set(REFUSED)


def test_a_disabled_token_gets_a_new_secret(by_alice, issue):
    token = disable_token(actor=by_alice, token=issue().token)
    assert token.rotation_refused() is None
