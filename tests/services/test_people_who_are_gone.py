"""Tokens of people who are gone, and of what is stopped: no secret, no way back, revocable."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import models
from django.utils import timezone

from apikeys.models import AccessToken, AuditEvent, Membership, Organization, Workspace
from apikeys.services.actors import Actor
from apikeys.services.errors import Conflict, NotAllowed
from apikeys.services.members import add_member
from apikeys.services.organizations import resume_organization, suspend_organization
from apikeys.services.tokens import (
    create_token,
    disable_token,
    enable_token,
    end_overlap,
    revoke_token,
    rotate_token,
    update_token,
)

pytestmark = pytest.mark.django_db


def deactivate(bob, acme, token):
    bob.is_active = False
    bob.save()


def delete(bob, acme, token):
    """By SQL: deletion in code revokes the token as well."""
    Membership.objects.filter(user=bob)._raw_delete("default")
    models.QuerySet(AccessToken).filter(owner=bob).update(owner=None)


def expel(bob, acme, token):
    Membership.objects.filter(user=bob)._raw_delete("default")


def suspend(bob, acme, token):
    Organization.objects.filter(pk=acme.pk).update(suspended_at=timezone.now())


def archive(bob, acme, token):
    Workspace.objects.filter(pk=token.workspace_id).update(archived_at=timezone.now())


WAYS = {
    deactivate: "token.owner_inactive",
    delete: "token.owner_gone",
    expel: "token.owner_gone",
    suspend: "organization.suspended",
    archive: "workspace.archived",
}


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def way(request):
    return request.param


def refused(work):
    before = AuditEvent.objects.count(), list(AccessToken.objects.values())
    with pytest.raises(Conflict) as caught:
        work()
    assert (AuditEvent.objects.count(), list(AccessToken.objects.values())) == before
    return caught.value.code


@pytest.mark.parametrize("disabled", [False, True])
def test_such_a_token_gets_no_new_secret_and_is_not_enabled(issue, bob, acme, actor, way, disabled):
    token = issue(kind="personal", owner=bob).token
    if disabled:
        disable_token(actor=actor, token=token)
    way(bob, acme, token)
    token = AccessToken.objects.get()
    assert refused(lambda: rotate_token(actor=actor, token=token)) == WAYS[way]
    assert refused(lambda: enable_token(actor=actor, token=token)) == WAYS[way]


def test_such_a_token_can_be_narrowed_disabled_and_revoked(issue, bob, acme, actor, way):
    issued = issue(kind="personal", owner=bob)
    rotate_token(actor=actor, token=issued.token, overlap=timedelta(hours=1))
    way(bob, acme, issued.token)
    token = AccessToken.objects.get()
    end_overlap(actor=actor, token=token)
    update_token(actor=actor, token=token, scopes=[])
    disable_token(actor=actor, token=token)
    assert revoke_token(actor=actor, token=token).revoked_at is not None


def test_no_token_is_made_that_is_dead_on_arrival(issue, bob, acme, production, actor):
    make = {"actor": actor, "workspace": production, "name": "New", "scopes": []}
    mine = {"kind": "personal", "owner": bob, **make}
    deactivate(bob, acme, None)
    assert refused(lambda: create_token(**mine)) == "token.owner_inactive"
    suspend_organization(actor=actor, organization=acme)
    assert refused(lambda: create_token(**make)) == "organization.suspended"
    resume_organization(actor=actor, organization=acme)
    assert create_token(**make).token.status == "active"


def test_an_expired_token_is_not_enabled(issue, actor):
    token = issue(expires_at=timezone.now() + timedelta(days=1)).token
    disable_token(actor=actor, token=token)
    past = timezone.now() - timedelta(days=1)
    AccessToken.objects.update(created_at=past - timedelta(days=1), expires_at=past)
    assert refused(lambda: enable_token(actor=actor, token=token)) == "token.expired"


def test_who_was_taken_out_past_the_services_comes_back_without_the_old_tokens(
    api, issue, bob, acme, actor
):
    issued = issue(kind="personal", owner=bob)
    other = issue()
    expel(bob, acme, None)
    add_member(actor=actor, organization=acme, user=bob)
    token = AccessToken.objects.get(pk=issued.token.pk)
    assert (token.status, token.revoke_reason) == ("revoked", "Its owner had left")
    assert AccessToken.objects.get(pk=other.token.pk).status == "active"
    event = AuditEvent.objects.get(action="token.revoked")
    assert (event.token_id, event.actor_label) == (token.token_id, actor.label)


def test_who_was_deactivated_since_the_request_began_changes_nothing(issue, alice, acme):
    """The person that the session brought still says that it is active."""
    token = issue().token
    type(alice)._base_manager.filter(pk=alice.pk).update(is_active=False)
    assert alice.is_active
    actor = Actor.person(alice)
    for service in (disable_token, enable_token, revoke_token, rotate_token):
        with pytest.raises(NotAllowed) as caught:
            service(actor=actor, token=token)
        assert caught.value.code == "organization.admin_required"
    type(alice)._base_manager.filter(pk=alice.pk).update(is_active=True)
    assert disable_token(actor=actor, token=token).disabled_at is not None


def test_a_managing_token_that_has_ended_since_changes_nothing(issue, actor, production):
    parent = issue(scopes=["tokens:manage"]).token
    by_parent = Actor.bearer(parent)
    child = create_token(actor=by_parent, workspace=production, name="Child", scopes=[]).token
    disable_token(actor=by_parent, token=child)
    revoke_token(actor=actor, token=parent)
    for service in (enable_token, disable_token, revoke_token):
        with pytest.raises(NotAllowed) as caught:
            service(actor=by_parent, token=child)
        assert caught.value.code == "token.parent_not_usable"
    assert AccessToken.objects.get(pk=child.pk).disabled_at is not None


def test_a_managing_token_that_was_narrowed_since_changes_nothing(issue, actor, production):
    parent = issue(scopes=["tokens:manage"]).token
    by_parent = Actor.bearer(parent)
    child = create_token(actor=by_parent, workspace=production, name="Child", scopes=[]).token
    update_token(actor=actor, token=AccessToken.objects.get(pk=parent.pk), scopes=[])
    with pytest.raises(NotAllowed) as caught:
        disable_token(actor=by_parent, token=child)
    assert caught.value.code == "token.manage_required"
