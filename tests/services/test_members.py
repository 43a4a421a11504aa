"""Members: added, promoted, removed; one admin who can log in always stays."""

from __future__ import annotations

import pytest

from apikeys.models import AccessToken, AuditEvent, Membership
from apikeys.services import members
from apikeys.services.actors import Actor
from apikeys.services.errors import Conflict, Invalid, NotAllowed


@pytest.fixture
def by_alice(alice, acme):
    return Actor.person(alice)


def of(user):
    return Membership.objects.get(user=user)


def refused(kind, work):
    before = AuditEvent.objects.count(), list(Membership.objects.order_by("pk").values())
    with pytest.raises(kind) as caught:
        work()
    assert (AuditEvent.objects.count(), list(Membership.objects.order_by("pk").values())) == before
    return caught.value.code


def test_somebody_is_added_once_with_a_role_there_is(by_alice, acme, charlie, make_user):
    added = members.add_member(actor=by_alice, organization=acme, user=charlie)
    assert (added.role, added.is_admin) == ("member", False)
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.target_label) == ("member.added", "charlie@example.org")
    again = lambda: members.add_member(actor=by_alice, organization=acme, user=charlie)  # noqa: E731
    assert refused(Conflict, again) == "member.exists"
    dave = make_user("dave@example.org")
    owner = lambda: members.add_member(  # noqa: E731
        actor=by_alice, organization=acme, user=dave, role="owner"
    )
    assert refused(Invalid, owner) == "role.unknown"


def test_a_role_changes_with_before_and_after_and_only_when_it_differs(by_alice, bob):
    members.change_role(actor=by_alice, membership=of(bob), role="admin")
    event = AuditEvent.objects.latest("pk")
    assert event.details == {"before": {"role": "member"}, "after": {"role": "admin"}}
    members.change_role(actor=by_alice, membership=of(bob), role="admin")
    assert AuditEvent.objects.latest("pk") == event
    wrong = lambda: members.change_role(  # noqa: E731
        actor=by_alice, membership=of(bob), role="owner"
    )
    assert refused(Invalid, wrong) == "role.unknown"


@pytest.mark.parametrize("other", ["none", "member", "inactive admin", "admin elsewhere"])
def test_the_last_admin_stays(by_alice, actor, acme, alice, bob, charlie, globex, other):
    if other == "inactive admin":
        members.change_role(actor=actor, membership=of(bob), role="admin")
        bob.is_active = False
        bob.save()
    elif other == "none":
        members.remove_member(actor=actor, membership=of(bob))
    elif other == "admin elsewhere":
        members.add_member(actor=actor, organization=acme, user=charlie)
    assert members.is_last_admin(of(alice))
    for work in (
        lambda: members.remove_member(actor=actor, membership=of(alice)),
        lambda: members.change_role(actor=actor, membership=of(alice), role="member"),
        lambda: members.leave_organization(actor=by_alice, organization=acme),
    ):
        assert refused(Conflict, work) == "member.last_admin"


def test_a_sole_admin_who_can_t_log_in_is_no_loss(actor, acme, alice, bob, django_user_model):
    """One rule for services, pages and the Django admin: there was nobody left to lose."""
    django_user_model.objects.filter(pk=alice.pk).update(is_active=False)
    assert not members.is_last_admin(of(alice))
    members.change_role(actor=actor, membership=of(alice), role="member")
    members.change_role(actor=actor, membership=of(bob), role="admin")
    assert members.is_last_admin(of(bob))
    assert not members.is_last_admin(of(alice))
    django_user_model.objects.filter(pk=bob.pk).update(is_active=False)
    members.remove_member(actor=actor, membership=of(bob))
    assert not Membership.objects.filter(user=bob).exists()


def test_with_another_admin_the_first_may_go(by_alice, acme, alice, bob):
    members.change_role(actor=by_alice, membership=of(bob), role="admin")
    members.change_role(actor=by_alice, membership=of(alice), role="member")
    assert not members.is_last_admin(of(alice))
    late = lambda: members.change_role(  # noqa: E731
        actor=by_alice, membership=of(bob), role="member"
    )
    assert refused(NotAllowed, late) == "organization.admin_required"


def test_who_is_removed_loses_their_personal_tokens_and_coming_back_revives_none(
    by_alice, acme, bob, globex, actor, issue
):
    members.add_member(actor=actor, organization=globex, user=bob)
    mine = issue(kind="personal", owner=bob).token
    shared = issue().token
    elsewhere = issue(workspace=globex.workspaces.first(), kind="personal", owner=bob).token
    membership = Membership.objects.get(user=bob, organization=acme)
    assert members.remove_member(actor=by_alice, membership=membership) == [mine]
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.details) == (
        "member.removed",
        {"revoked_tokens": [mine.token_id]},
    )
    members.add_member(actor=by_alice, organization=acme, user=bob)
    alive = AccessToken.objects.filter(revoked_at__isnull=True)
    assert set(alive) == {shared, elsewhere}
    assert AccessToken.objects.get(pk=mine.pk).revoke_reason == "Member removed"


def test_a_member_leaves_by_themselves_and_nobody_leaves_for_them(
    acme, bob, globex, charlie, issue
):
    mine = issue(kind="personal", owner=bob).token
    for actor in (Actor.person(charlie), Actor.bearer(mine), Actor.system("tests")):
        leave = lambda actor=actor: members.leave_organization(  # noqa: E731
            actor=actor, organization=acme
        )
        assert refused(NotAllowed, leave) == "member.not_you"
    assert members.leave_organization(actor=Actor.person(bob), organization=acme) == [mine]
    assert not Membership.objects.filter(user=bob).exists()


def test_a_membership_that_is_gone_is_a_conflict(by_alice, bob):
    membership = of(bob)
    members.remove_member(actor=by_alice, membership=membership)
    membership.pk = 10**9
    for work in (
        lambda: members.remove_member(actor=by_alice, membership=membership),
        lambda: members.change_role(actor=by_alice, membership=membership, role="admin"),
    ):
        assert refused(Conflict, work) == "member.gone"


@pytest.mark.parametrize("gone", [False, True])
def test_an_actor_who_was_deactivated_after_they_were_read_changes_nothing(
    gone, by_alice, acme, bob
):
    """As when the change waited for the lock of the organization meanwhile."""
    type(bob).objects.filter(pk=by_alice.user.pk).update(is_active=not gone)
    assert by_alice.user.is_active
    work = lambda: members.change_role(  # noqa: E731
        actor=by_alice, membership=of(bob), role="admin"
    )
    if gone:
        assert refused(NotAllowed, work) == "organization.admin_required"
    else:
        assert work().role == "admin"
