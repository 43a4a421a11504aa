"""S4-07: the token API, form by form and field by field."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apikeys.activity import usage
from apikeys.models import AccessToken, AuditEvent
from apikeys.services.members import add_member
from tests.systems.fastly.conftest import header

pytestmark = [pytest.mark.django_db, pytest.mark.project]

PASSWORD = "correct horse battery staple"
FORM = "application/x-www-form-urlencoded"
BULK = "application/vnd.api+json; ext=bulk"
UNAUTHENTICATED = b'{"msg": "Provided credentials are missing or invalid"}'


def basic(username: str = "bob@example.org", password: str = PASSWORD) -> dict[str, str]:
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


@pytest.fixture
def create(api, bob) -> Any:
    """Send `POST /tokens` as a form; bob's user name and password are in it."""

    def send(headers: dict[str, str] | None = None, **fields: str) -> Any:
        from urllib.parse import urlencode

        form = {"username": "bob@example.org", "password": PASSWORD, **fields}
        form = {name: value for name, value in form.items() if value is not None}
        return api.post("/tokens", urlencode(form), content_type=FORM, headers=headers)

    return send


def test_s4_07_a_token_is_made_by_form_and_shown_once(api, create, bob):
    answer = create(name="CI", scope="purge_select purge_all", expires_at="2030-07-28T22:21:11Z")
    assert answer.status_code == 200
    token = AccessToken.objects.get()
    made = answer.json()
    assert made == {
        "id": token.token_id,
        "user_id": str(bob.apikeys_memberships.get().public_id),
        "name": "CI",
        "scope": "purge_all purge_select",
        "services": [],
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
        "deleted_at": None,
        "expires_at": "2030-07-28T22:21:11Z",
        "access_token": made["access_token"],
    }
    assert made["access_token"].startswith(f"{token.token_id}_")
    assert answer["Cache-Control"] == "no-store"
    assert (token.kind, token.owner, token.workspace.slug) == ("personal", bob, "production")
    headers = {"Fastly-Key": made["access_token"]}
    shown = api.get("/tokens/self", headers=headers)
    assert shown.status_code == 200
    assert {**shown.json(), "access_token": made["access_token"]} == made
    assert made["access_token"].rpartition("_")[2] not in shown.content.decode()


def test_s4_07_name_scope_and_workspace_have_defaults_and_the_least_power(create):
    made = create().json()
    assert (made["name"], made["scope"]) == ("API token", "global:read")
    assert "expires_at" not in made
    assert AccessToken.objects.get().workspace.slug == "production"
    assert create(workspace="development").status_code == 200
    assert AccessToken.objects.latest("id").workspace.slug == "development"


def test_s4_07_the_password_may_come_over_basic_with_an_empty_form(api, bob, issue):
    plain = api.post("/tokens", "", content_type=FORM, headers=basic())
    assert plain.status_code == 200
    beside = {**basic(), **header(issue(scopes=["global"]))}
    answer = api.post("/tokens", "", content_type=FORM, headers=beside)
    assert (answer.status_code, answer.json()["scope"]) == (200, "global:read")


def test_s4_07_a_key_beside_the_password_says_which_workspace(api, bob, issue, development):
    headers = {**basic(), **header(issue(scopes=["global"], workspace=development))}
    made = api.post("/tokens", "", content_type=FORM, headers=headers).json()
    assert AccessToken.objects.get(token_id=made["id"]).workspace == development


def test_s4_07_a_key_beside_the_password_has_to_be_good_and_of_the_same_account(
    api, bob, issue, globex
):
    bad = api.post("/tokens", "", content_type=FORM, headers={**basic(), "Fastly-Key": "junk"})
    assert (bad.status_code, bad.content) == (401, UNAUTHENTICATED)
    theirs = issue(scopes=["global"], workspace=globex.workspaces.get(slug="production"))
    answer = api.post("/tokens", "", content_type=FORM, headers={**basic(), **header(theirs)})
    assert answer.status_code == 403
    assert not AccessToken.objects.filter(kind="personal").exists()


def test_s4_07_a_basic_header_beside_a_key_is_no_second_credential(api, issue):
    headers = {**header(issue(scopes=["global"])), **basic("", "")}
    assert api.get("/service", headers=headers).status_code == 200
    assert api.get("/service", headers=basic()).content == UNAUTHENTICATED


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic(password="wrong"),
        basic(username="nobody@example.org"),
        basic(username="", password=""),
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic /w=="},
        {"Authorization": "Bearer x"},
        basic(username="bob\x00@example.org"),
    ],
    ids=["none", "wrong", "nobody", "empty", "junk", "not-utf-8", "bearer", "nul"],
)
def test_s4_07_without_a_good_password_there_is_no_token(api, bob, issue, headers):
    answer = api.post("/tokens", "", content_type=FORM, headers=headers)
    assert (answer.status_code, answer.content) == (401, UNAUTHENTICATED)
    with_key = {**headers, **header(issue(scopes=["global"]))}
    assert api.post("/tokens", "", content_type=FORM, headers=with_key).status_code == 401
    assert not AccessToken.objects.filter(kind="personal").exists()


def test_s4_07_a_password_in_two_places_is_a_bad_request(create):
    answer = create(headers=basic())
    assert (answer.status_code, answer.json()["msg"]) == (400, "Bad request")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"scope": "everything"}, "scope"),
        ({"scope": "tokens:manage"}, "scope"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"name": "x" * 256}, "name"),
        ({"workspace": "staging"}, "workspace"),
        ({"services[]": "7i6HN3TK9wS159v2gPAZ8A"}, "services[]"),
    ],
)
def test_s4_07_input_that_breaks_a_rule_is_422_and_names_the_field(create, fields, named):
    answer = create(**fields)
    assert (answer.status_code, answer.json()["msg"]) == (422, "Bad request")
    assert answer.json()["detail"].startswith(f"{named}: ")
    assert not AccessToken.objects.exists()


def test_s4_07_members_of_other_systems_make_no_tokens_and_people_of_two_accounts_name_one(
    create, actor, bob, acme, globex, make_user
):
    make_user("dave@example.org")
    assert create(username="dave@example.org").status_code == 403
    add_member(actor=actor, organization=globex, user=bob, role="member")
    answer = create()
    assert (answer.status_code, "workspace: " in answer.json()["detail"]) == (422, True)
    assert create(workspace="globex/development").status_code == 200
    assert AccessToken.objects.get().workspace.organization == globex


def test_s4_07_too_many_passwords_are_429(in_process, create):
    for number in range(10):
        guess = create(username=f"nobody{number}@example.org", password="wrong")
        assert guess.status_code == 401
    answer = create()
    assert (answer.status_code, answer.json()["msg"]) == (429, "Too many requests")
    assert int(answer["Retry-After"]) >= 1


def test_s4_07_a_password_over_plain_http_is_refused(in_process, api, bob):
    answer = api.post("/tokens", "", content_type=FORM, headers=basic(), secure=False)
    assert answer.status_code == 403
    assert not AccessToken.objects.exists()


def test_s4_07_the_list_is_the_persons_own_and_holds_no_secret_and_no_null(
    api, issue, bob, alice, development
):
    mine = issue(scopes=["global:read"], kind="personal", owner=bob, name="mine")
    issue(scopes=["global"], kind="personal", owner=bob, workspace=development)
    issue(scopes=["global"], kind="personal", owner=alice)
    issue(scopes=["global"])
    answer = api.get("/tokens", headers=header(mine))
    assert answer.status_code == 200
    [shown] = answer.json()
    assert (shown["id"], shown["name"]) == (mine.token.token_id, "mine")
    assert mine.secret not in answer.content.decode()
    assert {name for name, value in shown.items() if value is None} == {"deleted_at"}
    strings = {type(value) for name, value in shown.items() if name not in ("services",)}
    assert strings == {str, type(None)}


def test_s4_07_a_long_list_costs_no_more_queries_than_a_short_one(in_process, api, issue, bob):
    mine = header(issue(scopes=["global:read"], kind="personal", owner=bob))
    api.get("/tokens", headers=mine)
    with CaptureQueriesContext(connection) as short:
        assert len(api.get("/tokens", headers=mine).json()) == 1
    for _ in range(5):
        issue(scopes=["global:read"], kind="personal", owner=bob)
    with CaptureQueriesContext(connection) as long:
        assert len(api.get("/tokens", headers=mine).json()) == 6
    assert len(long) == len(short)


def test_s4_07_last_use_address_and_agent_are_told_once_they_exist(in_process, api, issue):
    issued = issue(scopes=["global:read"])
    headers = {**header(issued), "User-Agent": "fastly-py/15"}
    first = api.get("/tokens/self", headers=headers, REMOTE_ADDR="198.51.100.7").json()
    assert not {"last_used_at", "ip", "user_agent", "user_id", "expires_at"} & set(first)
    usage.flush()
    shown = api.get("/tokens/self", headers=headers).json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", shown["last_used_at"])
    assert (shown["ip"], shown["user_agent"]) == ("198.51.100.7", "fastly-py/15")


def test_s4_07_one_token_is_read_and_revoked_by_its_id(api, issue, bob):
    manager = issue(scopes=["global"], kind="personal", owner=bob)
    old = issue(scopes=["global:read"], kind="personal", owner=bob)
    address = f"/tokens/{old.token.token_id}"
    assert api.get(address, headers=header(manager)).json()["id"] == old.token.token_id
    answer = api.delete(address, headers=header(manager))
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get("/service", headers=header(old)).content == UNAUTHENTICATED
    missing = api.get("/tokens/0000000000000000", headers=header(manager))
    gone = api.get(address, headers=header(manager))
    assert (gone.status_code, gone.content) == (404, missing.content)
    event = AuditEvent.objects.latest("id")
    assert event.action == "token.revoked"
    assert event.actor_label == f"bob@example.org by {manager.token.token_id}"


def test_s4_07_tokens_of_others_are_the_same_404_as_missing_ones(
    api, issue, bob, alice, globex, development
):
    caller = header(issue(scopes=["global"], kind="personal", owner=alice))
    others = [
        issue(scopes=["global"], kind="personal", owner=bob),
        issue(scopes=["global"]),
        issue(scopes=["global"], kind="personal", owner=alice, workspace=development),
        issue(scopes=["global"], workspace=globex.workspaces.get(slug="production")),
    ]
    missing = api.get("/tokens/0000000000000000", headers=caller)
    for other in others:
        for send in (api.get, api.delete):
            answer = send(f"/tokens/{other.token.token_id}", headers=caller)
            assert (answer.status_code, answer.content) == (404, missing.content)
    assert not AccessToken.objects.filter(revoked_at__isnull=False).exists()


def test_s4_07_any_token_ends_itself(api, issue, bob):
    for issued in (
        issue(scopes=["global:read"]),
        issue(scopes=["purge_all"], kind="personal", owner=bob),
        issue(scopes=[]),
    ):
        headers = header(issued)
        assert api.get("/tokens/self", headers=headers).status_code == 200
        answer = api.delete("/tokens/self", headers=headers)
        assert (answer.status_code, answer.content) == (204, b"")
        assert api.get("/tokens/self", headers=headers).content == UNAUTHENTICATED


def test_s4_07_an_automation_token_sees_itself_and_revokes_nobody_else(api, issue, bob):
    caller = issue(scopes=["global"])
    issue(scopes=["global"])
    issue(scopes=["global"], kind="personal", owner=bob)
    [shown] = api.get("/tokens", headers=header(caller)).json()
    assert shown["id"] == caller.token.token_id
    assert "user_id" not in shown


def test_s4_07_several_are_revoked_at_once_all_or_none(api, issue, bob, alice):
    manager = header(issue(scopes=["global"], kind="personal", owner=bob))
    mine = [issue(scopes=["global"], kind="personal", owner=bob) for _ in range(3)]
    hers = issue(scopes=["global"], kind="personal", owner=alice)

    def revoke(*issued: Any) -> Any:
        data = [{"id": one.token.token_id, "type": "token"} for one in issued]
        body = json.dumps({"data": data})
        return api.delete("/tokens", body, content_type=BULK, headers=manager)

    assert revoke(*mine, hers).status_code == 404
    assert api.get("/service", headers=header(mine[0])).status_code == 200
    answer = revoke(*mine)
    assert (answer.status_code, answer.content) == (204, b"")
    for one in mine:
        assert api.get("/service", headers=header(one)).status_code == 401
    assert api.get("/service", headers=header(hers)).status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ('{"data": []}', BULK, 422),
        ("{}", BULK, 422),
        ('{"data": [{"id": "x"}]}', BULK, 422),
        ('{"data": [{"id": "x", "type": "service"}]}', BULK, 422),
        ('{"data": "x"}', BULK, 422),
        ("[]", BULK, 422),
        ("{", BULK, 400),
        ("[" * 100_000, BULK, 400),
        ('{"data": []}', "application/vnd.api+json", 415),
        ('{"data": []}', "application/json", 415),
    ],
)
def test_s4_07_a_bulk_request_of_another_form_is_refused(api, issue, body, content_type, status):
    headers = header(issue(scopes=["global"]))
    answer = api.delete("/tokens", body, content_type=content_type, headers=headers)
    assert answer.status_code == status
    assert set(answer.json()) == {"msg", "detail"}


def test_s4_07_a_token_expires_to_the_second(api, create, time_machine):
    end = datetime(2029, 1, 1, 0, 1, tzinfo=UTC)
    time_machine.move_to(datetime(2029, 1, 1, tzinfo=UTC), tick=False)
    headers = {"Fastly-Key": create(expires_at="2029-01-01T00:01:00").json()["access_token"]}
    assert api.get("/tokens/self", headers=headers).status_code == 200
    time_machine.move_to(end, tick=False)
    assert api.get("/tokens/self", headers=headers).content == UNAUTHENTICATED


def test_s4_07_a_repeated_creation_makes_nothing_and_shows_nothing(create):
    answers = [create(headers={"Idempotency-Key": "7f3d"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[0].json()["access_token"] not in answers[1].content.decode()
    assert AccessToken.objects.count() == 1
