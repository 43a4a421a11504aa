"""The five systems in the dashboard: sign up, generate, call, revoke; on a real server."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from apikeys.models import AccessToken, Organization
from apikeys.services.members import add_member
from tests.systems import samples
from tests.systems.conftest import Http

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.project]

PASSWORD = "correct horse battery staple"
IMAGE = {"file": ("photo.jpg", samples.image("jpg"))}
MEDIA = {
    "inputs": [{"type": "video", "url": "https://example.org/a.mp4"}],
    "accessPolicy": "public",
}


class Person(Http):
    """Somebody with a browser, as far as forms and cookies go."""

    def submit(self, path, **fields):
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(path).text)[1]
        return self.post(path, data={"csrfmiddlewaretoken": token, **fields})

    def sign_up(self, dialect, name="Initech"):
        return self.submit(
            "/accounts/sign-up/",
            email="dora@example.org",
            name="Dora",
            password1=PASSWORD,
            password2=PASSWORD,
            organization=name,
            dialect=dialect,
        )

    def generate(self, organization, dialect, **fields):
        path = f"/dashboard/{organization}/tokens/new"
        creation_id = re.search(r'name="creation_id" value="([^"]+)"', self.get(path).text)[1]
        defaults = {
            "creation_id": creation_id,
            "name": "Backend",
            "workspace": "production",
            "expiry": "90",
            "kind": "automation",
            "allowed_networks": "",
            f"may-{dialect}-preset": "write",
        }
        return self.submit(path, **{**defaults, **fields})


@pytest.fixture
def person(server):
    with Person(server.url) as somebody:
        yield somebody


@pytest.fixture
def admin(person, account):
    """Log in the admin of a system's organization."""

    def log_in(dialect):
        account(dialect)
        return enter(person, f"{dialect}@example.org")

    return log_in


def enter(person, email):
    response = person.submit("/accounts/login/", username=email, password=PASSWORD)
    assert response.status_code == 302, response.text
    return person


def env_of(page):
    """Return what the page's `.env` file says."""
    data = re.search(r'href="data:text/plain[^,"]*,([^"]+)"', page.text)[1]
    lines = unquote(html.unescape(data)).splitlines()
    return dict(line.split("=", 1) for line in lines)


def call(http, dialect, env):
    """Use the key as the system's own documentation does; return the status."""
    match dialect:
        case "tools-fast":
            headers = {"X-Fast-Api-Key": env["TOOLS_FAST_API_KEY"]}
            form = {"files": IMAGE, "data": {"targetFormat": "png"}}
            return http.post("/convert", headers=headers, **form).status_code
        case "freefiletools":
            headers = {"x-api-key": env["FREEFILETOOLS_API_KEY"]}
            return http.post("/api/image-compress", headers=headers, files=IMAGE).status_code
        case "fastpix":
            pair = (env["FASTPIX_USERNAME"], env["FASTPIX_PASSWORD"])
            return http.post("/on-demand", auth=pair, json=MEDIA).status_code
        case "fastcms":
            [key] = [value for value in env.values() if value.startswith("fcms_")]
            return http.get("/api/v1/collections", headers={"X-API-Key": key}).status_code
        case "fastly":
            key = env.get("FASTLY_API_TOKEN") or next(reversed(env.values()))
            return http.get("/service", headers={"Fastly-Key": key}).status_code
    raise AssertionError(dialect)


@pytest.mark.parametrize(
    ("dialect", "permissions"),
    [
        ("tools-fast", {}),
        ("freefiletools", {}),
        ("fastpix", {}),
        ("fastcms", {"may-fastcms-preset": "read"}),
        ("fastly", {"may-fastly-preset": "read"}),
    ],
)
def test_from_sign_up_to_a_revoked_key(http, person, dialect, permissions):
    assert person.sign_up(dialect).headers["Location"] == "/dashboard/initech"
    organization = Organization.objects.get()
    assert organization.credits == 500
    assert {w.dialect for w in organization.workspaces.all()} == {dialect}
    page = person.generate("initech", dialect, **permissions)
    assert page.status_code == 200, page.text
    env = env_of(page)
    assert call(http, dialect, env) in (200, 201)
    token = AccessToken.objects.get()
    shown = person.get(f"/dashboard/initech/tokens/{token.token_id}").text
    assert not any(secret in shown for secret in env.values() if secret != token.token_id)
    person.submit(
        f"/dashboard/initech/tokens/{token.token_id}/revoke", reason="Leaked", confirm="Backend"
    )
    assert call(http, dialect, env) == 401


def test_s0_05_in_production_the_form_recommends_an_allowlist_and_says_why(admin):
    text = admin("tools-fast").get("/dashboard/tools-fast/tokens/new").text
    assert "For production we recommend a list of allowed networks" in text
    assert "a key that leaks is then of no use anywhere else" in text


def test_s0_05_the_form_takes_addresses_and_networks(http, admin):
    networks = "203.0.113.5\n203.0.113.0/24\n2001:db8::/32"
    page = admin("tools-fast").generate("tools-fast", "tools-fast", allowed_networks=networks)
    assert AccessToken.objects.get().allowed_networks == [
        "203.0.113.5/32",
        "203.0.113.0/24",
        "2001:db8::/32",
    ]
    assert call(http, "tools-fast", env_of(page)) == 401
    http.address = "203.0.113.77"
    assert call(http, "tools-fast", env_of(page)) == 200


def test_s0_06_the_key_is_shown_once(admin):
    person = admin("tools-fast")
    page = person.generate("tools-fast", "tools-fast", creation_id="once-only")
    key = env_of(page)["TOOLS_FAST_API_KEY"]
    assert key in page.text
    assert page.headers["Cache-Control"] == "no-store, private"
    again = person.generate("tools-fast", "tools-fast", creation_id="once-only")
    assert again.status_code == 409
    secret = key.rpartition("_")[2]
    token = AccessToken.objects.get()
    for path in ("", f"/{token.token_id}", f"/{token.token_id}/edit", "/new"):
        assert secret not in person.get(f"/dashboard/tools-fast/tokens{path}").text
    assert secret not in again.text


def test_s1_04_the_address_in_the_401_leads_an_admin_to_the_tokens(http, admin):
    message = http.post("/api/image-compress").json()["message"]
    path = "/" + message.rpartition(" ")[2].partition("/")[2]
    person = admin("freefiletools")
    assert person.get(path).headers["Location"] == "/dashboard/freefiletools/tokens"


def test_s1_04_anybody_else_logs_in_first_and_then_gets_there(person, account):
    account("freefiletools")
    to_log_in = person.get("/dashboard/api-keys").headers["Location"]
    assert parse_qs(urlsplit(to_log_in).query)["next"] == ["/dashboard/api-keys"]
    fields = {"username": "freefiletools@example.org", "password": PASSWORD}
    back = person.submit(to_log_in, **fields, next="/dashboard/api-keys")
    assert back.headers["Location"] == "/dashboard/api-keys"
    there = person.get("/dashboard/api-keys").headers["Location"]
    assert there == "/dashboard/freefiletools/tokens"


def test_s1_08_a_key_is_regenerated_in_the_dashboard(http, admin):
    person = admin("freefiletools")
    old = env_of(person.generate("freefiletools", "freefiletools"))
    token_id = AccessToken.objects.get().token_id
    path = f"/dashboard/freefiletools/tokens/{token_id}/rotate"
    page = person.get(path).text
    creation_id = re.search(r'name="creation_id" value="([^"]+)"', page)[1]
    overlap = re.search(r'name="overlap" value="([^"]+)"', page)[1]
    fresh = env_of(person.submit(path, creation_id=creation_id, overlap=overlap))
    assert fresh["FREEFILETOOLS_API_KEY"] != old["FREEFILETOOLS_API_KEY"]
    assert call(http, "freefiletools", fresh) == 200
    assert call(http, "freefiletools", old) == 401


def test_s2_03_the_dashboard_has_the_flow_and_words_of_the_seed(admin):
    person = admin("fastpix")
    page = person.get("/dashboard/fastpix/tokens").text
    for words in ("Org settings", "Access tokens", "Generate new token"):
        assert words in page
    form = person.get("/dashboard/fastpix/tokens/new").text
    for words in ('name="name"', 'name="workspace"', "Read-only", "Read and write"):
        assert words in form
    assert "Generate access token" in form


def test_s2_04_id_and_secret_are_shown_once_with_a_file_of_the_clients_names(http, admin):
    page = admin("fastpix").generate("fastpix", "fastpix")
    env = env_of(page)
    token = AccessToken.objects.get()
    assert list(env) == ["FASTPIX_USERNAME", "FASTPIX_PASSWORD"]
    assert env["FASTPIX_USERNAME"] == token.token_id
    assert f'download="access-token-{token.token_id}.env"' in page.text
    assert env["FASTPIX_PASSWORD"] in page.text
    assert call(http, "fastpix", env) == 201


def test_s2_05_the_form_makes_read_only_tokens(http, admin):
    fields = {"may-fastpix-preset": "read"}
    env = env_of(admin("fastpix").generate("fastpix", "fastpix", **fields))
    assert AccessToken.objects.get().scopes == ["media:read"]
    assert call(http, "fastpix", env) == 403


def test_s2_08_members_do_not_see_the_section_and_outsiders_nothing(
    server, person, account, make_user, actor
):
    organization = account("fastpix")
    member = make_user("member@example.org")
    add_member(actor=actor, organization=organization, user=member, role="member")
    make_user("outsider@example.org")
    paths = [
        f"/dashboard/fastpix/{page}"
        for page in ("tokens", "tokens/new", "tokens/0123456789abcdef", "tokens/revoke", "usage")
    ]
    for path in paths:
        assert person.get(path).status_code == 302
    enter(person, "member@example.org")
    for path in paths:
        assert person.get(path).status_code == 403
        token = person.cookies.get("csrftoken", "")
        fields = {"csrfmiddlewaretoken": token, "name": "Mine", "workspace": "production"}
        assert person.post(path, data=fields).status_code in (403, 405)
    assert "Access tokens" not in person.get("/dashboard/fastpix").text
    with Person(server.url) as outsider:
        enter(outsider, "outsider@example.org")
        for path in paths:
            assert outsider.get(path).status_code == 404
    assert not AccessToken.objects.exists()


def test_s2_09_the_first_user_is_admin_and_both_workspaces_are_there(person):
    person.sign_up("fastpix")
    organization = Organization.objects.get()
    [membership] = organization.memberships.select_related("user")
    assert (membership.user.email, membership.role) == ("dora@example.org", "admin")
    assert sorted(w.slug for w in organization.workspaces.all()) == ["development", "production"]
