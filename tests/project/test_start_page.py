"""The start page: five systems, their own examples for this very server, and the way to a key."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from apikeys import dialects
from apikeys.models import Organization
from dashboard.pages import PAGE_HEADERS
from project.demo import introductions
from project.demo.introductions import INTRODUCTIONS

pytestmark = [pytest.mark.django_db, pytest.mark.project]

TESTED = Path(__file__).parents[1] / "systems" / "examples"
SHOWN = [
    (system, example, file)
    for system in INTRODUCTIONS
    for example in system.examples
    for file in example.files
]
# What a placeholder on the page stands for in a file that a test runs.
STANDS_FOR = {
    "https://testserver": "$HOST",
    "YOUR_API_KEY": "$KEY",
    "ACCESS_TOKEN_ID": "$ID",
    "SECRET_KEY": "$SECRET",
}


class Page(HTMLParser):
    """What of a page the tests look at: addresses, snippets, text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.snippets: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self._in_snippet = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag == "a":
            self.links.append(found["href"])
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "pre":
            self._in_snippet = True
            self.snippets.append("")

    def handle_endtag(self, tag):
        if tag == "pre":
            self._in_snippet = False

    def handle_data(self, data):
        self.text += data
        if self._in_snippet:
            self.snippets[-1] += data


def read(client, **headers):
    response = client.get("/", headers=headers)
    assert response.status_code == 200
    return Page(response.content.decode())


def template_of(code):
    for words, placeholder in STANDS_FOR.items():
        code = code.replace(words, placeholder)
    return code.replace("Host: testserver", "Host: $HOST").strip()


def test_the_page_introduces_the_five_systems_by_name(client):
    page = read(client)
    titles = [dialects.get(system.dialect).title for system in INTRODUCTIONS]
    assert titles == ["Tools.FAST", "FreeFileTools", "FastPix", "FastCMS", "Fastly"]
    for system in INTRODUCTIONS:
        assert system.dialect in page.ids
        assert system.summary in page.text
        assert system.keys in page.text


def test_the_page_says_how_each_key_travels(client):
    text = read(client).text
    for line in (
        "X-Fast-Api-Key: fast_prod_…",
        "X-Fast-Api-Key: fast_dev_…",
        "x-api-key: fft_…",
        "Authorization: Basic base64(ACCESS_TOKEN_ID:SECRET_KEY)",
        "X-API-Key: fcms_…",
        "Fastly-Key: …",
    ):
        assert line in text


def test_every_example_on_the_page_is_one_that_a_test_runs(client):
    shown = [template_of(snippet) for snippet in read(client).snippets]
    runnable = [
        (TESTED / system.package / file).read_text().strip()
        for system, _example, file in SHOWN
        if not file.endswith(".ps1")
    ]
    assert [code for code in shown if "Invoke-RestMethod" not in code] == runnable
    assert len(shown) == len(SHOWN)
    tests = "".join(path.read_text() for path in TESTED.parent.rglob("test_*.py"))
    assert [file for _, _, file in SHOWN if file not in tests and not file.endswith(".ps1")] == []


def test_the_copies_of_the_examples_are_all_shown():
    for system in INTRODUCTIONS:
        folder = Path(introductions.__file__).parent / system.package / "examples"
        shown = {f"{file}.txt" for example in system.examples for file in example.files}
        assert {path.name for path in folder.iterdir()} == shown


@pytest.mark.parametrize(
    ("file", "recorded"),
    [("convert.ps1", "convert_7.4.http"), ("conversions.ps1", "conversions.http")],
)
def test_the_powershell_on_the_page_is_what_was_recorded(client, file, recorded):
    """No PowerShell runs here: the requests it sends are recorded, and those are tested."""
    wire = (TESTED / "tools_fast" / recorded).read_text()
    [code] = [
        snippet
        for snippet in map(template_of, read(client).snippets)
        if "Invoke-RestMethod" in snippet and ("-Method Post" in snippet) == ("POST" in wire)
    ]
    [path] = re.findall(r'"\$HOST(/[^"]+)"', code)
    [(header, key)] = re.findall(r'-Headers @\{ "([^"]+)" = "([^"]+)" \}', code)
    method = "POST" if "-Method Post" in code else "GET"
    assert wire.startswith(f"{method} {path} HTTP/1.1\n")
    assert f"\n{header}: {key}\n" in wire
    form = dict(re.findall(r'(\w+) = (?:Get-Item )?"([^"]+)"', code.partition("-Form")[2]))
    sent = re.findall(r'name="(\w+)"(?:; filename="([^"]+)")?', wire)
    assert [name for name, _ in sent] == list(form)
    for name, filename in sent:
        assert filename == form[name] or f"\n{form[name]}\n" in wire


def test_the_examples_name_the_host_that_was_asked(client, settings):
    settings.ALLOWED_HOSTS = ["keys.example.org"]
    page = read(client, host="keys.example.org:8443")
    assert sum("https://keys.example.org:8443/" in code for code in page.snippets) >= len(SHOWN) - 2
    assert any("Host: keys.example.org:8443" in code for code in page.snippets)
    assert "testserver" not in "".join(page.snippets)
    assert "$" not in "".join(page.snippets)


def test_the_page_holds_no_key_even_for_somebody_who_has_one(client, issue, alice):
    issued = issue()
    client.force_login(alice)
    html = client.get("/").content.decode()
    assert issued.secret not in html
    assert issued.token.token_id not in html
    assert not re.search(r"(?:fast_prod|fast_dev|fft|fcms)_[0-9A-Za-z]", html)


def test_the_page_leads_on_and_every_link_leads_somewhere(client):
    page = read(client)
    for address in (
        "/accounts/sign-up/",
        "/accounts/login/?next=/dashboard/",
        "/dashboard/",
        "/access/v1/docs",
        "/tools/image-compress",
        *(f"/accounts/sign-up/?api={system.dialect}" for system in INTRODUCTIONS),
        *(f"/access/v1/docs/{system.dialect}" for system in INTRODUCTIONS),
    ):
        assert address in page.links
    for address in set(page.links):
        if address.startswith("#"):
            assert address[1:] in page.ids
        else:
            assert client.get(address).status_code in (200, 302), address
    assert len(page.ids) == len(set(page.ids))


def test_somebody_logged_in_is_led_to_their_keys_and_not_to_sign_up(client, alice, acme):
    client.force_login(alice)
    links = read(client).links
    assert "/dashboard/api-keys" in links
    assert not any("sign-up" in link for link in links)


def test_a_system_that_is_switched_off_is_not_introduced(client, settings):
    settings.APIKEYS = {
        **settings.APIKEYS,
        "DIALECTS": {"fastpix": "project.demo.fastpix.dialect.FastPix"},
    }
    html = client.get("/").content.decode()
    assert 'id="fastpix"' in html
    assert 'id="fastly"' not in html


def test_the_page_is_read_only_and_has_the_headers_of_a_page(client):
    response = client.get("/")
    for name in PAGE_HEADERS:
        assert response[name] == PAGE_HEADERS[name]
    assert "<script>" not in response.content.decode()
    assert "style=" not in response.content.decode()
    assert client.post("/").status_code == 405


def chosen_at(client, query):
    form = client.get(f"/accounts/sign-up/{query}").context["form"]
    return form["dialect"].value()


@pytest.mark.parametrize("name", [system.dialect for system in INTRODUCTIONS] + ["default"])
def test_the_link_chooses_the_api_on_the_sign_up_form(client, name):
    assert chosen_at(client, f"?api={name}") == name
    html = client.get(f"/accounts/sign-up/?api={name}").content.decode()
    assert re.findall(r'name="dialect" value="([\w-]+)"[^>]*checked', html) == [name]


@pytest.mark.parametrize(
    "query", ["", "?api=", "?api=nonsense", "?api=%00", "?api=FASTPIX", "?dialect=fastpix"]
)
def test_a_name_that_is_no_api_chooses_none(client, query):
    assert chosen_at(client, query) is None
    assert "nonsense" not in client.get(f"/accounts/sign-up/{query}").content.decode()


def test_what_is_chosen_on_the_form_wins_over_the_link(client):
    answer = client.post(
        "/accounts/sign-up/?api=fastpix",
        {
            "email": "dora@example.org",
            "password1": "correct horse battery staple",
            "password2": "correct horse battery staple",
            "organization": "Initech",
            "dialect": "fastly",
        },
    )
    assert answer.status_code == 302
    spoken = Organization.objects.get().workspaces.values_list("dialect", flat=True)
    assert set(spoken) == {"fastly"}


def test_sign_up_names_an_api_of_ones_own_last(client):
    form = client.get("/accounts/sign-up/").context["form"]
    assert form.fields["dialect"].choices == [
        ("tools-fast", "Tools.FAST"),
        ("freefiletools", "FreeFileTools"),
        ("fastpix", "FastPix"),
        ("fastcms", "FastCMS"),
        ("fastly", "Fastly"),
        ("default", "Your own API"),
    ]
