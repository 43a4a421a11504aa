"""What happens at the same moment, on the database of the run: each writer on its own thread.

A service that tested before it locked would fail here: each trial lets all writers off together.
"""

from __future__ import annotations

import functools
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection

from apikeys.activity import usage
from apikeys.models import AccessToken, AuditEvent, Membership, SecretIssue, UsageCounter
from apikeys.services.actors import Actor
from apikeys.services.errors import AlreadyIssued, Conflict, Invalid, NotAllowed
from apikeys.services.members import (
    add_member,
    change_role,
    leave_organization,
    remove_member,
)
from apikeys.services.organizations import create_organization
from apikeys.services.tokens import create_token, revoke_token, rotate_token, update_token
from tests.support.race import race

pytestmark = pytest.mark.django_db(transaction=True)

TRIALS = 40 if connection.vendor == "postgresql" else 15
MANAGE = "tokens:manage"


def kinds(answers):
    return Counter(type(answer).__name__ for answer in answers)


def test_eight_writers_all_succeed(actor, production):
    def write(number):
        for again in range(5):
            issued = create_token(
                actor=actor,
                workspace=production,
                name=f"Writer {number} {again}",
                scopes=["notes:read"],
            )
            buffer = usage.Buffer()
            buffer.record(issued.token.pk, "success", address="192.0.2.1", agent="t")
            buffer.refuse("token.unknown", dialect="default", address="192.0.2.1", at=0)
            buffer.flush()
            assert not buffer._batch
            revoke_token(actor=actor, token=issued.token)
        return "done"

    answers = race(*(lambda number=number: write(number) for number in range(8)))
    assert answers == ["done"] * 8
    assert AccessToken.objects.filter(last_used_at__isnull=False).count() == 40
    assert UsageCounter.objects.count() == 40
    actions = Counter(AuditEvent.objects.values_list("action", flat=True))
    assert (actions["token.created"], actions["token.revoked"]) == (40, 40)


def test_a_creation_id_sent_ten_times_at_once_makes_one_token(actor, production):
    def create():
        return create_token(
            actor=actor, workspace=production, name="Deploy", scopes=[], creation_id="c-1"
        )

    answers = race(*[create] * 10)
    assert kinds(answers) == {"IssuedToken": 1, "AlreadyIssued": 9}
    token = AccessToken.objects.get()
    assert {e.extra["token_id"] for e in answers if isinstance(e, AlreadyIssued)} == {
        token.token_id
    }
    assert SecretIssue.objects.count() == 1


def test_a_name_taken_eight_times_at_once_is_given_once(actor, production, development):
    names = ["Deploy", "deploy"] * 4
    answers = race(
        *(
            lambda name=name: create_token(actor=actor, workspace=production, name=name, scopes=[])
            for name in names
        )
    )
    assert kinds(answers) == {"IssuedToken": 1, "Invalid": 7}
    assert {e.code for e in answers if isinstance(e, Invalid)} == {"token.name_taken"}

    tokens = [
        create_token(actor=actor, workspace=development, name=str(number), scopes=[]).token
        for number in range(4)
    ]
    answers = race(
        *(
            lambda token=token: update_token(actor=actor, token=token, name="Same")
            for token in tokens
        )
    )
    assert kinds(answers) == {"AccessToken": 1, "Invalid": 3}


def test_an_organization_s_name_is_given_once(actor, alice):
    answers = race(
        *[lambda: create_organization(actor=actor, name="Same", admin=alice, slug="same")] * 4
    )
    assert kinds(answers) == {"Organization": 1, "Invalid": 3}


def test_four_rotations_at_once_are_one(actor, issue):
    for _ in range(TRIALS // 5):
        token = issue().token
        before = AccessToken.objects.get(pk=token.pk).digest
        rotate = lambda token=token: rotate_token(  # noqa: E731
            actor=actor, token=token, overlap=timedelta(hours=1)
        )
        answers = race(*[rotate] * 4)
        assert kinds(answers) == {"IssuedToken": 1, "Conflict": 3}
        assert {e.code for e in answers if isinstance(e, Conflict)} == {"token.overlap_running"}
        row = AccessToken.objects.get(pk=token.pk)
        assert row.previous_digest == before
        assert row.digest == next(a.token.digest for a in answers if not isinstance(a, Conflict))
        assert AuditEvent.objects.filter(token_id=token.token_id).count() == 2


def throw_out(way, by, whom):
    """Let one admin end the other's power, or their own."""
    actor = Actor.person(by.user)
    if way == "leave":
        return leave_organization(actor=actor, organization=by.organization)
    if way == "demote":
        return change_role(actor=actor, membership=whom, role="member")
    return remove_member(actor=actor, membership=whom)


def test_two_admins_who_throw_each_other_out_leave_one(actor, acme, alice, make_user):
    dave = make_user("dave@example.org")
    ways = ("remove", "demote", "leave")
    for trial in range(TRIALS):
        for user in (alice, dave):
            found = Membership.objects.filter(organization=acme, user=user).first()
            if found is None:
                add_member(actor=actor, organization=acme, user=user, role="admin")
            else:
                change_role(actor=actor, membership=found, role="admin")
        hers, his = (
            Membership.objects.select_related("user", "organization").get(
                organization=acme, user=user
            )
            for user in (alice, dave)
        )
        chosen = ways[trial % 3], ways[(trial + trial % 2) % 3]
        answers = race(
            functools.partial(throw_out, chosen[0], hers, his),
            functools.partial(throw_out, chosen[1], his, hers),
        )
        admins = Membership.objects.filter(organization=acme, role="admin")
        assert admins.count() == 1, (chosen, answers)
        refused = [answer for answer in answers if isinstance(answer, Exception)]
        assert all(isinstance(error, (Conflict, NotAllowed)) for error in refused), refused


def test_the_last_admins_all_leave_at_once_and_one_stays(actor, acme, alice, make_user):
    people = [alice, *(make_user(f"admin{number}@example.org") for number in range(3))]
    for user in people[1:]:
        add_member(actor=actor, organization=acme, user=user, role="admin")
    answers = race(
        *(
            lambda user=user: leave_organization(actor=Actor.person(user), organization=acme)
            for user in people
        )
    )
    assert kinds(answers) == {"list": 3, "Conflict": 1}
    assert Membership.objects.filter(organization=acme, role="admin").count() == 1


def test_no_token_is_made_by_one_that_is_revoked_already(actor, production, issue):
    for number in range(TRIALS):
        parent = issue(scopes=[MANAGE]).token
        made, revoked = race(
            lambda parent=parent, number=number: create_token(
                actor=Actor.bearer(parent), workspace=production, name=f"C{number}", scopes=[]
            ),
            lambda parent=parent: revoke_token(actor=actor, token=parent),
        )
        assert isinstance(revoked, AccessToken)
        if isinstance(made, Exception):
            assert made.code in ("token.parent_not_usable", "token.manage_required")
            assert not AccessToken.objects.filter(parent=parent).exists()
        else:
            events = AuditEvent.objects.order_by("pk")
            created = events.get(token_id=made.token.token_id)
            ended = events.get(token_id=parent.token_id, action="token.revoked")
            assert created.pk < ended.pk


def test_flushes_of_eight_processes_at_once_lose_nothing(issue):
    tokens = [issue().token.pk for _ in range(5)]

    def work():
        buffer = usage.Buffer()
        for again in range(3):
            for pk in tokens:
                buffer.record(pk, "success", address=None, agent="", at=again * 60)
            buffer.flush()
        return bool(buffer._batch)

    assert race(*[work] * 8) == [False] * 8
    assert sum(UsageCounter.objects.values_list("count", flat=True)) == 8 * 3 * 5
