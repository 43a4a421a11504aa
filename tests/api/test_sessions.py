"""A person's session at the management API: forged forms, lost roles, things of other tenants."""

from __future__ import annotations

import pytest

from apikeys.models import AccessToken, AuditEvent, Membership
from apikeys.services.members import add_member, change_role
from apikeys.services.workspaces import create_workspace

pytestmark = pytest.mark.django_db

CHANGES = [
    ("patch", "", {"name": "Forged"}),
    ("post", "leave", None),
    ("post", "workspaces", {"name": "Forged", "environment": "staging"}),
    ("patch", "workspaces/production", {"name": "Forged"}),
    ("post", "workspaces/production/archive", None),
    ("post", "tokens", {"workspace": "production", "name": "Forged", "scopes": []}),
    ("patch", "tokens/{token}", {"name": "Forged"}),
    ("post", "tokens/{token}/rotate", {}),
    ("post", "tokens/{token}/disable", None),
    ("post", "tokens/{token}/revoke", {}),
    ("post", "tokens/bulk-revoke", {"token_ids": ["{token}"]}),
    ("post", "tokens/revoke-all", {"workspace": "production"}),
    ("post", "members", {"user": "bob@example.org"}),
    ("patch", "members/{member}", {"role": "admin"}),
    ("delete", "members/{member}", None),
    ("post", "invitations", {"email": "forged@example.org"}),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_session_without_its_csrf_token_changes_nothing(session, bob, issue, method, path, body):
    token = issue().token.token_id
    member = Membership.objects.get(user=bob).public_id
    events = AuditEvent.objects.count()
    session.handler.enforce_csrf_checks = True
    answer = session.call(method, path.format(token=token, member=member), body)
    assert (answer.status_code, answer.json()["error"]) == (403, "permission.denied")
    assert AuditEvent.objects.count() == events


def test_who_is_no_admin_any_more_is_refused_by_the_next_request(session, alice, acme, bob, actor):
    assert session.call("get", "tokens").status_code == 200
    change_role(actor=actor, membership=Membership.objects.get(user=bob), role="admin")
    change_role(actor=actor, membership=Membership.objects.get(user=alice), role="member")
    body = {"workspace": "production", "name": "Late", "scopes": []}
    assert session.call("get", "tokens").status_code == 403
    assert session.call("post", "tokens", body).status_code == 403
    assert not AccessToken.objects.exists()


def test_a_workspace_of_another_organization_is_no_workspace_here(session, globex, actor, alice):
    create_workspace(
        actor=actor, organization=globex, name="Theirs", environment="staging", dialect="default"
    )
    body = {"workspace": "theirs", "name": "Foreign", "scopes": []}
    foreign = session.call("post", "tokens", body)
    missing = session.call("post", "tokens", {**body, "workspace": "missing"})
    assert foreign.status_code == missing.status_code == 400
    assert foreign.content == missing.content
    # Not even for who is in both: the address says which organization is meant.
    add_member(actor=actor, organization=globex, user=alice, role="admin")
    assert session.call("post", "tokens", body).content == missing.content
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize(
    "scopes", [None, "*", "notes:read", [""], ["bogus"], [None], ["notes:read", 1], {"*": 1}, True]
)
def test_scopes_that_are_no_list_of_known_names_make_no_token(session, scopes):
    body = {"workspace": "production", "name": "Odd", "scopes": scopes}
    assert session.call("post", "tokens", body).status_code == 400
    del body["scopes"]
    assert session.call("post", "tokens", body).status_code == 400
    assert not AccessToken.objects.exists()


def test_an_empty_list_of_scopes_opens_nothing(session, api):
    body = {"workspace": "production", "name": "Nothing", "scopes": []}
    key = session.call("post", "tokens", body).json()["api_key"]
    assert api.get("/api/demo/notes", headers={"X-API-Key": key}).status_code == 403
    assert api.get("/access/v1/organizations", headers={"X-API-Key": key}).status_code == 403
