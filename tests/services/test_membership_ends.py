"""What ends with a membership or a role: in this organization, what is alive, and by name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apikeys.models import AuditEvent, Invitation, Membership
from apikeys.services import members
from apikeys.services.actors import Actor
from apikeys.services.errors import Invalid
from apikeys.services.organizations import create_organization
from apikeys.services.tokens import create_token, revoke_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob_manages_two(actor, alice, bob, acme):
    """Bob is an admin of Acme, beside alice, and of Initech, beside alice as well."""
    members.change_role(actor=actor, membership=Membership.objects.get(user=bob), role="admin")
    initech = create_organization(actor=actor, name="Initech", slug="initech", admin=alice)
    members.add_member(actor=actor, organization=initech, user=bob, role="admin")
    return initech


def invited(organization: Any, by: Any) -> Invitation:
    now = timezone.now()
    return Invitation.objects.create(
        organization=organization,
        email=f"new@{organization.slug}.example",
        role="member",
        invited_by=by,
        expires_at=now + timedelta(days=7),
    )


@pytest.mark.parametrize("change", ["removed", "demoted", "left"])
def test_invitations_sent_for_another_organization_stay_open(
    actor, acme, bob, bob_manages_two, change
):
    here, elsewhere = invited(acme, bob), invited(bob_manages_two, bob)
    membership = Membership.objects.get(user=bob, organization=acme)
    if change == "removed":
        members.remove_member(actor=actor, membership=membership)
    elif change == "demoted":
        members.change_role(actor=actor, membership=membership, role="member")
    else:
        members.leave_organization(actor=Actor.person(bob), organization=acme)
    here.refresh_from_db()
    elsewhere.refresh_from_db()
    assert here.withdrawn_at is not None
    assert elsewhere.withdrawn_at is None
    events = AuditEvent.objects.filter(action="invitation.withdrawn")
    assert [(e.organization_slug, e.target_label) for e in events] == [("acme", here.email)]


def test_withdrawing_writes_one_column_of_an_invitation(actor, acme, bob, monkeypatch):
    members.change_role(actor=actor, membership=Membership.objects.get(user=bob), role="admin")
    invitation = invited(acme, bob)
    save = Invitation.save

    def save_late(self: Invitation, *args: Any, **kwargs: Any) -> None:
        Invitation.objects.filter(pk=self.pk).update(role="admin")
        save(self, *args, **kwargs)

    monkeypatch.setattr(Invitation, "save", save_late)
    members.remove_member(actor=actor, membership=Membership.objects.get(user=bob))
    invitation.refresh_from_db()
    assert (invitation.role, invitation.withdrawn_at is not None) == ("admin", True)


def test_the_event_of_a_changed_role_says_whose(actor, bob):
    members.change_role(actor=actor, membership=Membership.objects.get(user=bob), role="admin")
    event = AuditEvent.objects.get(action="member.role_changed")
    assert event.target_label == "bob@example.org"


def test_only_tokens_that_end_with_the_membership_are_named(actor, bob, production):
    first, second = (
        create_token(
            actor=actor, workspace=production, name=name, scopes=[], kind="personal", owner=bob
        ).token
        for name in ("First", "Second")
    )
    revoke_token(actor=actor, token=first)
    ended = members.remove_member(actor=actor, membership=Membership.objects.get(user=bob))
    assert ended == [second]
    event = AuditEvent.objects.get(action="member.removed")
    assert event.details == {"revoked_tokens": [second.token_id]}


@pytest.mark.parametrize("how", ["leaves", "is removed"])
def test_a_member_can_go_where_no_admin_can_log_in(actor, acme, alice, bob, how):
    type(alice).objects.filter(pk=alice.pk).update(is_active=False)
    if how == "leaves":
        members.leave_organization(actor=Actor.person(bob), organization=acme)
    else:
        members.remove_member(actor=actor, membership=Membership.objects.get(user=bob))
    assert not Membership.objects.filter(user=bob).exists()


def test_a_role_that_there_is_not_names_its_field(actor, acme, charlie):
    with pytest.raises(Invalid) as refused:
        members.add_member(actor=actor, organization=acme, user=charlie, role="owner")
    assert (refused.value.code, refused.value.field) == ("role.unknown", "role")


def test_known_people_come_by_the_name_of_their_organization(actor, acme, alice, make_user):
    for name in ("Zeta", "Beta"):
        made = create_organization(actor=actor, name=name, slug=name.lower(), admin=alice)
        members.add_member(
            actor=actor, organization=made, user=make_user(f"{name.lower()}@example.org")
        )
    people = members.known_people(actor=Actor.person(alice), organization=acme)
    assert [str(p.user.get_username()) for p in people] == [
        "beta@example.org",
        "zeta@example.org",
    ]
