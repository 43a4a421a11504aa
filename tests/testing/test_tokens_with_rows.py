"""Tokens with rows, where a test wants rows: the same states, for what asks the database."""

from __future__ import annotations

import pytest
from django.utils import timezone

from apikeys.models import AccessToken, Membership, Organization, Workspace
from apikeys.services.tokens import rotate_token, update_token
from apikeys.testing import APITokenClient, make_token, recorded_uses, token_client
from tests.support.notes.models import Note
from tests.testing.test_tokens_without_rows import REFUSED

pytestmark = [
    pytest.mark.urls("tests.support.apis"),
    pytest.mark.usefixtures("apikeys_isolated"),
    pytest.mark.django_db,
]


def test_it_has_a_row_where_it_is_asked_for(django_assert_num_queries):
    client = token_client("notes:read", saved=True)
    row = AccessToken.objects.get(token_id=client.token.token_id)
    assert row == client.token
    assert (row.pk > 0, row.status, row.scopes) == (True, "active", ["notes:read"])
    with django_assert_num_queries(1):
        assert client.get("/protected").status_code == 200


def test_it_has_none_where_nobody_asks(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert token_client("notes:read").get("/protected").status_code == 200
    assert not Organization.objects.exists()


def test_in_a_workspace_with_a_row_it_has_one_too(production):
    token = make_token("notes:read", workspace=production).token
    assert production.tokens.get() == token
    assert make_token("notes:read", workspace=production).token.name != token.name


def test_in_an_organization_with_a_row_too(acme):
    token = make_token(workspace=Workspace(organization=acme, slug="shop")).token
    assert acme.workspaces.get(slug="shop").tokens.get() == token


def test_views_write_rows_that_refer_to_it(production):
    client = token_client("notes:read", "notes:write", workspace=production)
    made = client.post("/notes", {"text": "Buy milk", "title": "Milk"}, format="json")
    assert made.status_code == 201, made.content
    assert Note.objects.get().workspace == production
    assert len(client.get("/notes").json()) == 1


@pytest.mark.parametrize(("state", "status", "code", "reason"), REFUSED)
def test_a_state_is_refused_as_in_production(state, status, code, reason):
    client = token_client("notes:read", state=state, saved=True)
    response = client.get("/protected")
    assert (response.status_code, response.json()["error"]) == (status, code)
    assert response.wsgi_request.apikeys.refusal.reason == reason
    rows = AccessToken.objects.filter(token_id=client.token.token_id)
    assert rows.exists() is (state != "unknown")


def test_it_is_rotated_with_an_overlap():
    rotated = make_token("notes:read", state="rotated", saved=True)
    earlier = {"X-API-Key": rotated.previous_api_key}
    assert APITokenClient(rotated).get("/protected").status_code == 200
    assert APITokenClient().get("/protected", headers=earlier).status_code == 200


def test_its_owner_becomes_a_member_and_the_rows_that_are_there_stay(bob, acme, production):
    token = make_token("notes:read", owner=bob, workspace=production).token
    assert (token.kind, token.owner) == ("personal", bob)
    assert Membership.objects.filter(organization=acme, user=bob).count() == 1
    elsewhere = make_token("notes:read", owner=bob, saved=True).token
    assert Membership.objects.get(organization=elsewhere.organization).user == bob
    assert elsewhere.status == "active"


def test_a_state_of_what_has_a_row_is_written(bob, acme, production):
    make_token(state="owner_inactive", owner=bob, workspace=production)
    bob.refresh_from_db()
    assert not bob.is_active
    make_token(state="suspended", workspace=production)
    acme.refresh_from_db()
    assert acme.suspended_at is not None
    make_token(state="owner_gone", owner=bob, saved=True)
    assert Membership.objects.filter(user=bob).count() == 1  # Acme's is not touched


def test_services_take_it(actor):
    made = make_token("notes:read", "notes:write", saved=True)
    update_token(actor=actor, token=made.token, scopes=["notes:read"])
    issued = rotate_token(actor=actor, token=made.token)
    assert APITokenClient(made).get("/protected").status_code == 401
    client = APITokenClient(issued)
    assert client.get("/protected").status_code == 200
    assert client.post("/protected").status_code == 403


def test_use_is_written_when_it_is_asked_for(issue):
    client = token_client("notes:read", saved=True)
    client.get("/protected")
    client.post("/protected")
    assert recorded_uses(client.token) == {"success": 1, "refused": 1}
    client.get("/protected")
    assert recorded_uses(client.issued) == {"success": 2, "refused": 1}
    client.token.refresh_from_db()
    assert client.token.last_used_at is not None
    assert recorded_uses(issue()) == {}


def test_of_an_owner_with_a_row_and_a_token_without_one_the_row_is_used(bob):
    client = token_client("notes:read", owner=bob)
    assert client.get("/protected").json()["user"] == str(bob.pk)
    assert not AccessToken.objects.exists()
    assert client.token.created_at <= timezone.now()
