"""Junk at FastCMS and Fastly is the caller's fault: never a 5xx, always JSON in their words."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from project.demo.fastcms.authentication import LoginToken
from project.demo.fastcms.content_views import ContentViewSet
from project.demo.fastcms.models import Collection
from project.demo.fastly.models import Service
from project.demo.fastly.views import FastlyView

pytestmark = [pytest.mark.django_db, pytest.mark.project]

FUZZ = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
METHODS = st.sampled_from(["get", "head", "post", "put", "patch", "delete"])
WORDS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["\x00", "\ud800", "..", "%", "😀", "a" * 600, "\u0661", "-1", "0", "self", "*"]
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
NAMES = [
    *("name", "scopes", "scope", "expires_at", "active", "schema", "data", "overlap", "email"),
    *("username", "password", "workspace", "comment", "type"),
]
FASTCMS = [
    *("api-keys", "collections", "posts", "records", "files", "content", "rotate", "auth"),
    *("login", "revoke-all"),
]
BODIES = st.one_of(
    st.dictionaries(st.sampled_from(NAMES) | WORDS, JSON, max_size=5).map(json.dumps),
    JSON.map(json.dumps),
    st.binary(max_size=60),
)
TYPES = st.sampled_from(
    [
        "application/json",
        "application/json; charset=utf-16",
        "application/json; charset=none",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "application/vnd.api+json; ext=bulk",
        "text/plain",
        "nonsense",
        "",
    ]
)
HEADERS = st.dictionaries(
    st.sampled_from(["Surrogate-Key", "Idempotency-Key", "Accept", "Origin", "X-Forwarded-For"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30),
    max_size=2,
)
QUERIES = st.dictionaries(st.sampled_from(["page", "per_page", "x"]), WORDS, max_size=2)


def path_of(pieces: list[str], query: dict[str, str]) -> str:
    def quoted(text: str) -> str:
        return quote(text.encode("utf-8", "surrogatepass"), safe="/")

    asked = "&".join(f"{name}={quoted(value)}" for name, value in query.items())
    return quoted("/" + "/".join(pieces)) + (f"?{asked}" if asked else "")


def judge(answer: Any) -> None:
    assert answer.status_code < 500, answer.content
    assert answer.status_code not in (301, 302, 308)
    if answer.status_code >= 400 and answer.content:
        assert answer["Content-Type"] == "application/json"
        assert {"error", "msg"} & json.loads(answer.content).keys()


@pytest.fixture
def no_limits(monkeypatch):
    monkeypatch.setattr(ContentViewSet, "limits", ())
    monkeypatch.setattr(FastlyView, "limits", ())


@pytest.fixture
def fastcms(account, issue_for, no_limits):
    organization = account("fastcms")
    Collection.objects.create(
        workspace=organization.workspaces.get(slug="production"),
        name="posts",
        schema=[{"name": "data", "type": "json", "required": False}],
    )
    membership = organization.memberships.get()
    jwt = LoginToken.of(membership, organization.workspaces.get(slug="production"))
    return {
        "X-API-Key": issue_for(organization, scopes=["*"]).api_key,
        "Authorization": f"Bearer {jwt}",
    }


@FUZZ
@given(
    method=METHODS,
    pieces=st.lists(
        st.sampled_from(FASTCMS) | WORDS,
        min_size=1,
        max_size=4,
    ),
    query=QUERIES,
    body=BODIES,
    kind=TYPES,
    headers=HEADERS,
)
def test_s3_junk_is_a_4xx(api, fastcms, method, pieces, query, body, kind, headers):
    path = path_of(["api", "v1", *pieces], query)
    judge(api.generic(method, path, body, kind, secure=True, headers={**fastcms, **headers}))


@pytest.fixture
def fastly(account, issue_for, no_limits):
    organization = account("fastly")
    workspace = organization.workspaces.get(slug="production")
    service = Service.objects.create(workspace=workspace, name="www")
    return str(service.public_id), {"Fastly-Key": issue_for(organization).api_key}


@FUZZ
@given(
    method=METHODS,
    start=st.sampled_from(["service", "service/$", "purge", "tokens"]),
    pieces=st.lists(st.sampled_from(["object", "purge", "purge_all"]) | WORDS, max_size=3),
    query=QUERIES,
    body=BODIES,
    kind=TYPES,
    headers=HEADERS,
)
def test_s4_junk_is_a_4xx(api, fastly, method, start, pieces, query, body, kind, headers):
    service, key = fastly
    path = path_of([start.replace("$", service), *pieces], query)
    if (method, start, pieces) == ("delete", "tokens", ["self"]):
        return  # ends the key that the other examples need
    judge(api.generic(method, path, body, kind, secure=True, headers={**headers, **key}))


@FUZZ
@given(method=METHODS, name=WORDS, body=BODIES, kind=TYPES, headers=HEADERS)
def test_s4_junk_in_objects_is_a_4xx(api, fastly, method, name, body, kind, headers):
    service, key = fastly
    for place in ("object", "purge"):
        path = path_of(["service", service, place, name], {})
        judge(api.generic(method, path, body, kind, secure=True, headers={**headers, **key}))
