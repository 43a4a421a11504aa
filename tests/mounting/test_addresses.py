"""The pages name addresses that answer, wherever the host has put the management API."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path

from apikeys import urlconfs
from apikeys.decorators import access_token_required
from apikeys.models import Invitation
from tests.mounting.conftest import API, LOG_IN, PAGES

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"


@access_token_required("notes:read")
def notes(request: Any) -> HttpResponse:
    """List notes."""
    return HttpResponse()


def by_host(get_response: Any) -> Any:
    """A middleware of a host with a URLconf for each of its hosts."""

    def choose(request: Any) -> Any:
        request.urlconf = f"mounted_{request.get_host().partition('.')[0]}"
        return get_response(request)

    return choose


@pytest.fixture
def hosts(settings: Any, urlconf: Any) -> None:
    """The API, the pages and all else on three hosts with URLconfs of their own."""
    urlconf("mounted_api", path("keys/", API), path("notes", notes))
    urlconf("mounted_app", path("pages/", PAGES), LOG_IN)
    settings.ROOT_URLCONF = urlconf("mounted_www", LOG_IN)
    settings.ALLOWED_HOSTS = ["api.example.org", "app.example.org", "www.example.org"]
    settings.MIDDLEWARE = [f"{__name__}.by_host", *settings.MIDDLEWARE]


@pytest.fixture
def named(settings: Any, hosts: None) -> None:
    """The same, and the settings say where they are."""
    settings.APIKEYS = {
        **settings.APIKEYS,
        "URLCONFS": {
            "mounted_api": "https://api.example.org",
            "mounted_app": "https://app.example.org/",
        },
    }


@pytest.mark.parametrize(
    ("patterns", "address"),
    [
        ([path("access/", API)], "/access/v1/token"),
        ([path("keys/api/", API)], "/keys/api/v1/token"),
        ([path("", API)], "/v1/token"),
        ([path("a/", include("apikeys.api.urls", namespace="keys"))], "/a/v1/token"),
        ([path("a/", include(([path("b/", API)], "mine"), namespace="v2"))], "/a/b/v1/token"),
    ],
    ids=["README", "another prefix", "no prefix", "a namespace", "inside another namespace"],
)
def test_the_page_of_a_token_names_an_address_that_answers(
    patterns: Any, address: str, settings: Any, urlconf: Any, asked: Any, issue: Any
) -> None:
    settings.ROOT_URLCONF = urlconf("mounted", *patterns, path("pages/", PAGES), LOG_IN)
    assert asked() == f"https://testserver{address}"
    answer = Client().get(address, headers={"X-API-Key": issue().api_key}, secure=True)
    assert answer.status_code == 200
    assert Client().get(address, secure=True).status_code == 401


def test_an_api_that_is_mounted_twice_is_shown_once_and_answers_twice(
    settings: Any, urlconf: Any, asked: Any, issue: Any
) -> None:
    settings.ROOT_URLCONF = urlconf(
        "mounted",
        path("old/", include("apikeys.api.urls", namespace="old")),
        path("new/", include("apikeys.api.urls", namespace="new")),
        path("pages/", PAGES),
        path("notes", notes),
        LOG_IN,
    )
    shown = asked().removeprefix("https://testserver")
    assert shown in ("/old/v1/token", "/new/v1/token")
    for where in ("/old", "/new"):
        client = Client()
        key = {"X-API-Key": issue().api_key}
        assert client.get(f"{where}/v1/token", headers=key, secure=True).status_code == 200
        page = client.get(f"{where}/v1/docs", secure=True).content.decode()
        assert f'href="{where}/v1/schema"' in page
        document = client.get(f"{where}/v1/schema", secure=True).json()
        assert {each.split("/v1/")[0] for each in document["paths"]} == {shown.split("/v1/")[0]}
        ids = [op["operationId"] for item in document["paths"].values() for op in item.values()]
        assert len(ids) == len(set(ids)) > 10
        document = client.get(f"{where}/v1/schema/default", secure=True).json()
        assert list(document["paths"]) == ["/notes"]


def test_under_i18n_patterns_each_language_has_addresses_of_its_own(
    settings: Any, urlconf: Any, asked: Any, issue: Any
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    settings.ROOT_URLCONF = urlconf(
        "mounted_i18n", *i18n_patterns(path("access/", API), path("pages/", PAGES), LOG_IN)
    )
    for language in ("de", "fr", "de"):
        address = f"/{language}/access/v1/token"
        assert asked(f"/{language}/pages") == f"https://testserver{address}"
        key = {"X-API-Key": issue().api_key}
        assert Client().get(address, headers=key, secure=True).status_code == 200
        document = Client().get(f"/{language}/access/v1/schema", secure=True).json()
        assert address in document["paths"]
        page = asked.client.get(f"/{language}/pages/acme/tokens").content.decode()
        links = re.findall(r'href="/(\w\w)/', page)
        assert len(links) > 5
        assert set(links) == {language}


def test_an_api_in_no_urlconf_leaves_no_call_that_answers_404(
    settings: Any, urlconf: Any, client: Any, alice: Any, issue: Any
) -> None:
    settings.ROOT_URLCONF = urlconf("mounted", path("pages/", PAGES), LOG_IN)
    client.force_login(alice)
    page = client.get(f"/pages/acme/tokens/{issue().token.token_id}")
    assert page.status_code == 200
    assert "Call the API" not in page.content.decode()
    assert "/v1/token" not in page.content.decode()


class TestThreeHosts:
    def test_the_page_names_the_host_of_the_api(self, named: None, asked: Any) -> None:
        assert asked(HTTP_HOST="app.example.org") == "https://api.example.org/keys/v1/token"

    def test_what_no_setting_names_is_not_made_up(
        self, hosts: None, client: Any, alice: Any, issue: Any
    ) -> None:
        client.force_login(alice)
        page = client.get(
            f"/pages/acme/tokens/{issue().token.token_id}", HTTP_HOST="app.example.org"
        )
        assert "Call the API" not in page.content.decode()

    def test_the_sections_lead_to_the_documentation(
        self, named: None, client: Any, alice: Any, acme: Any
    ) -> None:
        client.force_login(alice)
        page = client.get("/pages/acme/tokens", HTTP_HOST="app.example.org").content.decode()
        assert 'href="https://api.example.org/keys/v1/docs"' in page

    def test_documents_name_the_views_of_every_host_and_where_they_answer(
        self, named: None
    ) -> None:
        client = Client(HTTP_HOST="api.example.org")
        document = client.get("/keys/v1/schema/default", secure=True).json()
        assert document["servers"] == [{"url": "https://api.example.org"}]
        assert list(document["paths"]) == ["/notes"]
        assert "servers" not in document["paths"]["/notes"]
        found = client.get("/keys/v1/postman/management.json", secure=True).json()
        assert found["variable"][0]["value"] == "https://api.example.org"
        page = client.get("/keys/v1/docs/default", secure=True)
        policy = page.headers["Content-Security-Policy"]
        assert "connect-src 'self' https://api.example.org" in policy
        index = client.get("/keys/v1/docs", secure=True).content.decode()
        assert "<code>https://api.example.org/notes</code>" in index

    def test_paths_of_two_hosts_say_each_for_itself_where_they_answer(
        self, named: None, settings: Any, urlconf: Any
    ) -> None:
        urlconf("mounted_shop", path("orders", notes))
        known = settings.APIKEYS["URLCONFS"]
        settings.APIKEYS = {
            **settings.APIKEYS,
            "URLCONFS": {**known, "mounted_shop": "https://shop.example.org/v2"},
        }
        client = Client(HTTP_HOST="api.example.org")
        document = client.get("/keys/v1/schema/default", secure=True).json()
        assert "servers" not in document
        assert document["paths"]["/notes"]["servers"] == [{"url": "https://api.example.org"}]
        shop = [{"url": "https://shop.example.org/v2"}]
        assert document["paths"]["/orders"]["servers"] == shop
        found = client.get("/keys/v1/postman/default.json", secure=True).json()
        urls = {item["request"]["url"] for item in found["item"]}
        assert urls == {"https://api.example.org/notes", "https://shop.example.org/v2/orders"}

    def test_the_policy_page_knows_the_limits_of_views_on_other_hosts(
        self, named: None, urlconf: Any, client: Any, alice: Any, acme: Any
    ) -> None:
        from apikeys.limits import Limit

        limited = access_token_required("notes:read", limits=[Limit("7/hour", name="elsewhere")])
        urlconf("mounted_api", path("keys/", API), path("notes", limited(lambda request: None)))
        client.force_login(alice)
        page = client.get("/pages/acme/settings", HTTP_HOST="app.example.org")
        assert "elsewhere" in page.content.decode()

    def test_an_invitation_by_the_api_leads_to_the_page_on_its_host(
        self,
        named: None,
        alice: Any,
        acme: Any,
        mailoutbox: Any,
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        client = Client(HTTP_HOST="api.example.org")
        client.force_login(alice)
        with django_capture_on_commit_callbacks(execute=True):
            answer = client.post(
                "/keys/v1/organizations/acme/invitations",
                json.dumps({"email": "dave@example.org", "role": "member"}),
                content_type="application/json",
                secure=True,
            )
        assert answer.status_code == 201, answer.content
        [link] = re.findall(r"https://\S+", mailoutbox[0].body)
        begins = "https://app.example.org/pages/invitations/"
        assert link.startswith(begins)
        opened = Client(HTTP_HOST="app.example.org").get(
            link.removeprefix("https://app.example.org"), secure=True
        )
        assert opened.status_code == 200

    def test_without_a_page_anywhere_nobody_is_invited(
        self, settings: Any, urlconf: Any, client: Any, alice: Any, acme: Any
    ) -> None:
        settings.ROOT_URLCONF = urlconf("mounted", path("keys/", API))
        client.force_login(alice)
        answer = client.post(
            "/keys/v1/organizations/acme/invitations",
            {"email": "dave@example.org", "role": "member"},
            content_type="application/json",
        )
        assert (answer.status_code, answer.json()["error"]) == (409, "invitation.no_page")
        assert not Invitation.objects.exists()


def test_a_hosts_own_page_for_invitations_comes_first(
    settings: Any,
    urlconf: Any,
    client: Any,
    alice: Any,
    acme: Any,
    mailoutbox: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    own = path("join/<str:link>", lambda request, link: None, name="apikeys-invitation")
    settings.ROOT_URLCONF = urlconf("mounted", path("keys/", API), path("p/", PAGES), own, LOG_IN)
    client.force_login(alice)
    for post in (
        lambda: client.post("/p/acme/members/invite", {"email": "a@example.org", "role": "member"}),
        lambda: client.post(
            "/keys/v1/organizations/acme/invitations",
            {"email": "b@example.org", "role": "member"},
            content_type="application/json",
        ),
    ):
        with django_capture_on_commit_callbacks(execute=True):
            assert post().status_code in (201, 302)
        assert "https://testserver/join/" in mailoutbox[-1].body


class TestPathsOfDialects:
    """``example_path`` is found in the URLconf in which something answers there."""

    def find(self, rf: Any, path: str) -> str:
        return urlconfs.address_of_path(rf.get("/", secure=True), path)

    def test_a_path_is_of_the_host_on_which_it_answers(self, named: None, rf: Any) -> None:
        assert self.find(rf, "/notes") == "https://api.example.org/notes"

    def test_a_path_that_nothing_answers_is_of_the_host_that_is_asked(
        self, named: None, rf: Any, settings: Any
    ) -> None:
        settings.ALLOWED_HOSTS = ["testserver"]
        assert self.find(rf, "/nothing") == "https://testserver/nothing"

    def test_what_would_need_quotes_in_a_shell_is_written_otherwise(
        self, settings: Any, urlconf: Any, rf: Any
    ) -> None:
        settings.ROOT_URLCONF = urlconf("mounted")
        assert self.find(rf, "/it's $5") == "https://testserver/it%27s%20%245"


def test_the_urlconf_of_the_public_tenant_is_a_place_too(settings: Any, urlconf: Any) -> None:
    settings.ROOT_URLCONF = urlconf("mounted", LOG_IN)
    settings.PUBLIC_SCHEMA_URLCONF = urlconf("mounted_public", path("keys/", API))
    assert [place.urlconf for place in urlconfs.places()] == ["mounted", "mounted_public"]
    assert urlconfs.link_to("apikeys:token-self") == "/keys/v1/token"
    assert urlconfs.link_to("nowhere", "apikeys:token-self") == "/keys/v1/token"
    assert urlconfs.link_to("nowhere") is None
