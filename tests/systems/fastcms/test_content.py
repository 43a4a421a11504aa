"""S3-05: scopes of the closed set guard collections, records and files of the workspace."""

from __future__ import annotations

import json
import uuid

import pytest

from apikeys.models import AccessToken
from project.demo.fastcms.models import Collection
from tests.systems.fastcms.words import COLLECTIONS, use

pytestmark = [pytest.mark.django_db, pytest.mark.project]


def test_s3_05_scopes_are_exactly_these(acme):
    from apikeys import dialects

    assert list(dialects.get("fastcms").scopes) == [
        "*",
        "collections:read",
        "collections:write",
        "records:read",
        "records:write",
        "records:delete",
        "records:*",
        "files:read",
        "files:write",
        "files:*",
    ]


def test_s3_05_content_is_stored_changed_listed_and_deleted(api, make_key):
    key = use(make_key())
    schema = [
        {"name": "title", "type": "text", "required": True},
        {"name": "rank", "type": "number"},
    ]
    made = api.post(COLLECTIONS, {"name": "posts", "schema": schema}, format="json", headers=key)
    assert made.status_code == 201
    assert made.json()["schema"][1] == {"name": "rank", "type": "number", "required": False}
    records = f"{COLLECTIONS}/posts/records"
    body = {"data": {"title": "Hello", "rank": 1}}
    record = api.post(records, body, format="json", headers=key).json()
    assert (record["collection"], record["data"]) == ("posts", body["data"])
    changed = api.patch(
        f"{records}/{record['id']}", {"data": {"rank": 2}}, format="json", headers=key
    )
    assert changed.json()["data"] == {"title": "Hello", "rank": 2}
    listed = api.get(f"{records}?per_page=1", headers=key).json()
    assert (listed["total"], listed["items"][0]["id"]) == (1, record["id"])
    assert api.delete(f"{records}/{record['id']}", headers=key).status_code == 204
    assert api.get(f"{records}/{record['id']}", headers=key).status_code == 404
    assert api.delete(f"{COLLECTIONS}/posts", headers=key).status_code == 204
    assert api.get(f"{COLLECTIONS}/posts", headers=key).status_code == 404


def test_s3_05_files_are_stored_and_come_back_byte_for_byte(api, make_key):
    from django.core.files.uploadedfile import SimpleUploadedFile

    key = use(make_key(scopes="files:*"))
    content = bytes(range(256)) * 4
    upload = SimpleUploadedFile("logo.png", content, "image/png")
    made = api.post("/api/v1/files", {"file": upload}, format="multipart", headers=key)
    assert made.status_code == 201
    facts = made.json()
    assert (facts["name"], facts["size"], facts["content_type"]) == ("logo.png", 1024, "image/png")
    wanted = {**key, "Accept": "image/png"}
    read = api.get(f"/api/v1/files/{facts['id']}/content", headers=wanted)
    assert (read.content, read["Content-Type"]) == (content, "image/png")
    assert read["Content-Disposition"] == 'attachment; filename="logo.png"'
    assert api.delete(f"/api/v1/files/{facts['id']}", headers=key).status_code == 204
    assert api.get("/api/v1/files", headers=key).json()["total"] == 0


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"data": {}}, "title"),
        ({"data": {"title": 1}}, "title"),
        ({"data": {"title": "x", "colour": "red"}}, "colour"),
        ({"data": {"title": "a\x00"}}, "title"),
        ({"data": {"title": "x", "more": {"a": ["\ud800"]}}}, "more"),
        ({"data": {"title": "x", "\ud800": 1}}, "\\ud800"),
        ({"data": []}, "data"),
        ({}, "data"),
    ],
)
def test_s3_05_a_record_that_does_not_fit_its_collection_is_422(api, make_key, body, named):
    key = make_key()
    workspace = AccessToken.objects.get().workspace
    schema = [
        {"name": "title", "type": "text", "required": True},
        {"name": "more", "type": "json", "required": False},
    ]
    Collection.objects.create(workspace=workspace, name="posts", schema=schema)
    answer = api.post(
        f"{COLLECTIONS}/posts/records",
        json.dumps(body),
        content_type="application/json",
        headers=use(key),
    )
    assert answer.status_code == 422
    assert list(answer.json()["details"]) == [named]


def test_s3_05_another_workspaces_objects_are_the_same_404_as_missing_ones(api, make_key, log_in):
    ours = use(make_key())
    theirs = use(make_key(headers=log_in(workspace="development")))
    api.post(COLLECTIONS, {"name": "posts"}, format="json", headers=ours)
    for path in ("posts", "posts/records", f"posts/records/{uuid.uuid4()}"):
        foreign = api.get(f"{COLLECTIONS}/{path}", headers=theirs)
        missing = api.get(f"{COLLECTIONS}/nothing{path[5:]}", headers=theirs)
        assert (foreign.status_code, foreign.content) == (404, missing.content)
        assert foreign.json() == {"error": "Not found", "message": "Not found", "details": {}}
    # A name is taken in its own workspace only.
    body = {"name": "posts"}
    assert api.post(COLLECTIONS, body, format="json", headers=theirs).status_code == 201
    assert api.post(COLLECTIONS, body, format="json", headers=theirs).status_code == 422
