"""No secret in an address: whatever field a key is pasted into, its id is all that goes on."""

from __future__ import annotations

import json
import logging
from urllib.parse import quote, unquote

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from apikeys.models import AccessToken, AuditEvent
from apikeys.services.tokens import disable_token, revoke_token
from apikeys.services.workspaces import archive_workspace
from apikeys.testing.headers import headers_of
from tests.conftest import SecureClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client, alice, acme):
    client.force_login(alice)
    return client


@pytest.fixture
def operator(client, make_user):
    client.force_login(make_user("root@example.org", is_staff=True, is_superuser=True))
    return client


def forms(issued):
    token_id, secret = issued.token.token_id, issued.secret
    pair = f"{token_id}:{secret}"
    wide = "".join(chr(ord(c) + 0xFEE0) for c in issued.api_key)
    return {
        "whole": issued.api_key,
        "blanks": f"  {issued.api_key} ",
        "quotes": f'"{issued.api_key}"',
        "header": f"X-API-Key: {issued.api_key}",
        "bearer": f"Authorization: Bearer {issued.api_key}",
        "basic": f"Authorization: {headers_of(issued, 'Basic')['Authorization']}",
        "bare": f"{token_id}_{secret}",
        "pair": pair,
        "encoded": quote(issued.api_key).replace("_", "%5F"),
        "wide": wide,
        "wrapped": f"{issued.api_key[:40]}\r\n{issued.api_key[40:]}",
        "mistyped": issued.api_key[:-3] + "000",
    }


FORMS = ["whole", "blanks", "quotes", "header", "bearer", "basic", "bare", "pair", "encoded"]
FORMS += ["wide", "wrapped", "mistyped"]


def holds(text: str, secret: str) -> bool:
    """Tell whether a part of the secret is in the text, however it is written there."""
    shown = unquote(unquote(text))
    wide = "".join(chr(ord(c) + 0xFEE0) for c in secret)
    return any(part in shown for part in (secret[4:24], secret[24:44], wide[4:24]))


PAGES = {
    "tokens?q": "/dashboard/acme/tokens",
    "tokens?status": "/dashboard/acme/tokens",
    "tokens?workspace": "/dashboard/acme/tokens",
    "tokens?ordering": "/dashboard/acme/tokens",
    "tokens?nonsense": "/dashboard/acme/tokens",
    "tokens?after": "/dashboard/acme/tokens",
    "audit?actor": "/dashboard/acme/audit",
    "audit?token": "/dashboard/acme/audit",
    "audit?action": "/dashboard/acme/audit",
    "audit?from": "/dashboard/acme/audit",
    "audit.csv?token": "/dashboard/acme/audit.csv",
    "usage?token": "/dashboard/acme/usage",
    "usage.csv?token": "/dashboard/acme/usage.csv",
    "members?q": "/dashboard/acme/members",
    "settings?q": "/dashboard/acme/settings",
    "confirm?q": "/dashboard/confirm",
    "home?q": "/dashboard/",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["tokens?q", "audit?token", "usage?token"])
def test_a_key_in_an_address_is_led_to_the_address_of_its_id(admin, issue, name, form):
    issued = issue()
    field = name.partition("?")[2]
    response = admin.get(PAGES[name], {field: forms(issued)[form]})
    assert response.status_code == 302
    assert response["Location"] == f"{PAGES[name]}?{field}={issued.token.token_id}"
    assert response["Cache-Control"] == "no-store, private"
    page = admin.get(response["Location"])
    assert page.status_code == 200
    assert issued.token.token_id in page.content.decode()
    assert "No token has this ID" not in page.content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_no_page_repeats_a_key_of_its_address(admin, issue, name):
    issued = issue()
    field = name.partition("?")[2]
    response = admin.get(PAGES[name], {field: issued.api_key, "x": "1"}, follow=True)
    for location, _ in response.redirect_chain:
        assert not holds(location, issued.secret)
    assert response.redirect_chain
    body = b"".join(response) if response.streaming else response.content
    assert not holds(body.decode(), issued.secret)


def test_a_name_of_a_parameter_can_be_a_key_too(admin, issue):
    issued = issue()
    response = admin.get(f"/dashboard/acme/tokens?{issued.api_key}=1")
    assert not holds(response["Location"], issued.secret)


def test_a_log_in_does_not_carry_the_key_on(issue):
    issued = issue()
    browser = SecureClient()
    response = browser.get("/dashboard/acme/tokens", {"q": issued.api_key}, follow=True)
    assert response.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    assert not any(holds(location, issued.secret) for location, _ in response.redirect_chain)
    assert not holds(response.content.decode(), issued.secret)


@pytest.mark.project
def test_where_to_go_after_log_in_holds_no_key(issue):
    issued = issue()
    target = f"/dashboard/acme/tokens?q={issued.api_key}&status=all"
    response = SecureClient().get("/accounts/login/", {"next": target}, follow=True)
    assert not holds(response.redirect_chain[0][0], issued.secret)
    assert not holds(response.content.decode(), issued.secret)
    assert f"q=ak_prod_{issued.token.token_id}&amp;status=all" in response.content.decode()


@pytest.mark.parametrize("form", FORMS)
def test_a_search_is_sent_by_post_so_that_no_address_ever_holds_the_key(admin, issue, form):
    issued = issue()
    page = admin.get("/dashboard/acme/tokens").content.decode()
    assert '<form class="filters" method="post"' in page
    response = admin.post(
        "/dashboard/acme/tokens", {"q": forms(issued)[form], "status": "all", "unused": ""}
    )
    assert response.status_code == 302
    asked = f"q={issued.token.token_id}&status=all"
    assert response["Location"] == f"/dashboard/acme/tokens?{asked}"


@pytest.mark.parametrize("page", ["tokens", "audit", "usage"])
def test_every_form_with_a_text_to_search_for_is_sent_by_post(admin, issue, page):
    issue()
    html = admin.get(f"/dashboard/acme/{page}").content.decode()
    for form in html.split("<form")[1:]:
        head, body = form.partition(">")[0], form.partition("</form>")[0]
        if 'type="search"' in body or 'type="text"' in body:
            assert 'method="post"' in head
            assert "csrfmiddlewaretoken" in body


def test_the_filters_of_audit_and_usage_keep_what_was_asked(admin, issue):
    issued = issue()
    response = admin.post(
        "/dashboard/acme/audit", {"actor": "", "token": issued.api_key, "from": "2026-01-02"}
    )
    asked = f"token={issued.token.token_id}&from=2026-01-02"
    assert response["Location"] == f"/dashboard/acme/audit?{asked}"
    response = admin.post("/dashboard/acme/usage", {"range": "7d", "token": issued.api_key})
    asked = f"range=7d&token={issued.token.token_id}"
    assert response["Location"] == f"/dashboard/acme/usage?{asked}"


def test_a_search_by_post_needs_the_forms_own_token(acme, alice, issue):
    browser = SecureClient(enforce_csrf_checks=True)
    browser.force_login(alice)
    response = browser.post("/dashboard/acme/tokens", {"q": issue().api_key})
    assert response.status_code == 403


def test_members_and_strangers_search_nothing(client, bob, charlie, globex, issue):
    key = issue().api_key
    for user, status in ((bob, 403), (charlie, 404)):
        client.force_login(user)
        assert client.post("/dashboard/acme/tokens", {"q": key}).status_code == status


def test_a_post_with_a_key_in_its_address_is_done_and_shows_none(admin, issue):
    issued = issue()
    token = f"/dashboard/acme/tokens/{issued.token.token_id}"
    response = admin.post(f"{token}/disable?q={issued.api_key}", follow=True)
    assert not holds(response.content.decode(), issued.secret)
    issued.token.refresh_from_db()
    assert issued.token.disabled_at is not None


PATHS = [
    "/dashboard/acme/tokens/{key}",
    "/dashboard/acme/tokens/{key}/revoke",
    "/dashboard/{key}/tokens",
    "/dashboard/invitations/{key}",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_with_a_key_leads_nowhere_and_into_no_log(issue, alice, path, caplog):
    issued = issue()
    browser = SecureClient()
    for who in (None, alice):
        if who is not None:
            browser.force_login(who)
        with caplog.at_level(logging.DEBUG):
            response = browser.get(path.format(key=issued.api_key))
        assert response.status_code == 404
        assert not holds(response.content.decode(), issued.secret)
    assert not holds(caplog.text, issued.secret)


def test_an_invitation_is_opened_whatever_its_signature_looks_like(admin, acme, alice):
    # Half a key at best, and the address of a page that somebody has to reach.
    link = "0123456789abcdef0123456789abcdef:1vPabc:x-ABCDEFGHIJKLMNOP_" + "y" * 26
    page = admin.get(f"/dashboard/invitations/{link}").content.decode()
    assert "This link is not complete" in page
    target = {"next": f"/dashboard/invitations/{link}"}
    location = SecureClient().get("/dashboard/confirm", target)["Location"]
    assert link in unquote(unquote(location))


def state_revoked(actor, issued):
    revoke_token(actor=actor, token=issued.token)


def state_disabled(actor, issued):
    disable_token(actor=actor, token=issued.token)


def state_expired(actor, issued):
    past = issued.token.created_at
    AccessToken.objects.filter(pk=issued.token.pk).update(
        created_at=past.replace(year=2020), expires_at=past.replace(year=2021)
    )


def state_archived(actor, issued):
    archive_workspace(actor=actor, workspace=issued.token.workspace)


def state_active(actor, issued):
    pass


STATES = [state_revoked, state_disabled, state_expired, state_archived, state_active]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    "query", [{}, {"status": "live"}, {"status": "expiring", "unused": "true"}]
)
def test_an_exact_id_is_found_in_every_state(admin, actor, issue, state, query):
    issued = issue(name="The leaked one")
    issue(name="Another")
    state(actor, issued)
    page = admin.get("/dashboard/acme/tokens", {"q": issued.token.token_id, **query})
    assert [row.token.name for row in page.context["rows"]] == ["The leaked one"]
    assert "exactly this ID" in page.content.decode()


def test_an_exact_id_is_found_whatever_workspace_is_chosen(admin, issue):
    issued = issue(name="The leaked one")
    page = admin.get(
        "/dashboard/acme/tokens", {"q": issued.token.token_id, "workspace": "development"}
    )
    assert [row.token.name for row in page.context["rows"]] == ["The leaked one"]


def test_an_exact_id_of_somebody_else_is_found_by_nobody(client, charlie, globex, issue, api):
    issued = issue()
    client.force_login(charlie)
    page = client.get("/dashboard/globex/tokens", {"q": issued.token.token_id, "status": "all"})
    assert page.status_code == 200
    assert page.context.get("rows") == []
    assert "exactly this ID" not in page.content.decode()


def test_a_beginning_of_an_id_obeys_the_filters(admin, actor, issue):
    issued = issue()
    revoke_token(actor=actor, token=issued.token)
    page = admin.get("/dashboard/acme/tokens", {"q": issued.token.token_id[:15]})
    assert page.context["rows"] == []


API = "/access/v1/organizations/acme"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("state", STATES)
def test_the_api_uses_a_key_by_its_id_in_every_state(api, alice, actor, issue, state, form):
    issued = issue(name="The leaked one")
    issue(name="Another")
    state(actor, issued)
    api.force_login(alice)
    for status in ({}, {"status": "live"}):
        response = api.get(f"{API}/tokens", {"q": forms(issued)[form], **status})
        assert response.status_code == 200
        assert [row["name"] for row in response.json()["results"]] == ["The leaked one"]


def test_the_api_keeps_to_the_workspace_that_is_asked_for(api, alice, issue):
    issued = issue()
    api.force_login(alice)
    found = api.get(f"{API}/tokens", {"q": issued.api_key, "workspace": "development"}).json()
    assert found["results"] == []


def test_no_link_of_the_api_repeats_a_key(api, alice, issue):
    issued = issue()
    for _ in range(3):
        issue(name=issued.token.token_id + str(_))
    api.force_login(alice)
    listed = api.get(f"{API}/audit-events", {"token": issued.api_key, "page_size": 1})
    assert [row["token_id"] for row in listed.json()["results"]] == [issued.token.token_id]
    for path in ("tokens", "audit-events"):
        for field in ("workspace", "x"):
            response = api.get(
                f"{API}/{path}", {field: issued.api_key, "page_size": 1, "q": issued.api_key}
            )
            assert not holds(response.content.decode(), issued.secret)
    revoke_token(actor=actor_of(alice), token=issued.token)
    listed = api.get(f"{API}/audit-events", {"token": issued.api_key, "page_size": 1}).json()
    assert f"token={issued.token.token_id}" in listed["next"]
    assert not holds(listed["next"], issued.secret)


def actor_of(user):
    from apikeys.services.actors import Actor

    return Actor.person(user)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("tokens", "status"),
        ("tokens", "unused"),
        ("tokens", "cursor"),
        ("tokens", "page_size"),
        ("tokens", "nonsense"),
        ("tokens", "workspace"),
        ("audit-events", "action"),
        ("audit-events", "from"),
        ("usage", "range"),
        ("usage", "token"),
        ("usage", "workspace"),
        ("members", "q"),
        ("invitations", "q"),
    ],
)
def test_no_error_of_the_api_repeats_a_key(api, alice, acme, issue, path, field):
    issued = issue()
    api.force_login(alice)
    for query in ({field: issued.api_key}, {issued.api_key: "1"}):
        response = api.get(f"{API}/{path}", query)
        assert not holds(response.content.decode(), issued.secret)
        assert response.status_code in (200, 400)


@pytest.mark.parametrize("who", ["nobody", "a bad key", "the key", "alice"])
def test_a_key_in_a_path_of_the_api_is_in_no_answer_and_in_no_log(
    api, alice, acme, issue, who, caplog
):
    issued = issue(scopes=["tokens:manage"])
    if who == "alice":
        api.force_login(alice)
    elif who != "nobody":
        key = issued.api_key if who == "the key" else issue(name="x").api_key[:-1] + "_"
        api.credentials(HTTP_X_API_KEY=key)
    with caplog.at_level(logging.DEBUG):
        for path in (
            f"{API}/tokens/{issued.api_key}",
            f"{API}/tokens/{issued.token.token_id}:{issued.secret}",
            f"/access/v1/organizations/{issued.api_key}/tokens",
            f"{API}/tokens/{issued.api_key}/revoke",
        ):
            response = api.get(path)
            expected = (404, 405) if who in ("alice", "the key") else (401,)
            assert response.status_code in expected
            assert not holds(response.content.decode(), issued.secret)
    assert not holds(caplog.text, issued.secret)


@pytest.mark.project
def test_a_key_in_a_path_of_a_host_s_view_is_in_no_line_of_a_refusal(api, issue, caplog):
    issued = issue()
    with caplog.at_level(logging.WARNING, logger="apikeys.requests"):
        api.get(f"/tokens/{issued.api_key}", HTTP_FASTLY_KEY="nonsense")
    assert "refused status=401" in caplog.text
    assert not holds(caplog.text, issued.secret)


@pytest.mark.parametrize("form", FORMS)
def test_the_django_admin_searches_by_the_id(operator, actor, issue, form):
    issued = issue(name="The leaked one")
    issue(name="Another")
    revoke_token(actor=actor, token=issued.token)
    url = reverse("admin:apikeys_accesstoken_changelist")
    page = operator.get(url).content.decode()
    assert '<form id="changelist-search" method="post"' in page
    for response in (
        operator.post(url, {"q": forms(issued)[form]}),
        operator.get(url, {"q": forms(issued)[form]}),
    ):
        assert response.status_code == 302
        assert response["Location"] == f"{url}?q={issued.token.token_id}"
    found = operator.get(response["Location"])
    assert [token.name for token in found.context["cl"].result_list] == ["The leaked one"]


def test_a_log_in_to_the_django_admin_does_not_carry_the_key_on(issue):
    issued = issue()
    for path in ("/admin/apikeys/accesstoken/", f"/admin/apikeys/accesstoken/{issued.api_key}/"):
        response = SecureClient().get(path, {"q": issued.api_key}, follow=True)
        assert not any(holds(location, issued.secret) for location, _ in response.redirect_chain)
        assert not holds(response.content.decode(), issued.secret)


def test_a_search_for_nothing_and_for_a_part_of_a_name_goes_on_as_before(operator, issue):
    issue(name="CI deploy")
    issue(name="Nightly")
    url = reverse("admin:apikeys_accesstoken_changelist")
    found = operator.get(operator.post(url, {"q": "deploy"})["Location"])
    assert [token.name for token in found.context["cl"].result_list] == ["CI deploy"]
    assert operator.post(url, {"q": ""})["Location"] == url


def test_what_is_kept_of_people_s_words_holds_no_key(api, alice, issue, production):
    issued = issue()
    key, token_id = issued.api_key, issued.token.token_id
    api.force_login(alice)
    made = issue(name=f"Like {key}", description=f"see {key}")
    assert (made.token.name, made.token.description) == (
        f"Like ak_prod_{token_id}",
        f"see ak_prod_{token_id}",
    )
    response = api.post(
        f"{API}/tokens/{token_id}/revoke", {"reason": f"Leaked: {key}"}, format="json"
    )
    assert response.status_code == 200
    token = AccessToken.objects.get(pk=issued.token.pk)
    assert token.revoke_reason == f"Leaked: ak_prod_{token_id}"
    assert not holds(str(list(AuditEvent.objects.values())), issued.secret)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("tokens/new", "name"),
        ("tokens/new", "description"),
        ("tokens/new", "workspace"),
        ("tokens/new", "expires_at"),
        ("tokens/new", "allowed_networks"),
        ("members/invite", "email"),
        ("workspaces/new", "name"),
        ("settings", "allowed_networks"),
    ],
)
def test_a_form_with_a_mistake_comes_back_without_the_key(admin, issue, path, field, monkeypatch):
    monkeypatch.setattr("apikeys.reauthentication.is_recent", lambda request: True)
    issued = issue()
    address = f"/dashboard/acme/{path}"
    assert admin.get(address).status_code == 200
    response = admin.post(address, {field: issued.api_key, "environment": "nonsense"})
    assert response.status_code == 200
    assert not holds(response.content.decode(), issued.secret)


@pytest.mark.project
def test_a_password_that_looks_like_a_key_is_a_password(client, issue, acme):
    key = issue().api_key
    filled = {"email": "dora@example.org", "password1": key, "password2": key}
    filled |= {"organization": f"Of {key}", "dialect": "default"}
    assert client.post("/accounts/sign-up/", filled).status_code == 302
    user = get_user_model().objects.get(email="dora@example.org")
    assert user.check_password(key)
    client.logout()
    login = {"username": "dora@example.org", "password": key}
    assert client.post("/accounts/login/", login).status_code == 302


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "{key}"},
        {"{key}": 1},
        {"scopes": ["{key}"]},
        {"allowed_networks": ["{key}"]},
        {"expires_at": "{key}"},
        {"workspace": "{key}"},
    ],
)
def test_no_error_about_a_body_repeats_a_key(api, alice, issue, body, monkeypatch):
    monkeypatch.setattr("apikeys.reauthentication.is_recent", lambda request: True)
    issued = issue()
    api.force_login(alice)
    sent = {"workspace": "production", "name": "x", "scopes": []}
    sent |= json.loads(json.dumps(body).replace("{key}", issued.api_key))
    response = api.post(f"{API}/tokens", sent, format="json")
    assert response.status_code == 400
    assert not holds(response.content.decode(), issued.secret)


def test_a_command_does_not_repeat_a_key(acme, issue, capsys):
    from django.core.management import CommandError, call_command

    issued = issue()
    for arguments in (
        ("grant_admin", issued.api_key, "alice@example.org"),
        ("grant_admin", "acme", issued.api_key),
        ("suspend_organization", issued.api_key),
    ):
        with pytest.raises(CommandError) as caught:
            call_command(*arguments)
        assert not holds(str(caught.value), issued.secret)
    assert get_user_model().objects.exists()


@pytest.mark.project
@pytest.mark.parametrize("form", FORMS)
def test_the_search_for_people_in_the_django_admin_keeps_no_key(operator, issue, form):
    issued = issue()
    url = reverse("admin:accounts_user_changelist")
    assert '<form id="changelist-search" method="post"' in operator.get(url).content.decode()
    for response in (
        operator.post(url, {"q": forms(issued)[form]}),
        operator.get(url, {"q": forms(issued)[form]}),
    ):
        assert response.status_code == 302
        assert response["Location"] == f"{url}?q={issued.token.token_id}"


@pytest.mark.project
def test_the_search_for_people_finds_them_as_they_are_written(operator, make_user):
    make_user("emile@example.org", name="\u00c9mile Strau\u00df")
    for typed in ("\u00c9mile", "E\u0301mile", "Strau\u00df", "EMILE@example", "emile@"):
        found = operator.get(reverse("admin:accounts_user_changelist"), {"q": typed})
        assert [user.email for user in found.context["cl"].result_list] == ["emile@example.org"]


ENDLESS = {"marks": "a" + "\u0301\u0327" * 4_000, "a number": "&#" + "9" * 5_000}


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_text_without_end_is_answered_as_any_other(client, api, issue, alice, kind):
    text, issued = ENDLESS[kind], issue(scopes=["tokens:manage"])
    tokens, headers = "/access/v1/organizations/acme/tokens", {"X-API-Key": issued.api_key}
    made = {"scopes": [], "workspace": "production"}
    assert client.post("/accounts/login/", {"username": text, "password": "x"}).status_code == 200
    assert client.get("/accounts/login/", {"next": text}).status_code == 200
    for body in ({**made, "name": text}, {**made, "name": "x", "kind": text}):
        answer = api.post(tokens, body, format="json", headers=headers)
        assert answer.status_code == 400
        assert len(answer.content) < 10_000
    answer = api.post(tokens, {**made, text: 1}, format="json", headers=headers)
    assert answer.status_code == 400
    assert len(answer.content) < 10_000
    assert api.get(tokens, {"q": text}, headers=headers).status_code == 400
    client.force_login(alice)
    assert client.post("/dashboard/acme/tokens", {"q": text}).status_code == 302
    assert client.get("/dashboard/acme/tokens", {"q": text}).status_code == 200


def test_a_number_of_rows_behind_zeros_is_refused(api, issue):
    issued = issue(scopes=["tokens:manage"])
    answer = api.get(
        "/access/v1/organizations/acme/tokens",
        {"page_size": "000000001" + "9" * 5_000},
        headers={"X-API-Key": issued.api_key},
    )
    assert answer.status_code == 400


def test_a_made_up_host_without_end_is_a_bad_request(client):
    assert client.get("/accounts/login/", headers={"Host": "&#" + "9" * 5_000}).status_code == 400
