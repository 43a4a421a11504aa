"""Invitations: the link proves the mailbox, works once, and opens no account that exists."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.signing import TimestampSigner
from django.db import connection, transaction
from django.utils import timezone

from apikeys.models import AuditEvent, Invitation, Membership, Organization
from apikeys.models.organizations import InvitationState
from apikeys.services import invitations
from apikeys.services.actors import Actor
from apikeys.services.errors import Conflict, Invalid, NotAllowed, ServiceError
from apikeys.services.members import add_member, change_role, remove_member

PASSWORD = "a long enough pass phrase"
Commit = Callable[..., Any]


def page_url(link: str) -> str:
    return f"https://keys.example.org/{link}"


@pytest.fixture
def invite(
    acme: Organization, alice: Any, django_capture_on_commit_callbacks: Commit
) -> Callable[..., Invitation]:
    """Invite as alice; the mail is sent as after a commit."""

    def make(email: str = "dave@example.org", role: str = "member", **given: Any) -> Invitation:
        with django_capture_on_commit_callbacks(execute=True):
            return invitations.invite(
                actor=given.get("actor", Actor.person(alice)),
                organization=acme,
                email=email,
                role=role,
                page_url=page_url,
            )

    return make


def code_of(refused: pytest.ExceptionInfo[ServiceError]) -> str:
    return refused.value.code


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


def test_an_invitation_sends_one_mail_with_the_link_and_is_audited(
    invite: Any, acme: Organization
) -> None:
    before = timezone.now()
    invitation = invite(" Dave@EXAMPLE.org ", role="admin")
    assert invitation.email == "Dave@example.org"
    assert invitation.state is InvitationState.OPEN
    life = invitation.expires_at - before
    assert timedelta(days=7) <= life < timedelta(days=7, minutes=1)
    (message,) = mail.outbox
    assert message.to == ["Dave@example.org"]
    assert message.subject == "Join Acme"
    assert page_url(invitations.link_of(invitation)).rsplit(":", 2)[0] in message.body
    assert "alice@example.org invites you to join Acme as an admin." in message.body
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.actor_label, event.target_label, event.details) == (
        "invitation.created",
        "alice@example.org",
        "Dave@example.org",
        {"role": "admin"},
    )


def test_the_link_names_the_invitation_and_nothing_else(invite: Any) -> None:
    invitation = invite()
    name, _, _ = invitations.link_of(invitation).split(":")
    assert name == invitation.public_id.hex
    assert invitations.read_link(invitations.link_of(invitation)) == invitation


def test_the_link_stands_in_one_line_of_the_mail_as_it_is_sent(invite: Any) -> None:
    invitation = invite()
    (message,) = mail.outbox
    link = invitations.link_of(invitation)
    assert link.encode() in message.message().as_bytes()
    assert invitation.mail_failed is False


def test_names_reach_the_mail_as_they_are(invite: Any, acme: Organization) -> None:
    Organization.objects.filter(pk=acme.pk).update(name="R&D <'Labs'>")
    invite()
    assert mail.outbox[0].subject == "Join R&D <'Labs'>"
    assert "to join R&D <'Labs'> as a member." in mail.outbox[0].body


@pytest.mark.parametrize("who", ["bob", "charlie"])
def test_only_admins_invite(who: str, invite: Any, request: pytest.FixtureRequest) -> None:
    actor = Actor.person(request.getfixturevalue(who))
    with pytest.raises(NotAllowed) as refused:
        invite(actor=actor)
    assert code_of(refused) == "organization.admin_required"
    assert not Invitation.objects.exists()
    assert mail.outbox == []


@pytest.mark.parametrize("who", ["bob", "charlie"])
def test_only_admins_resend_and_withdraw(
    who: str, invite: Any, request: pytest.FixtureRequest
) -> None:
    invitation = invite()
    actor = Actor.person(request.getfixturevalue(who))
    with pytest.raises(NotAllowed):
        invitations.withdraw_invitation(actor=actor, invitation=invitation)
    with pytest.raises(NotAllowed):
        invitations.resend_invitation(actor=actor, invitation=invitation, page_url=page_url)
    assert Invitation.objects.get().state is InvitationState.OPEN


@pytest.mark.parametrize(
    ("email", "role", "code"),
    [
        ("", "member", "email.invalid"),
        ("dave", "member", "email.invalid"),
        ("a@example.org, b@example.org", "member", "email.invalid"),
        ("dave@example.org\nBcc: x@example.org", "member", "email.invalid"),
        (f"{'d' * 60}@{'e' * 63}.{'e' * 63}.{'e' * 63}.org", "member", "email.invalid"),
        ("dave@example.org", "owner", "role.unknown"),
        ("ALICE@example.org", "member", "member.exists"),
    ],
)
def test_an_unusable_invitation_writes_and_sends_nothing(
    email: str, role: str, code: str, invite: Any
) -> None:
    with pytest.raises(Invalid) as refused:
        invite(email, role)
    assert code_of(refused) == code
    assert not Invitation.objects.exists()
    assert mail.outbox == []


def test_one_open_invitation_per_address_and_organization(
    invite: Any, globex: Organization, charlie: Any
) -> None:
    invite("dave@example.org")
    with pytest.raises(Conflict) as refused:
        invite("DAVE@example.org", role="admin")
    assert code_of(refused) == "invitation.open"
    elsewhere = invitations.invite(
        actor=Actor.person(charlie),
        organization=globex,
        email="dave@example.org",
        page_url=page_url,
    )
    assert elsewhere.state is InvitationState.OPEN


def test_inviting_again_after_expiry_replaces_the_old_one(invite: Any) -> None:
    with time_machine.travel(timezone.now() - timedelta(days=8), tick=False):
        old = invite()
        link = invitations.link_of(old)
    new = invite()
    old.refresh_from_db()
    assert (old.state, new.state) == (InvitationState.EXPIRED, InvitationState.OPEN)
    with pytest.raises(Conflict) as refused:
        invitations.read_link(link)
    assert code_of(refused) == "invitation.expired"


def test_a_hundred_invitations_a_day_are_enough(invite: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(invitations, "MOST_PER_DAY", 2)
    invite("one@example.org")
    invite("two@example.org")
    with pytest.raises(Conflict) as refused:
        invite("three@example.org")
    assert code_of(refused) == "invitation.too_many"
    with time_machine.travel(timezone.now() + timedelta(days=1, seconds=1)):
        assert invite("three@example.org").state is InvitationState.OPEN


def test_the_answer_is_the_same_whether_an_account_exists(invite: Any, charlie: Any) -> None:
    known, unknown = invite("charlie@example.org"), invite("nobody@example.org")
    assert (known.state, known.role) == (unknown.state, unknown.role)
    bodies = {
        message.body.replace(invitations.link_of(invitation).split(":")[0], "").split("Open")[0]
        for message, invitation in zip(mail.outbox, (known, unknown), strict=True)
    }
    assert len(bodies) == 1
    assert not Membership.objects.filter(user=charlie, organization=known.organization).exists()


def test_no_mail_leaves_when_the_transaction_fails(
    acme: Organization, alice: Any, django_capture_on_commit_callbacks: Commit
) -> None:
    def invite_and_fail() -> None:
        with transaction.atomic():
            invitations.invite(
                actor=Actor.person(alice),
                organization=acme,
                email="dave@example.org",
                page_url=page_url,
            )
            raise ZeroDivisionError

    with django_capture_on_commit_callbacks(execute=True), pytest.raises(ZeroDivisionError):
        invite_and_fail()
    assert mail.outbox == []
    assert not Invitation.objects.exists()


class NoCreditError(Exception):
    """What the backend of a mail service may raise."""


@pytest.mark.parametrize("error", [ConnectionRefusedError, NoCreditError])
def test_mail_that_fails_keeps_the_invitation_and_logs_no_link(
    invite: Any, monkeypatch: Any, caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> int:
        raise error("no mail here")

    monkeypatch.setattr(mail.EmailMessage, "send", refuse)
    invitation = invite()
    assert (invitation.state, invitation.mail_failed) == (InvitationState.OPEN, True)
    [record] = caplog.records
    words = f"invitation could not be sent error={error.__name__}: no mail here"
    assert (record.getMessage(), record.exc_info) == (words, None)
    assert invitations.link_of(invitation).split(":")[2] not in caplog.text


def test_the_account_of_the_invited_address_joins_ignoring_case(
    invite: Any, make_user: Any, acme: Organization
) -> None:
    dave = make_user("dave@example.org")
    invitation = invite("Dave@Example.org", role="admin")
    membership = invitations.accept_invitation(
        actor=Actor.person(dave), link=invitations.link_of(invitation)
    )
    assert (membership.organization, membership.user, membership.role) == (acme, dave, "admin")
    invitation.refresh_from_db()
    assert invitation.state is InvitationState.ACCEPTED
    assert actions()[-2:] == ["member.added", "invitation.accepted"]
    assert AuditEvent.objects.latest("pk").details == {
        "role": "admin",
        "invited_by": "alice@example.org",
    }


@pytest.mark.parametrize(
    "other",
    # The third is the Kelvin sign, which lowers to an ASCII k.
    ["eve@example.org", "kate@example.org.evil.org", "\u212aate@example.org", "kate@example.or"],
)
def test_an_account_of_another_address_is_refused(other: str, invite: Any, make_user: Any) -> None:
    eve = make_user(other)
    link = invitations.link_of(invite("kate@example.org"))
    with pytest.raises(NotAllowed) as refused:
        invitations.accept_invitation(actor=Actor.person(eve), link=link)
    assert code_of(refused) == "invitation.other_address"
    assert not Membership.objects.filter(user=eve).exists()
    assert Invitation.objects.get().state is InvitationState.OPEN


def test_a_token_or_the_system_accepts_nothing(invite: Any, issue: Any) -> None:
    link = invitations.link_of(invite())
    for actor in (Actor.bearer(issue().token), Actor.system("tests")):
        with pytest.raises(NotAllowed):
            invitations.accept_invitation(actor=actor, link=link)


def test_signing_up_through_the_link_makes_the_account_of_that_address_only(
    invite: Any, acme: Organization
) -> None:
    link = invitations.link_of(invite("dave@example.org"))
    user = invitations.sign_up_and_accept(link=link, password=PASSWORD, address="192.0.2.1")
    assert user.get_username() == "dave@example.org"
    assert user.check_password(PASSWORD)
    assert not user.is_staff
    assert not user.is_superuser
    assert Membership.objects.get(organization=acme, user=user).role == "member"
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.actor_label, event.address) == (
        "invitation.accepted",
        "dave@example.org",
        "192.0.2.1",
    )


def test_signing_up_never_touches_an_account_that_exists(invite: Any, make_user: Any) -> None:
    dave = make_user("dave@example.org", "the old password, unchanged")
    link = invitations.link_of(invite("DAVE@example.org"))
    with pytest.raises(Conflict) as refused:
        invitations.sign_up_and_accept(link=link, password=PASSWORD)
    assert code_of(refused) == "invitation.account_exists"
    dave.refresh_from_db()
    assert dave.check_password("the old password, unchanged")
    assert get_user_model()._default_manager.count() == 2
    assert not Membership.objects.filter(user=dave).exists()


@pytest.mark.parametrize("password", ["short", "12345678901234", "password1", "dave@example.org"])
def test_a_weak_password_makes_no_account(password: str, invite: Any) -> None:
    link = invitations.link_of(invite("dave@example.org"))
    with pytest.raises(Invalid) as refused:
        invitations.sign_up_and_accept(link=link, password=password)
    assert (code_of(refused), refused.value.field) == ("password.weak", "password")
    assert get_user_model()._default_manager.count() == 1
    assert Invitation.objects.get().state is InvitationState.OPEN


def test_a_used_link_works_no_second_time(invite: Any, make_user: Any) -> None:
    dave = make_user("dave@example.org")
    link = invitations.link_of(invite("dave@example.org"))
    membership = invitations.accept_invitation(actor=Actor.person(dave), link=link)
    remove_member(actor=Actor.system("tests"), membership=membership)
    with pytest.raises(Conflict) as refused:
        invitations.accept_invitation(actor=Actor.person(dave), link=link)
    assert code_of(refused) == "invitation.accepted"
    with pytest.raises(Conflict) as refused:
        invitations.sign_up_and_accept(link=link, password=PASSWORD)
    assert code_of(refused) == "invitation.accepted"
    assert not Membership.objects.filter(user=dave).exists()


def test_a_link_expires_after_seven_days(invite: Any) -> None:
    invitation = invite()
    link = invitations.link_of(invitation)
    end = invitation.expires_at
    microsecond = timedelta(microseconds=1)
    assert invitation.state_at(end - microsecond) is InvitationState.OPEN
    assert invitation.state_at(end) is InvitationState.EXPIRED
    with time_machine.travel(end - 1000 * microsecond, tick=False):
        assert invitations.read_link(link) == invitation
    with time_machine.travel(end + 1000 * microsecond, tick=False):
        with pytest.raises(Conflict) as refused:
            invitations.read_link(link)
        assert code_of(refused) == "invitation.expired"


def test_a_link_signed_long_ago_is_stale_although_the_invitation_was_resent(invite: Any) -> None:
    with time_machine.travel(timezone.now() - timedelta(days=8), tick=False):
        old = invitations.link_of(invitation := invite())
    resent = invitations.resend_invitation(
        actor=Actor.system("tests"), invitation=invitation, page_url=page_url
    )
    assert resent.state is InvitationState.OPEN
    with pytest.raises(Conflict) as refused:
        invitations.read_link(old)
    assert code_of(refused) == "invitation.expired"
    assert invitations.read_link(invitations.link_of(resent)) == invitation


def test_a_withdrawn_link_says_so(invite: Any, alice: Any, make_user: Any) -> None:
    invitation = invite()
    dave = make_user("dave@example.org")
    link = invitations.link_of(invitation)
    withdrawn = invitations.withdraw_invitation(actor=Actor.person(alice), invitation=invitation)
    assert withdrawn.state is InvitationState.WITHDRAWN
    assert actions()[-1] == "invitation.withdrawn"
    with pytest.raises(Conflict) as refused:
        invitations.accept_invitation(actor=Actor.person(dave), link=link)
    assert code_of(refused) == "invitation.withdrawn"
    with pytest.raises(Conflict):
        invitations.withdraw_invitation(actor=Actor.person(alice), invitation=invitation)
    with pytest.raises(Conflict):
        invitations.resend_invitation(
            actor=Actor.person(alice), invitation=invitation, page_url=page_url
        )
    assert actions().count("invitation.withdrawn") == 1


def test_a_changed_link_is_refused_whatever_was_changed(invite: Any) -> None:
    invitation = invite()
    link = invitations.link_of(invitation)
    name, stamp, signature = link.split(":")
    other = "0" * 32
    changed = [
        "",
        "x",
        name,
        link[:-1],
        f"{other}:{stamp}:{signature}",
        f"{name}:{stamp[:-1]}z:{signature}",
        f"{name}::{signature}",
        TimestampSigner(salt="another").sign(name),
        TimestampSigner(salt=invitations.SALT).sign(other),
        TimestampSigner(salt=invitations.SALT).sign("no uuid"),
        "\x00:é:\ud800",
    ]
    for text in changed:
        with pytest.raises(Invalid) as refused:
            invitations.read_link(text)
        assert code_of(refused) == "invitation.unknown", text


def test_resending_waits_five_minutes_and_passes_on_who_answers(
    invite: Any, bob: Any, acme: Organization, django_capture_on_commit_callbacks: Commit
) -> None:
    invitation = invite()
    change_role(
        actor=Actor.system("tests"), membership=acme.memberships.get(user=bob), role="admin"
    )
    actor = Actor.person(bob)
    with pytest.raises(Conflict) as refused:
        invitations.resend_invitation(actor=actor, invitation=invitation, page_url=page_url)
    assert code_of(refused) == "invitation.just_sent"
    with (
        time_machine.travel(timezone.now() + timedelta(minutes=5, seconds=1)),
        django_capture_on_commit_callbacks(execute=True),
    ):
        invitations.resend_invitation(actor=actor, invitation=invitation, page_url=page_url)
    assert len(mail.outbox) == 2
    assert "bob@example.org invites you" in mail.outbox[1].body
    assert Invitation.objects.get().invited_by == bob
    assert actions()[-1] == "invitation.resent"


def test_who_stops_being_an_admin_leaves_no_open_invitation(
    invite: Any, alice: Any, bob: Any, acme: Organization
) -> None:
    system = Actor.system("tests")
    change_role(actor=system, membership=acme.memberships.get(user=bob), role="admin")
    invite("back-door@example.org", actor=Actor.person(bob))
    kept = invite("dave@example.org", actor=Actor.person(alice))
    change_role(actor=Actor.person(alice), membership=acme.memberships.get(user=bob), role="member")
    assert list(Invitation.objects.unanswered()) == [kept]
    change_role(actor=system, membership=acme.memberships.get(user=bob), role="admin")
    invite("back-door@example.org", actor=Actor.person(bob))
    remove_member(actor=Actor.person(alice), membership=acme.memberships.get(user=bob))
    assert list(Invitation.objects.unanswered()) == [kept]


def test_who_was_added_meanwhile_keeps_the_role(invite: Any, make_user: Any, acme: Any) -> None:
    dave = make_user("dave@example.org")
    link = invitations.link_of(invite("dave@example.org", role="admin"))
    add_member(actor=Actor.system("tests"), organization=acme, user=dave, role="member")
    with pytest.raises(Conflict) as refused:
        invitations.accept_invitation(actor=Actor.person(dave), link=link)
    assert code_of(refused) == "member.exists"
    assert acme.memberships.get(user=dave).role == "member"


@pytest.mark.django_db(transaction=True)
def test_ten_acceptances_at_once_make_one_account(acme: Organization, alice: Any) -> None:
    invitation = invitations.invite(
        actor=Actor.person(alice),
        organization=acme,
        email="dave@example.org",
        page_url=page_url,
    )
    link = invitations.link_of(invitation)

    def attempt(number: int) -> str:
        try:
            invitations.sign_up_and_accept(link=link, password=PASSWORD)
        except ServiceError as error:
            return error.code
        finally:
            connection.close()
        return "joined"

    with ThreadPoolExecutor(10) as pool:
        answers = sorted(pool.map(attempt, range(10)))
    assert answers == ["invitation.accepted"] * 9 + ["joined"]
    assert Membership.objects.filter(organization=acme).count() == 2
