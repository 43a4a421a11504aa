"""S3-02 to S3-04: people make, list, change and revoke their own keys."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

import pytest

from apikeys.models import AccessToken, AuditEvent
from apikeys.services.tokens import create_token
from tests.systems.fastcms.words import COLLECTIONS, KEYS, NO_SUCH_KEY, UNAUTHENTICATED, use

pytestmark = [pytest.mark.django_db, pytest.mark.project]


def test_s3_02_creating_answers_what_the_seed_prints(api, log_in, bob):
    body = {
        "name": "CI/CD Pipeline Key",
        "scopes": "collections:read,records:*",
        "expires_at": "2030-12-31T23:59:59Z",
    }
    answer = api.post(KEYS, body, format="json", headers=log_in())
    assert answer.status_code == 201
    made = answer.json()
    token = AccessToken.objects.get()
    assert made == {
        "id": str(token.public_id),
        "name": "CI/CD Pipeline Key",
        "key": made["key"],
        "key_prefix": f"fcms_{token.token_id}_****",
        "scopes": "collections:read,records:*",
        "expires_at": "2030-12-31T23:59:59",
        "message": "Save this key securely. It will not be shown again.",
    }
    assert list(made) == ["id", "name", "key", "key_prefix", "scopes", "expires_at", "message"]
    assert made["key"].startswith(f"fcms_{token.token_id}_")
    assert (token.kind, token.owner, token.workspace.slug) == ("personal", bob, "production")
    assert token.expires_at == datetime(2030, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert answer["Cache-Control"] == "no-store"


def test_s3_02_the_seeds_own_date_is_past_and_is_named_by_422(api, log_in, bob):
    body = {
        "name": "CI/CD Pipeline Key",
        "scopes": "collections:read,records:*",
        "expires_at": "2025-12-31T23:59:59Z",
    }
    answer = api.post(KEYS, body, format="json", headers=log_in())
    assert answer.status_code == 422
    assert answer.json() == {
        "error": "Validation failed",
        "message": "Choose a time in the future.",
        "details": {"expires_at": "Choose a time in the future."},
    }
    assert not AccessToken.objects.exists()


def test_s3_02_a_time_without_zone_is_utc_and_scopes_default_to_everything(make_key):
    made = make_key(expires_at="2030-06-01T12:00:00")
    token = AccessToken.objects.get()
    assert token.expires_at == datetime(2030, 6, 1, 12, tzinfo=UTC)
    assert (made["scopes"], token.scopes) == ("*", ["*"])
    assert make_key(name="x" * 255)["expires_at"] is None


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"scopes": ""}, "scopes"),
        ({"scopes": "records:burn"}, "scopes"),
        ({"scopes": "collections:*"}, "scopes"),
        ({"scopes": "tokens:manage"}, "scopes"),
        ({"scopes": ["*"]}, "scopes"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"expires_at": "2020-01-01"}, "expires_at"),
        ({"workspace": "development"}, "workspace"),
    ],
)
def test_s3_02_input_that_breaks_a_rule_is_422_and_names_the_field(api, log_in, bob, fields, named):
    answer = api.post(KEYS, {"name": "x", **fields}, format="json", headers=log_in())
    assert answer.status_code == 422
    assert answer.json()["error"] == "Validation failed"
    assert list(answer.json()["details"]) == [named]
    assert not AccessToken.objects.exists()


def test_s3_02_a_repeated_creation_makes_nothing_and_shows_nothing(api, log_in, bob):
    headers = {**log_in(), "Idempotency-Key": "7f3d"}
    first = api.post(KEYS, {"name": "x"}, format="json", headers=headers)
    again = api.post(KEYS, {"name": "x"}, format="json", headers=headers)
    assert (first.status_code, again.status_code) == (201, 409)
    assert first.json()["key"] not in again.content.decode()
    assert AccessToken.objects.count() == 1


def test_s3_03_the_list_is_the_callers_own_and_never_holds_a_secret(
    api, make_key, log_in, alice, actor
):
    mine = make_key(name="mine", scopes="records:read", expires_at="2030-01-01T00:00:00Z")
    make_key(name="hers", headers=log_in("alice@example.org"))
    production = AccessToken.objects.first().workspace
    create_token(actor=actor, workspace=production, name="the build's", scopes=["*"])
    answer = api.get(KEYS, headers=log_in())
    assert answer.status_code == 200
    [shown] = answer.json()
    assert shown == {
        "id": mine["id"],
        "name": "mine",
        "key_prefix": mine["key_prefix"],
        "scopes": "records:read",
        "active": True,
        "expires_at": "2030-01-01T00:00:00",
        "last_used_at": None,
        "last_used_ip": None,
        "created": shown["created"],
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", shown["created"])
    assert mine["key"].rpartition("_")[2] not in answer.content.decode()
    assert api.get(f"{KEYS}/{mine['id']}", headers=log_in()).json() == shown


def test_s3_03_keys_of_another_workspace_are_not_listed(api, make_key, log_in):
    make_key()
    assert api.get(KEYS, headers=log_in(workspace="development")).json() == []


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_s3_04_anothers_key_is_the_same_404_as_a_missing_one(
    api, make_key, log_in, alice, globex, method
):
    mine = make_key()
    send = getattr(api, method)
    addresses = (mine["id"], str(uuid.uuid4()), "not-a-uuid", "%00")
    for email in ("alice@example.org", "charlie@example.org"):
        headers = log_in(email)
        for address in addresses:
            answer = send(f"{KEYS}/{address}", headers=headers)
            assert (answer.status_code, answer.content) == (404, NO_SUCH_KEY)
    token = AccessToken.objects.get(public_id=mine["id"])
    assert (token.revoked_at, token.disabled_at) == (None, None)


def test_s3_04_name_and_active_can_be_changed(api, make_key, log_in):
    made = make_key()
    address, headers = f"{KEYS}/{made['id']}", log_in()
    body = {"name": "Updated Key Name", "active": False}
    answer = api.patch(address, body, format="json", headers=headers)
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["active"]) == ("Updated Key Name", False)
    assert api.get(COLLECTIONS, headers=use(made)).status_code == 401
    api.patch(address, {"active": True}, format="json", headers=headers)
    assert api.get(COLLECTIONS, headers=use(made)).status_code == 200


def test_s3_04_scopes_are_only_ever_narrowed(api, make_key, log_in):
    made = make_key(scopes="records:*,files:read")
    address, headers = f"{KEYS}/{made['id']}", log_in()
    wider = api.patch(address, {"scopes": "*"}, format="json", headers=headers)
    assert wider.status_code == 422
    assert list(wider.json()["details"]) == ["scopes"]
    narrower = api.patch(address, {"scopes": "records:read"}, format="json", headers=headers)
    assert (narrower.status_code, narrower.json()["scopes"]) == (200, "records:read")
    back = api.patch(address, {"scopes": "records:*"}, format="json", headers=headers)
    assert back.status_code == 422


def test_s3_04_a_patch_that_fails_changes_nothing_and_unknown_fields_are_refused(
    api, make_key, log_in
):
    made = make_key(scopes="records:read")
    address, headers = f"{KEYS}/{made['id']}", log_in()
    body = {"name": "new", "active": False, "scopes": "*"}
    assert api.patch(address, body, format="json", headers=headers).status_code == 422
    assert api.get(address, headers=headers).json()["name"] == "CI/CD Pipeline Key"
    late = api.patch(address, {"expires_at": "2031-01-01"}, format="json", headers=headers)
    assert (late.status_code, list(late.json()["details"])) == (422, ["expires_at"])


def test_s3_04_deleting_revokes_and_leaves_row_and_audit_to_admins(api, make_key, log_in, bob):
    made = make_key()
    headers = log_in()
    answer = api.delete(f"{KEYS}/{made['id']}", headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    used = api.get(COLLECTIONS, headers=use(made))
    assert (used.status_code, used.content) == (401, UNAUTHENTICATED)
    assert api.get(f"{KEYS}/{made['id']}", headers=headers).content == NO_SUCH_KEY
    assert api.delete(f"{KEYS}/{made['id']}", headers=headers).content == NO_SUCH_KEY
    assert api.get(KEYS, headers=headers).json() == []
    token = AccessToken.objects.get()
    assert token.status == "revoked"
    event = AuditEvent.objects.filter(token_id=token.token_id).latest("id")
    assert (event.action, event.actor_label) == ("token.revoked", "bob@example.org")


def test_s3_04_revoke_all_takes_the_callers_own_and_counts_them(api, make_key, log_in, alice):
    made = [make_key(name=name) for name in ("one", "two", "three")]
    hers = make_key(headers=log_in("alice@example.org"))
    answer = api.post(f"{KEYS}/revoke-all", headers=log_in())
    assert answer.status_code == 200
    assert answer.content == b'{"revoked": 3, "message": "Revoked 3 API keys"}'
    assert all(api.get(COLLECTIONS, headers=use(key)).status_code == 401 for key in made)
    assert api.get(COLLECTIONS, headers=use(hers)).status_code == 200
    again = api.post(f"{KEYS}/revoke-all", headers=log_in())
    assert again.json() == {"revoked": 0, "message": "Revoked 0 API keys"}
