"""Below a sub-path of a host, whether the proxy takes the prefix away or leaves it in."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client
from django.urls import clear_script_prefix, path, set_script_prefix

from apikeys import urlconfs
from project.demo.introductions import INTRODUCTIONS
from tests.mounting.conftest import API, LOG_IN, PAGES
from tests.systems import server

ROOT = Path(__file__).resolve().parents[2]
BELOW = "https://testserver/app"


@pytest.fixture(params=["FORCE_SCRIPT_NAME", "SCRIPT_NAME"])
def below(request: Any, settings: Any) -> Any:
    """A test client that asks as a proxy does: without the prefix, which the project knows."""
    told = {"SCRIPT_NAME": "/app"} if request.param == "SCRIPT_NAME" else {}
    if not told:
        settings.FORCE_SCRIPT_NAME = "/app"
    set_script_prefix("/app/")  # as Django's handlers do, and its test client does not
    yield lambda: Client(**told)
    clear_script_prefix()


def links(response: Any) -> list[str]:
    found = re.findall(r'(?:href|action)="([^"#]+)"', response.content.decode())
    return [html.unescape(each) for each in found if not each.startswith("data:")]


@pytest.mark.django_db
class TestTheDemo:
    pytestmark = pytest.mark.project

    def test_calls_on_the_page_of_a_token_are_below_the_prefix(
        self, below: Any, alice: Any, issue: Any
    ) -> None:
        client, issued = below(), issue()
        client.force_login(alice)
        page = client.get(f"/dashboard/acme/tokens/{issued.token.token_id}", secure=True)
        assert f"{BELOW}/access/v1/token" in page.content.decode()
        assert "https://testserver/access" not in page.content.decode()

    def test_every_link_of_the_pages_is_below_the_prefix(
        self, below: Any, alice: Any, acme: Any
    ) -> None:
        client = below()
        client.force_login(alice)
        seen = 0
        for where in ("/", "/dashboard/acme/tokens", "/dashboard/acme/members", "/access/v1/docs"):
            for link in links(client.get(where, secure=True)):
                assert link.startswith(("/app/", "?")) or "/static/" in link, f"{where}: {link}"
                seen += 1
        assert seen > 60

    def test_examples_of_the_start_page_ask_below_the_prefix(self, below: Any) -> None:
        page = html.unescape(below().get("/", secure=True).content.decode())
        assert len(INTRODUCTIONS) == 5
        for path_of in ("/convert", "/api/v1/collections", "/on-demand", "/service"):
            assert f"{BELOW}{path_of}" in page, path_of
            assert f"https://testserver{path_of}" not in page
        assert "GET /app/service" in page
        assert "Host: testserver\n" in page

    def test_documents_and_collections_say_where_they_answer(self, below: Any, issue: Any) -> None:
        client, key = below(), {"X-API-Key": issue().api_key}
        document = client.get("/access/v1/schema", secure=True).json()
        [told] = document["servers"]
        [path_of] = [each for each in document["paths"] if each.endswith("/v1/token")]
        assert urljoin(f"{BELOW}/access/v1/schema", told["url"]) + path_of == (
            f"{BELOW}/access/v1/token"
        )
        assert client.get(path_of, headers=key, secure=True).status_code == 200
        found = client.get("/access/v1/postman/management.json", secure=True)
        assert found.json()["variable"][0] == {"key": "base_url", "value": BELOW}
        assert found.headers["Content-Disposition"].endswith('"management.postman_collection.json"')
        page = client.get("/access/v1/docs/management", secure=True).content.decode()
        assert 'data-schema="/app/access/v1/schema"' in page
        assert "<code>/app/access/v1/token</code>" in (
            client.get("/access/v1/docs", secure=True).content.decode()
        )

    def test_the_next_page_of_a_list_is_below_the_prefix(self, below: Any, issue: Any) -> None:
        issued, *_ = (issue(scopes=["tokens:manage"]) for _ in range(3))
        key = {"X-API-Key": issued.api_key}
        first = below().get(
            "/access/v1/organizations/acme/tokens?page_size=2", headers=key, secure=True
        )
        following = first.json()["next"]
        assert following.startswith(f"{BELOW}/access/v1/organizations/acme/tokens?")
        rest = following.removeprefix(BELOW)
        assert len(below().get(rest, headers=key, secure=True).json()["results"]) == 1

    def test_pages_are_led_to_https_and_programs_are_not(self, below: Any) -> None:
        for page in ("/", "/accounts/login/", "/admin/", "/dashboard/"):
            answer = below().get(page)
            assert (answer.status_code, answer["Location"]) == (301, f"{BELOW}{page}"), page
        for api in ("/access/v1/token", "/service", "/api/v1/collections"):
            assert below().get(api).status_code in (401, 403), api

    def test_an_error_outside_a_view_has_the_words_of_its_system(self, below: Any) -> None:
        answer = below().get("/service/x/nothing/here", secure=True)
        assert answer.status_code == 404
        assert answer.json()["msg"]

    def test_asking_for_the_password_leads_back(self, below: Any, alice: Any, acme: Any) -> None:
        client = below()
        answer = client.get("/dashboard/acme/tokens", secure=True)
        assert answer["Location"] == "/app/accounts/login/?next=/app/dashboard/acme/tokens"


@pytest.mark.django_db
def test_another_host_has_its_own_prefix_and_not_this_ones(
    below: Any, settings: Any, urlconf: Any, alice: Any, issue: Any
) -> None:
    settings.ROOT_URLCONF = urlconf("mounted", path("pages/", PAGES), LOG_IN)
    urlconf("mounted_api", path("keys/", API))
    where = {"mounted_api": "https://example.org/api"}
    settings.APIKEYS = {**settings.APIKEYS, "URLCONFS": where}
    client, issued = below(), issue()
    client.force_login(alice)
    page = client.get(f"/pages/acme/tokens/{issued.token.token_id}", secure=True).content.decode()
    assert "https://example.org/api/keys/v1/token" in page


def test_a_prefix_of_other_letters_is_spelled_as_in_addresses(settings: Any) -> None:
    set_script_prefix("/ä b/")
    try:
        assert urlconfs.script_prefix() == "/%C3%A4%20b"
        assert urlconfs.link_to("apikeys:token-self") == "/%C3%A4%20b/access/v1/token"
        assert urlconfs.places()[0].path_of("apikeys:token-self") == "/access/v1/token"
    finally:
        clear_script_prefix()


@pytest.mark.parametrize("wrong", ["app", "/app/", "//app", "/a b", "/app?x=1"])
def test_a_prefix_that_is_none_is_told_in_one_line(wrong: str, monkeypatch: Any) -> None:
    from django.core.exceptions import ImproperlyConfigured

    from project import environment

    monkeypatch.setenv("SCRIPT_NAME", wrong)
    with pytest.raises(ImproperlyConfigured, match="SCRIPT_NAME must be a path such as /app"):
        environment.prefix("SCRIPT_NAME")
    monkeypatch.setenv("SCRIPT_NAME", "/one/two")
    assert environment.prefix("SCRIPT_NAME") == "/one/two"
    assert environment.prefix("FORCE_SCRIPT_NAME") is None


@pytest.mark.slow
@pytest.mark.project
class TestGunicorn:
    """The demo below ``/app``: the proxy leaves the prefix in, or takes it away."""

    @pytest.mark.parametrize(
        ("variable", "sent"), [("SCRIPT_NAME", "/app"), ("FORCE_SCRIPT_NAME", "")]
    )
    def test_pages_files_and_calls_are_below_the_prefix(
        self, variable: str, sent: str, tmp_path: Path, transactional_db: None, issue: Any
    ) -> None:
        import requests

        made = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
        environment = {"SECRET_KEY": "x" * 50, "ENV_FILE": "", "PATH": "", variable: "/app"}
        subprocess.run(made, cwd=ROOT, env=environment, check=True)
        running = server.start(tmp_path, answers=f"{sent}/convert", **{variable: "/app"})
        try:
            outside = running.url + sent
            page = requests.get(f"{outside}/accounts/login/", timeout=30)
            assert page.status_code == 200
            files = re.findall(r'(?:href|src)="([^"]*static[^"]+)"', page.text)
            assert len(files) >= 2
            for file in files:
                assert file.startswith("/app/static/")
                own = running.url + (file if sent else file.removeprefix("/app"))
                assert requests.get(own, timeout=30).status_code == 200, file
            assert "Path=/app" in page.headers["Set-Cookie"]
            document = requests.get(f"{outside}/access/v1/schema", timeout=30).json()
            assert document["servers"] == [{"url": "/app"}]
            found = requests.get(f"{outside}/access/v1/postman/management.json", timeout=30).json()
            base = found["variable"][0]["value"]
            assert base == f"{running.url}/app"
            key = {"X-API-Key": issue().api_key}
            asked = urlsplit(f"{base}/access/v1/token").path
            own = running.url + (asked if sent else asked.removeprefix("/app"))
            answer = requests.get(own, headers=key, timeout=30)
            assert (answer.status_code, answer.json()["organization"]) == (200, "acme")
        finally:
            running.stop()
            server.hang_up()
