"""One audit event for each change, in its transaction; none for a refusal; no secret in any."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from apikeys.credentials.digests import text_of
from apikeys.models import AccessToken, AuditEvent, Membership, Organization, Workspace
from apikeys.services import audit, members, organizations, tokens, workspaces
from apikeys.services.actors import Actor
from apikeys.services.errors import ServiceError

DAY = timedelta(days=1)


@pytest.fixture
def by_alice(alice, acme):
    return Actor.person(alice, address="192.0.2.1", request_id="r-1")


@pytest.fixture
def changes(by_alice, acme, bob, charlie, production, development, issue):
    """Every service that changes something, in an order that works, with the events of each."""
    token, other = issue(scopes=["notes:read", "notes:write"]).token, issue().token
    membership = Membership.objects.get(user=bob)
    by = {"actor": by_alice}
    system = Actor.system("tests")
    return [
        (
            lambda: tokens.create_token(**by, workspace=production, name="A", scopes=[]),
            ["token.created"],
        ),
        (
            lambda: tokens.update_token(**by, token=token, scopes=["notes:read"]),
            ["token.updated"],
        ),
        (lambda: tokens.disable_token(**by, token=token), ["token.disabled"]),
        (lambda: tokens.enable_token(**by, token=token), ["token.enabled"]),
        (lambda: tokens.rotate_token(**by, token=token, overlap=DAY), ["token.rotated"]),
        (lambda: tokens.end_overlap(**by, token=token), ["token.overlap_ended"]),
        (lambda: tokens.revoke_token(**by, token=token), ["token.revoked"]),
        (
            lambda: tokens.revoke_tokens(
                **by, organization=acme, token_ids=[token.token_id, other.token_id]
            ),
            ["token.revoked"],
        ),
        (lambda: tokens.revoke_all(**by, workspace=production), ["token.revoked"]),
        (
            lambda: members.add_member(**by, organization=acme, user=charlie),
            ["member.added"],
        ),
        (
            lambda: members.change_role(**by, membership=membership, role="admin"),
            ["member.role_changed"],
        ),
        (lambda: members.remove_member(**by, membership=membership), ["member.removed"]),
        (
            lambda: members.leave_organization(actor=Actor.person(charlie), organization=acme),
            ["member.left"],
        ),
        (
            lambda: organizations.rename_organization(**by, organization=acme, name="Acme Inc."),
            ["organization.updated"],
        ),
        (
            lambda: organizations.update_policy(
                **by, organization=acme, max_lifetime_days=9, allowed_networks=[]
            ),
            ["organization.updated"],
        ),
        (
            lambda: organizations.suspend_organization(actor=system, organization=acme),
            ["organization.suspended"],
        ),
        (
            lambda: organizations.resume_organization(actor=system, organization=acme),
            ["organization.resumed"],
        ),
        (
            lambda: workspaces.create_workspace(
                **by, organization=acme, name="New", environment="staging", dialect="default"
            ),
            ["workspace.created"],
        ),
        (
            lambda: workspaces.rename_workspace(**by, workspace=development, name="Dev"),
            ["workspace.updated"],
        ),
        (
            lambda: workspaces.archive_workspace(**by, workspace=development),
            ["workspace.archived"],
        ),
    ]


def test_each_change_is_exactly_its_events(changes):
    for work, expected in changes:
        last = AuditEvent.objects.latest("pk").pk
        work()
        new = AuditEvent.objects.filter(pk__gt=last).order_by("pk")
        assert [event.action for event in new] == expected


def everything():
    models = (AccessToken, Membership, Organization, Workspace)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_a_change_and_its_event_are_one_transaction(changes, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("no room for the event")

    for work, expected in changes:
        before = everything()
        with monkeypatch.context() as broken:
            broken.setattr(AuditEvent, "save", fail)
            with pytest.raises(RuntimeError):
                work()
        assert everything() == before, expected
        work()
        assert everything() != before, expected


def test_a_refusal_is_no_event(changes, globex, charlie, monkeypatch):
    monkeypatch.setattr(Actor, "person", lambda user, **fields: Actor.system("unused"))
    stranger = Actor(kind="user", id="0", label="stranger", user=charlie)
    token = AccessToken.objects.earliest("pk")
    before = AuditEvent.objects.count()
    for work in (tokens.revoke_token, tokens.rotate_token, tokens.disable_token):
        with pytest.raises(ServiceError):
            work(actor=stranger, token=token)
    assert AuditEvent.objects.count() == before


def test_no_event_holds_a_secret_a_digest_or_part_of_one(changes, issue, actor):
    issued = issue(description="for the audit", allowed_networks=["10.0.0.0/8"])
    again = tokens.rotate_token(actor=actor, token=issued.token, overlap=DAY)
    for work, _ in changes:
        work()
    digests = [
        text_of(text)
        for row in AccessToken.objects.values_list("digest", "previous_digest")
        for text in row
        if text
    ]
    everything = json.dumps(list(AuditEvent.objects.values()), default=str)
    for text in (issued.secret, again.secret, *digests):
        hexadecimal = text.rpartition("$")[2]
        assert hexadecimal[:12] not in everything


def test_an_event_stays_readable_without_what_it_tells_of(by_alice, alice, issue):
    token = tokens.revoke_token(actor=by_alice, token=issue(name="Deploy").token, reason="Leaked")
    event = AuditEvent.objects.latest("pk")
    expected = {
        "organization_slug": "acme",
        "workspace_slug": "production",
        "action": "token.revoked",
        "actor_kind": "user",
        "actor_id": str(alice.pk),
        "actor_label": "alice@example.org",
        "token_id": token.token_id,
        "target_label": "Deploy",
        "address": "192.0.2.1",
        "request_id": "r-1",
        "details": {"reason": "Leaked"},
    }
    assert {name: getattr(event, name) for name in expected} == expected
    assert not [field for field in AuditEvent._meta.get_fields() if field.is_relation]
    Membership.objects.filter(user=alice)._raw_delete("default")
    alice.delete()
    assert AuditEvent.objects.get(pk=event.pk).actor_label == "alice@example.org"


def test_what_a_token_does_is_told_as_the_token_s_doing(issue, production):
    bearer = issue(name="CI", scopes=["tokens:manage"]).token
    tokens.create_token(
        actor=Actor.bearer(bearer, address="2001:db8::1"),
        workspace=production,
        name="Child",
        scopes=[],
    )
    event = AuditEvent.objects.latest("pk")
    assert (event.actor_kind, event.actor_id) == ("token", bearer.token_id)
    assert event.actor_label == f"CI ({bearer.token_id})"
    assert (event.target_label, event.address) == ("Child", "2001:db8::1")


def test_long_labels_fit(acme, actor):
    long = Actor(kind="system", id="x", label="y" * 300, request_id="z" * 100)
    event = audit.record(
        long, audit.Action.ORGANIZATION_UPDATED, organization=acme, target="t" * 300
    )
    assert [len(text) for text in (event.actor_label, event.request_id, event.target_label)] == [
        *(255, 64, 255)
    ]


def test_actions_are_a_closed_list_of_short_names():
    assert all(len(action) <= 64 and action.count(".") == 1 for action in audit.Action)
    assert len({action.value for action in audit.Action}) == len(list(audit.Action))
