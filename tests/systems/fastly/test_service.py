"""S4-01, S4-03, S4-06, S4-07b: services, cached objects and purging behind `Fastly-Key`."""

from __future__ import annotations

import contextlib
import re
import tracemalloc
import uuid
from types import SimpleNamespace

import pytest
from rest_framework.exceptions import ValidationError

from apikeys.services.members import remove_member
from apikeys.services.tokens import disable_token, revoke_token
from project.demo.fastly import views
from project.demo.fastly.models import CachedObject, Service
from tests.systems.fastly.conftest import header

pytestmark = [pytest.mark.django_db, pytest.mark.project]

UNAUTHENTICATED = b'{"msg": "Provided credentials are missing or invalid"}'


def put(api, service, name, headers, *, keys="", content=b"<svg/>", kind="image/svg+xml"):
    return api.put(
        f"{service}/object/{name}",
        content,
        content_type=kind,
        headers={**headers, "Surrogate-Key": keys},
    )


def test_s4_01_a_token_without_prefix_lists_the_services_of_its_account(api, issue, production):
    issued = issue(scopes=["global"])
    assert re.fullmatch(r"[0-9A-Za-z]{16}_[0-9A-Za-z]{49}", issued.api_key)
    Service.objects.create(workspace=production, name="www")
    answer = api.get("/service", headers={"fastly-key": issued.api_key})
    assert answer.status_code == 200
    assert [service["name"] for service in answer.json()] == ["www"]
    bearer = {"Authorization": f"Bearer {issued.api_key}"}
    assert api.get("/service", headers=bearer).status_code == 401


def test_s4_01_services_of_other_workspaces_and_organizations_are_not_listed(
    api, key, development, globex
):
    Service.objects.create(workspace=development, name="dev")
    Service.objects.create(workspace=globex.workspaces.get(slug="production"), name="theirs")
    assert api.get("/service", headers=key()).json() == []


def test_s4_02_an_automation_token_survives_people_and_a_user_token_does_not(
    api, issue, acme, bob, actor
):
    automation = issue(scopes=["global:read"])
    personal = issue(scopes=["global:read"], kind="personal", owner=bob)
    assert api.get("/service", headers=header(personal)).status_code == 200
    remove_member(actor=actor, membership=bob.apikeys_memberships.get(organization=acme))
    assert api.get("/service", headers=header(personal)).content == UNAUTHENTICATED
    assert api.get("/service", headers=header(automation)).status_code == 200


def test_s4_03_an_object_is_cached_with_its_surrogate_keys_and_read_back(api, key, service):
    headers = key()
    name = "www.example.com/images/logo.svg?size=2"
    stored = put(api, service, name, headers, keys="images logo")
    assert stored.status_code == 200
    assert stored.json() == {
        "name": name,
        "service_id": service.rpartition("/")[2],
        "size": 6,
        "content_type": "image/svg+xml",
        "surrogate_keys": ["images", "logo"],
    }
    wanted = {**headers, "Accept": "image/*"}
    read = api.get(f"{service}/object/{name}", headers=wanted)
    assert (read.status_code, read.content) == (200, b"<svg/>")
    assert read["Content-Type"] == "image/svg+xml"
    assert read["Surrogate-Key"] == "images logo"
    assert read["Content-Disposition"] == "attachment"
    put(api, service, name, headers, keys="other", content=b"new", kind="text/plain")
    read = api.get(f"{service}/object/{name}", headers=headers)
    assert (read.content, read["Surrogate-Key"]) == (b"new", "other")


def test_s4_03_purging_a_surrogate_key_removes_what_has_it_and_nothing_else(api, key, service):
    headers = key()
    for name, keys in (("a", "images"), ("b", "images logo"), ("c", "pages")):
        put(api, service, name, headers, keys=keys)
    answer = api.post(f"{service}/purge/images", headers=key(["purge_select"]))
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "id": answer.json()["id"]}
    assert uuid.UUID(answer.json()["id"])
    reads = [api.get(f"{service}/object/{name}", headers=headers) for name in "abc"]
    assert [read.status_code for read in reads] == [404, 404, 200]
    assert reads[0].json()["msg"] == "Record not found"


@pytest.mark.parametrize(
    "url",
    [
        "www.example.com/logo.png?v=2",
        "https://www.example.com/logo.png?v=2",
        "HTTP://www.example.com/logo.png?v=2",
        "https:/www.example.com/logo.png?v=2",
    ],
)
def test_s4_03_purging_an_address_removes_it_from_every_service(api, key, service, url):
    headers = key()
    second = api.post("/service", {"name": "cdn"}, format="json", headers=headers).json()["id"]
    for place in (service, f"/service/{second}"):
        for name in ("www.example.com/logo.png?v=2", "www.example.com/logo.png"):
            put(api, place, name, headers)
    answer = api.post(f"/purge/{url}", headers=key(["purge_select"]))
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    left = CachedObject.objects.values_list("name", flat=True)
    assert list(left) == ["www.example.com/logo.png"] * 2


def test_s4_03_purge_all_empties_this_service_alone(api, key, service):
    headers = key()
    second = api.post("/service", {"name": "cdn"}, format="json", headers=headers).json()["id"]
    for place in (service, f"/service/{second}"):
        put(api, place, "a", headers)
    answer = api.post(f"{service}/purge_all", headers=key(["purge_all"]))
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert CachedObject.objects.get().service.name == "cdn"


def test_s4_03_nobody_purges_or_reads_another_workspaces_objects(
    api, key, service, development, globex
):
    put(api, service, "a", key(), keys="k")
    for workspace in (development, globex.workspaces.get(slug="production")):
        headers = key(workspace=workspace)
        missing = api.get(f"/service/{uuid.uuid4()}", headers=headers)
        assert missing.status_code == 404
        answers = [
            api.get(service, headers=headers),
            api.get(f"{service}/object/a", headers=headers),
            api.post(f"{service}/purge/k", headers=headers),
            api.post(f"{service}/purge_all", headers=headers),
            put(api, service, "a", headers, content=b"mine"),
        ]
        assert {(answer.status_code, answer.content) for answer in answers} == {
            (404, missing.content)
        }
        assert api.post("/purge/a", headers=headers).status_code == 200
    assert bytes(CachedObject.objects.get().content) == b"<svg/>"


@pytest.mark.parametrize("service_id", ["x", "%00", "%F0%9F%94%91", "..%2F.."])
def test_s4_03_an_address_of_nothing_is_a_404_in_fastlys_words(api, key, service, service_id):
    for path in (f"/service/{service_id}", f"{service}/object/{service_id}"):
        answer = api.get(path, headers=key())
        assert (answer.status_code, answer.json()["msg"]) == (404, "Record not found")
        assert answer["Content-Type"] == "application/json"


def test_s4_03_what_cannot_be_stored_is_refused_by_name(api, key, service):
    headers = key()
    assert put(api, service, "a%00b", headers).json()["detail"].startswith("name: ")
    assert put(api, service, "a" * 513, headers).status_code == 422
    many = " ".join(map(str, range(65)))
    answer = put(api, service, "a", headers, keys=many)
    assert (answer.status_code, answer.json()["msg"]) == (422, "Bad request")
    assert "Surrogate-Key" in answer.json()["detail"]
    large = put(api, service, "a", headers, content=b"x" * (2 * 1024 * 1024 + 1))
    assert (large.status_code, large.json()["msg"]) == (413, "Payload too large")
    assert not CachedObject.objects.exists()


@pytest.mark.parametrize("text", [" " * 1_000_000, "a " * 500_000, "a, " * 300_000])
def test_surrogate_keys_without_end_are_read_no_further_than_needed(text):
    request = SimpleNamespace(headers={"Surrogate-Key": text})
    tracemalloc.start()
    try:
        with contextlib.suppress(ValidationError):
            views._surrogate_keys(request)
        assert tracemalloc.get_traced_memory()[1] < 2 * len(text)
    finally:
        tracemalloc.stop()


def test_s4_06_every_bad_credential_gets_the_same_bytes(api, issue, actor, acme):
    issued = issue(scopes=["global"])
    wrong = issued.api_key[:-1] + ("0" if issued.api_key[-1] != "0" else "1")
    disabled, revoked = issue(scopes=["global"]), issue(scopes=["global"])
    disable_token(actor=actor, token=disabled.token)
    revoke_token(actor=actor, token=revoked.token)
    for value in (None, "", "x", wrong, disabled.api_key, revoked.api_key):
        headers = {} if value is None else {"Fastly-Key": value}
        answer = api.get("/service", headers=headers)
        assert (answer.status_code, answer.content) == (401, UNAUTHENTICATED)
        assert answer["WWW-Authenticate"] == 'ApiKey realm="fastly"'


def test_s4_06_other_errors_have_msg_and_detail(api, key):
    answer = api.post("/service", {}, format="json", headers=key())
    assert answer.status_code == 422
    assert answer.json() == {"msg": "Bad request", "detail": "name: This field is required."}


def test_s4_07b_a_service_is_made_by_form_and_read_back(api, key, acme):
    headers = key()
    made = api.post(
        "/service",
        "name=www&comment=Our+site&type=vcl",
        content_type="application/x-www-form-urlencoded",
        headers=headers,
    )
    assert made.status_code == 200
    facts = made.json()
    assert facts == {
        "id": facts["id"],
        "customer_id": "acme",
        "name": "www",
        "type": "vcl",
        "comment": "Our site",
        "version": 1,
        "versions": facts["versions"],
        "created_at": facts["created_at"],
        "updated_at": facts["updated_at"],
        "deleted_at": None,
    }
    assert facts["versions"][0]["number"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", facts["created_at"])
    assert api.get(f"/service/{facts['id']}", headers=headers).json() == facts
    assert api.get("/service", headers=headers).json() == [facts]


def test_s4_07b_a_service_is_changed_and_deleted(api, key, service):
    headers = key()
    changed = api.put(service, {"comment": "new"}, format="json", headers=headers).json()
    assert (changed["name"], changed["comment"], changed["version"]) == ("www", "new", 2)
    assert api.delete(service, headers=headers).json() == {"status": "ok"}
    assert api.get(service, headers=headers).status_code == 404


def test_s4_09_a_token_over_plain_http_is_refused_and_never_redirected(in_process, api, key):
    headers = key()
    answer = api.get("/service", headers=headers, secure=False)
    assert answer.status_code == 403
    assert answer.json() == {
        "msg": "You are not authorized to perform this action",
        "detail": "Send API keys over HTTPS only.",
    }
    assert "Location" not in answer.headers
    proxied = {**headers, "X-Forwarded-Proto": "https"}
    assert api.get("/service", headers=proxied, secure=False).status_code == 403


def test_s4_09_the_proxys_word_counts_from_a_trusted_proxy_alone(api, key, settings):
    settings.APIKEYS = {**settings.APIKEYS, "TRUSTED_PROXIES": ["127.0.0.1/32"]}
    headers = {**key(), "X-Forwarded-Proto": "https"}
    assert api.get("/service", headers=headers, secure=False).status_code == 200
    assert api.get("/service", headers=key(), secure=False).status_code == 403


def test_s4_11_the_public_address_list_needs_no_token(api, db):
    answer = api.get("/public-ip-list")
    assert answer.status_code == 200
    assert set(answer.json()) == {"addresses", "ipv6_addresses"}
    assert all(isinstance(network, str) for network in answer.json()["addresses"])
    assert "Fastly-RateLimit-Remaining" in answer.headers


def test_s4_11_an_invalid_token_never_falls_back_to_anonymous(api, db, issue):
    answer = api.get("/public-ip-list", headers={"Fastly-Key": "junk"})
    assert (answer.status_code, answer.content) == (401, UNAUTHENTICATED)
    assert api.get("/public-ip-list", headers=header(issue(scopes=[]))).status_code == 200
