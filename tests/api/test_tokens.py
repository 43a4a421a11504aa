"""Tokens over the management API: what admins do in a session and programs with a token."""

from __future__ import annotations

import pytest

from apikeys.models import AccessToken, AuditEvent
from tests.api.conftest import Caller

pytestmark = pytest.mark.django_db

NEW = {"workspace": "production", "name": "CI deploy", "scopes": ["notes:read"]}


def test_an_admin_creates_a_token_and_sees_its_secret_once(session, client):
    answer = session.call("post", "tokens", NEW)
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert body["api_key"] == f"ak_prod_{body['token_id']}_{body['secret']}"
    used = client.get("/access/v1/token", headers={"X-API-Key": body["api_key"]})
    assert used.json()["name"] == "CI deploy"
    read = session.call("get", f"tokens/{body['token_id']}")
    assert read.status_code == 200
    assert body["secret"] not in read.content.decode()
    assert body["secret"] not in session.call("get", "tokens").content.decode()


def test_a_repeat_with_the_same_idempotency_key_makes_nothing(session):
    first = session.call("post", "tokens", NEW, HTTP_IDEMPOTENCY_KEY="once")
    again = session.call("post", "tokens", NEW, HTTP_IDEMPOTENCY_KEY="once")
    assert (first.status_code, again.status_code) == (201, 409)
    assert again.json()["error"] == "creation_id.used"
    assert again.json()["token_id"] == first.json()["token_id"]
    assert first.json()["secret"] not in again.content.decode()
    assert AccessToken.objects.count() == 1


def test_an_idempotency_key_used_for_another_request_is_422(session):
    session.call("post", "tokens", NEW, HTTP_IDEMPOTENCY_KEY="once")
    other = session.call("post", "tokens", {**NEW, "name": "other"}, HTTP_IDEMPOTENCY_KEY="once")
    assert other.status_code == 422
    assert other.json()["error"] == "idempotency_key.reused"


def test_an_old_password_check_must_be_renewed_before_a_secret_is_made(alice, acme, logged_in):
    answer = logged_in(alice, checked=False).call("post", "tokens", NEW)
    assert answer.status_code == 403
    assert answer.json()["error"] == "reauthentication.required"
    assert AccessToken.objects.count() == 0


def test_a_member_may_not_list_tokens(bob, logged_in):
    answer = logged_in(bob).call("get", "tokens")
    assert answer.status_code == 403
    assert answer.json()["error"] == "organization.admin_required"


def test_an_outsider_sees_no_organization(charlie, globex, acme, logged_in):
    foreign = logged_in(charlie).call("get", "tokens")
    caller = logged_in(charlie)
    caller.organization = "nowhere"
    missing = caller.call("get", "tokens")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.content == missing.content


def test_a_token_without_the_manage_scope_is_told_so(issue):
    caller = Caller()
    caller.credentials(HTTP_X_API_KEY=issue().api_key)
    answer = caller.call("get", "tokens")
    assert answer.status_code == 403
    assert answer.json()["required_scope"] == "tokens:manage"


def test_a_managing_token_makes_a_token_within_its_bounds(managing):
    made = managing.call("post", "tokens", NEW)
    assert made.status_code == 201
    wider = managing.call("post", "tokens", {**NEW, "name": "wider", "scopes": ["notes:delete"]})
    assert wider.status_code == 403
    assert wider.json()["error"] == "token.exceeds_parent"
    assert wider.json()["exceeds"] == ["scopes"]


def test_an_unknown_field_is_refused_by_name(session):
    answer = session.call("post", "tokens", {**NEW, "expire_at": "2030-01-01T00:00:00Z"})
    assert answer.status_code == 400
    assert "expire_at" in answer.json()["fields"]
    assert AccessToken.objects.count() == 0


@pytest.mark.parametrize("query", ["?nonsense=1", "?status=foo", "?cursor=junk", "?page_size=0"])
def test_an_unknown_filter_or_cursor_is_refused_by_name(session, query):
    answer = session.call("get", f"tokens{query}")
    assert answer.status_code == 400
    assert query[1:].partition("=")[0] in answer.json()["fields"]


def test_pages_by_cursor_show_every_token_once(session, issue):
    made = [issue().token.token_id for _ in range(7)]
    found, url = [], "tokens?page_size=3"
    while url:
        body = session.call("get", url).json()
        found += [row["token_id"] for row in body["results"]]
        url = body["next"] and "tokens?" + body["next"].partition("?")[2]
    assert sorted(found) == sorted(made)
    assert len(found) == 7


def test_a_token_is_rotated_disabled_enabled_narrowed_and_revoked(session):
    token_id = session.call("post", "tokens", NEW).json()["token_id"]
    path = f"tokens/{token_id}"
    rotated = session.call("post", f"{path}/rotate", {"overlap_seconds": 3600})
    assert rotated.status_code == 200
    assert rotated.json()["overlap_ends_at"] is not None
    assert session.call("post", f"{path}/rotate", {}).status_code == 409
    assert session.call("post", f"{path}/end-overlap").json()["overlap_ends_at"] is None
    assert session.call("post", f"{path}/disable").json()["status"] == "disabled"
    assert session.call("post", f"{path}/enable").json()["status"] == "active"
    assert session.call("patch", path, {"scopes": []}).json()["scopes"] == []
    widened = session.call("patch", path, {"scopes": ["notes:write"]})
    assert (widened.status_code, widened.json()["error"]) == (400, "token.scopes_widened")
    revoked = session.call("post", f"{path}/revoke", {"reason": "Leaked"})
    assert (revoked.json()["status"], revoked.json()["revoke_reason"]) == ("revoked", "Leaked")
    assert session.call("post", f"{path}/enable").status_code == 409
    actions = AuditEvent.objects.filter(token_id=token_id).values_list("action", flat=True)
    assert list(actions) == [
        "token.revoked",
        "token.updated",
        "token.enabled",
        "token.disabled",
        "token.overlap_ended",
        "token.rotated",
        "token.created",
    ]


def test_several_tokens_are_revoked_all_or_none(session, issue):
    one, two = issue().token.token_id, issue().token.token_id
    body = {"token_ids": [one, "0" * 16]}
    assert session.call("post", "tokens/bulk-revoke", body).status_code == 400
    assert AccessToken.objects.filter(revoked_at__isnull=False).count() == 0
    answer = session.call("post", "tokens/bulk-revoke", {"token_ids": [one, two]})
    assert answer.json()["revoked"] == 2


def test_a_token_reads_and_revokes_itself(issue):
    caller = Caller()
    caller.credentials(HTTP_X_API_KEY=issue().api_key)
    assert caller.get("/access/v1/token").status_code == 200
    assert caller.delete("/access/v1/token").status_code == 204
    gone = caller.get("/access/v1/token")
    assert (gone.status_code, gone.json()["error"]) == (401, "api_key.revoked")
