"""Requests that no program of good will sends: each gets a 4xx, keeps nothing and costs little."""

from __future__ import annotations

import base64
import json

import pytest
from django.utils import timezone

from apikeys.credentials import digests
from apikeys.credentials.keys import KeyShape, api_key
from apikeys.limits import Limit
from apikeys.models import AuditEvent
from apikeys.reauthentication import SESSION_KEY
from apikeys.scopes import MANAGE
from apikeys.services.errors import Invalid
from apikeys.services.organizations import create_organization

pytestmark = pytest.mark.django_db

ORGANIZATION = "/access/v1/organizations/acme"
NUL = "production%00"


@pytest.fixture
def admin(client, alice, acme):
    """Alice, with a password checked a moment ago, who sees a 500 as a 500."""
    client.force_login(alice)
    session = client.session
    session[SESSION_KEY] = timezone.now().timestamp()
    session.save()
    client.raise_request_exception = False
    return client


@pytest.fixture
def manager(api, issue):
    api.raise_request_exception = False
    return api.key(issue(scopes=[MANAGE, "notes:read", "notes:write"]))


@pytest.mark.parametrize(
    "page", ["tokens", "tokens/new", "usage", "usage.csv", "audit", "audit.csv"]
)
@pytest.mark.parametrize("name", ["workspace", "token", "q", "after", "action"])
def test_a_nul_in_the_query_string_of_a_page_names_nothing(admin, page, name):
    assert admin.get(f"/dashboard/acme/{page}?{name}={NUL}").status_code == 404


@pytest.mark.parametrize("chosen", ["\x00", "production\x00"])
def test_a_nul_in_a_form_is_an_error_of_the_form(admin, chosen):
    form = {"person": chosen, "role": "member"}
    assert admin.post("/dashboard/acme/members/add", form).status_code == 200
    ticked = {"token_ids": chosen, "reason": "Leaked", "confirm": "Acme"}
    assert admin.post("/dashboard/acme/tokens/revoke", ticked).status_code == 302


@pytest.mark.parametrize("word", ["foo", "a", "a\x00b", "\x00", "tokens", "9" * 400])
def test_a_word_as_next_is_an_address_and_no_name_of_a_view(admin, word):
    answer = admin.get("/dashboard/confirm", {"next": word})
    assert answer.status_code == 302
    assert "//" not in answer["Location"]


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "https:evil.example",
        "javascript:x",
    ],
)
def test_next_leads_to_no_other_site(admin, address):
    answer = admin.get("/dashboard/confirm", {"next": address})
    assert (answer.status_code, answer["Location"]) == (302, "/dashboard/")


@pytest.mark.parametrize("path", ["tokens", "workspaces", "audit-events"])
@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00:00+00:00 \x00",
        "0001-01-01T00:00:00+14:00 x",
        "0001-01-01T00:00:00+14:00 6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "9999-12-31T23:59:59-14:00 6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    ],
)
def test_a_forged_cursor_is_refused_by_name(admin, path, text):
    cursor = base64.urlsafe_b64encode(text.encode()).decode()
    answer = admin.get(f"{ORGANIZATION}/{path}", {"cursor": cursor})
    assert answer.status_code == 400
    assert answer.json()["fields"].keys() == {"cursor"}


@pytest.mark.parametrize("path", [f"{ORGANIZATION}/tokens", "/api/demo/notes"])
def test_json_beyond_the_limit_of_django_is_refused_and_not_kept(manager, settings, path):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = json.dumps({"title": "x" * 1000})
    answer = manager.post(path, body, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]) == (413, "request.too_large")
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    assert manager.post(path, body, content_type="application/json").status_code == 400


def test_json_that_just_fits_is_read(manager, settings):
    body = json.dumps({"workspace": "production", "name": "x" * 100, "scopes": []})
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = len(body)
    path = f"{ORGANIZATION}/tokens"
    assert manager.post(path, body, content_type="application/json").status_code == 201


def test_the_management_api_reads_and_writes_json_alone(manager, settings):
    """Whatever the host's defaults are: DRF's own make a page of a new secret."""
    form = {"workspace": "production", "name": "x", "scopes": "notes:read"}
    assert manager.post(f"{ORGANIZATION}/tokens", form, format="multipart").status_code == 415
    assert manager.get("/access/v1/token", HTTP_ACCEPT="text/html").status_code == 406


@pytest.mark.parametrize("mark", ["\u202e", "\u202a", "\u2066", "\u2069"])
def test_a_name_that_reads_differently_from_what_it_is_is_refused(issue, alice, actor, mark):
    with pytest.raises(Invalid) as refused:
        issue(name=f"CI{mark}deploy")
    assert refused.value.code == "name.control_character"
    with pytest.raises(Invalid):
        create_organization(actor=actor, name=f"Ac{mark}me", admin=alice)
    assert not AuditEvent.objects.filter(action="token.created").exists()


def test_an_unknown_id_costs_the_same_comparison_as_a_wrong_secret(api, issue, monkeypatch):
    compared = []
    honest = digests.matches

    def count(token_id, secret, stored, peppers):
        compared.append(stored.partition("$")[0])
        return honest(token_id, secret, stored, peppers)

    monkeypatch.setattr(digests, "matches", count)
    shape = KeyShape()
    for token_id in (issue().token.token_id, shape.new_id()):
        key = api_key("ak_prod", token_id, shape.new_secret(token_id))
        assert api.get("/access/v1/token", headers={"X-API-Key": key}).status_code == 401
    assert compared == ["hmac-sha256", "hmac-sha256"]


@pytest.mark.parametrize("name", ["reads\x00", "reads\n", "\ud800", "a/b"])
def test_a_limit_is_named_in_plain_text(name):
    with pytest.raises(ValueError, match="plain text"):
        Limit("1/hour", name=name)
