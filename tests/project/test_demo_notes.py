"""The notes API: what a view protected as the README shows does with keys."""

from __future__ import annotations

import pytest

from apikeys.testing.headers import headers_of
from project.demo.notes.models import Note

pytestmark = pytest.mark.django_db

EVERYTHING = ("notes:read", "notes:write", "notes:delete")
NOTES = "/api/demo/notes"


@pytest.fixture
def note(production):
    return Note.objects.create(workspace=production, text="Order 1042 was shipped")


def test_a_key_lists_the_notes_of_its_workspace(api, issue, note, development):
    Note.objects.create(workspace=development, text="elsewhere")
    response = api.key(issue()).get(NOTES)
    assert response.status_code == 200
    assert response.json()["count"] == 1
    [shown] = response.json()["results"]
    assert shown["id"] == str(note.public_id)
    assert shown["text"] == "Order 1042 was shipped"
    assert set(shown) == {"id", "text", "created_at"}


def test_the_same_token_works_as_bearer_and_over_basic(api, issue, note):
    issued = issue()
    bearer = api.get(NOTES, headers={"Authorization": f"Bearer {issued.api_key}"})
    assert bearer.status_code == 200
    basic = api.get(NOTES, headers=headers_of(issued, "Basic"))
    assert basic.status_code == 200
    assert basic.json() == bearer.json()


def test_without_a_key_nothing_is_answered(api, note):
    response = api.get(NOTES)
    assert response.status_code == 401
    assert response["WWW-Authenticate"]
    assert response["Content-Type"] == "application/problem+json"
    assert "1042" not in response.content.decode()


def test_a_writer_adds_a_note_to_its_own_workspace(api, issue, production):
    response = api.key(issue(scopes=EVERYTHING)).post(NOTES, {"text": "new"}, format="json")
    assert response.status_code == 201
    stored = Note.objects.get()
    assert (stored.text, stored.workspace) == ("new", production)
    assert response.json()["id"] == str(stored.public_id)


def test_nobody_chooses_the_workspace_of_a_note(api, issue, production, development):
    body = {"text": "new", "workspace": development.pk, "id": "0" * 32}
    response = api.key(issue(scopes=EVERYTHING)).post(NOTES, body, format="json")
    assert response.status_code == 201
    assert Note.objects.get().workspace == production


def test_a_read_only_key_may_not_add_and_is_told_which_scope_is_missing(api, issue):
    response = api.key(issue()).post(NOTES, {"text": "new"}, format="json")
    assert response.status_code == 403
    assert "notes:write" in response.json()["detail"]
    assert not Note.objects.exists()


def test_writing_does_not_include_reading_or_deleting(api, issue, note):
    api.key(issue(scopes=["notes:write"]))
    assert api.get(NOTES).status_code == 403
    assert api.get(f"{NOTES}/{note.public_id}").status_code == 403
    assert api.delete(f"{NOTES}/{note.public_id}").status_code == 403
    changed = api.patch(f"{NOTES}/{note.public_id}", {"text": "changed"}, format="json")
    assert changed.status_code == 200
    note.refresh_from_db()
    assert note.text == "changed"


def test_a_key_that_may_delete_deletes(api, issue, note):
    response = api.key(issue(scopes=["notes:delete"])).delete(f"{NOTES}/{note.public_id}")
    assert response.status_code == 204
    assert not Note.objects.exists()


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_another_workspaces_note_is_the_same_404_as_a_missing_one(
    api, issue, note, development, method
):
    api.key(issue(workspace=development, scopes=EVERYTHING))
    send = getattr(api, method)
    body = {} if method == "get" else {"data": {"text": "mine now"}, "format": "json"}
    foreign = send(f"{NOTES}/{note.public_id}", **body)
    missing = send(f"{NOTES}/00000000-0000-4000-8000-000000000000", **body)
    assert foreign.status_code == missing.status_code == 404
    assert foreign.content == missing.content
    note.refresh_from_db()
    assert note.text == "Order 1042 was shipped"


def test_another_organizations_key_sees_none_of_acmes_notes(api, issue, note, globex):
    api.key(issue(workspace=globex.workspaces.get(slug="production"), scopes=EVERYTHING))
    assert api.get(NOTES).json()["results"] == []
    assert api.get(f"{NOTES}/{note.public_id}").status_code == 404


@pytest.mark.parametrize("name", ["x", "1", "%00", "%F0%9F%94%91", "..", "not-a-uuid"])
def test_an_id_that_is_no_uuid_is_a_404_in_json(api, issue, name):
    response = api.key(issue()).get(f"{NOTES}/{name}")
    assert response.status_code == 404
    if name != "..":
        assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body",
    [{}, {"text": ""}, {"text": "a\x00b"}, {"text": "x" * 10_001}, {"text": None}, {"text": []}],
    ids=["missing", "empty", "nul", "long", "null", "list"],
)
def test_a_text_that_cannot_be_kept_is_refused_by_name(api, issue, body):
    response = api.key(issue(scopes=EVERYTHING)).post(NOTES, body, format="json")
    assert response.status_code == 400
    assert "text" in response.content.decode()
    assert not Note.objects.exists()


def test_broken_json_is_a_400(api, issue):
    api.key(issue(scopes=EVERYTHING))
    response = api.post(NOTES, "{", content_type="application/json")
    assert response.status_code == 400


def test_reads_and_writes_have_limits_of_their_own(api, issue):
    api.key(issue(scopes=EVERYTHING))
    read = api.get(NOTES)
    written = api.post(NOTES, {"text": "new"}, format="json")
    headers = [(r["RateLimit-Policy"], r["RateLimit"]) for r in (read, written)]
    assert "q=6000" in headers[0][0]
    assert "r=5999" in headers[0][1]
    assert "q=1000" in headers[1][0]
    assert "r=999" in headers[1][1]


def test_whoami_tells_the_token_and_never_its_secret(api, issue):
    issued = issue(scopes=["notes:read"], name="CI")
    response = api.key(issued).get("/api/demo/whoami")
    assert response.status_code == 200
    assert response.json() == {
        "token_id": issued.token.token_id,
        "name": "CI",
        "kind": "automation",
        "organization": "acme",
        "workspace": "production",
        "scopes": ["notes:read"],
    }
    assert issued.secret not in response.content.decode()


def test_whoami_answers_a_token_without_any_scope(api, issue):
    response = api.key(issue(scopes=[])).get("/api/demo/whoami")
    assert response.status_code == 200
    assert response.json()["scopes"] == []


def test_whoami_does_not_answer_strangers(api, db):
    assert api.get("/api/demo/whoami").status_code == 401


def test_a_key_over_plain_http_is_refused_and_not_redirected(api, issue, note):
    response = api.key(issue()).get(NOTES, secure=False)
    assert response.status_code == 403
    assert "Location" not in response


def test_the_proxys_word_for_https_counts_from_a_trusted_proxy_alone(api, issue, note, settings):
    api.key(issue())
    proxied = {"X-Forwarded-Proto": "https"}
    assert api.get(NOTES, secure=False, headers=proxied).status_code == 403
    settings.APIKEYS = {**settings.APIKEYS, "TRUSTED_PROXIES": ["127.0.0.1/32"]}
    assert api.get(NOTES, secure=False, headers=proxied).status_code == 200
    assert api.get(NOTES, secure=False).status_code == 403
