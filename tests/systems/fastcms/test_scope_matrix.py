"""S3-05: scopes are enforced, on all endpoints, each scope alone, by the one carrier."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from project.demo.fastcms.content_views import ContentViewSet
from project.demo.fastcms.models import Collection, File, Record
from project.demo.fastcms.urls import urlpatterns
from tests.systems import matrix

pytestmark = [pytest.mark.django_db, pytest.mark.project]

READ_RECORDS = {"*", "records:*", "records:read"}
WRITE_RECORDS = {"*", "records:*", "records:write"}
TABLE = {
    ("GET", "collections"): {"*", "collections:read"},
    ("POST", "collections"): {"*", "collections:write"},
    ("GET", "collections/<str:name>"): {"*", "collections:read"},
    ("PATCH", "collections/<str:name>"): {"*", "collections:write"},
    ("DELETE", "collections/<str:name>"): {"*"},
    ("GET", "collections/<str:name>/records"): READ_RECORDS,
    ("POST", "collections/<str:name>/records"): WRITE_RECORDS,
    ("GET", "collections/<str:name>/records/<str:public_id>"): READ_RECORDS,
    ("PATCH", "collections/<str:name>/records/<str:public_id>"): WRITE_RECORDS,
    ("DELETE", "collections/<str:name>/records/<str:public_id>"): {
        "*",
        "records:*",
        "records:delete",
    },
    ("GET", "files"): {"*", "files:*", "files:read"},
    ("POST", "files"): {"*", "files:*", "files:write"},
    ("GET", "files/<str:public_id>"): {"*", "files:*", "files:read"},
    ("DELETE", "files/<str:public_id>"): {"*", "files:*"},
    ("GET", "files/<str:public_id>/content"): {"*", "files:*", "files:read"},
}


def test_s3_05_the_table_has_every_endpoint():
    assert set(TABLE) == matrix.endpoints(urlpatterns, "fastcms")


def test_s3_05_each_scope_opens_exactly_what_the_table_says(
    in_process, api, issue, production, monkeypatch
):
    monkeypatch.setattr(ContentViewSet, "limits", ())

    def send(endpoint: matrix.Endpoint, headers: dict[str, str]) -> int:
        method, route = endpoint
        Collection.objects.all().delete()
        collection = Collection.objects.create(workspace=production, name="posts")
        record = Record.objects.create(collection=collection)
        file = File.objects.create(workspace=production, name="a", size=1, content=b"a")
        thing = file if route.startswith("files") else record
        path = route.replace("<str:name>", "posts").replace("<str:public_id>", str(thing.public_id))
        body, form = {"data": {}, "name": "posts"}, "json"
        if endpoint == ("POST", "collections"):
            body = {"name": "new"}
        if endpoint == ("POST", "files"):
            body, form = {"file": SimpleUploadedFile("a.txt", b"a")}, "multipart"
        sent = {} if method in ("GET", "DELETE") else {"data": body, "format": form}
        return getattr(api, method.lower())(f"/api/v1/{path}", headers=headers, **sent).status_code

    assert matrix.mismatches(TABLE, "fastcms", issue=issue, send=send) == []
