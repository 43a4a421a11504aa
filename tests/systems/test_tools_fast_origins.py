"""S0-07: third-party browser pages are kept out of Tools.FAST before anything happens."""

from __future__ import annotations

import pytest

from apikeys.models import Organization
from tests.systems import samples

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.project]

FOREIGN = [
    "https://evil.example",
    "null",
    "",
    "https://tools.fast.evil.example",
    "https://eviltools.fast",
    "http://tools.fast",
    "https://tools.fast:8443",
    "https://TOOLS.FAST",
    "https://tools.fast/",
    "https://tools.fast.",
    "https://user@tools.fast",
    "https://tools.fast, https://evil.example",
    "https://tools.fast https://evil.example",
    "https://tools.fast\\@evil.example",
    "https://xn--tools-fast.example",
    "file://",
    "junk",
]


@pytest.fixture
def key(account, issue_for):
    return issue_for(account("tools-fast"))


def cors(response):
    return {k.lower() for k in response.headers if k.lower().startswith("access-control-")}


def convert(http, key, **headers):
    return http.post(
        "/convert",
        headers={"X-Fast-Api-Key": key.api_key, **headers},
        files={"file": ("photo.heic", samples.image("heic"))},
        data={"targetFormat": "jpg"},
    )


def balance():
    return Organization.objects.get(slug="tools-fast").credits


def test_s0_07_a_proven_key_from_a_foreign_page_is_refused_before_the_view(http, key):
    for origin in FOREIGN:
        response = convert(http, key, Origin=origin)
        assert response.status_code == 403, origin
        assert response.content == (
            b'{"error": "origin.not_allowed", '
            b'"detail": "This API can\'t be called from a browser on another site."}'
        )
        assert cors(response) == set()
    assert balance() == 500


def test_s0_07_a_foreign_page_without_cors_is_refused_as_well(http, key):
    for site in ("cross-site", "same-site"):
        response = convert(http, key, **{"Sec-Fetch-Site": site})
        assert response.json()["error"] == "origin.not_allowed"
    assert balance() == 500


def test_s0_07_a_foreign_page_does_not_learn_whether_a_key_exists(http, key):
    wrong = key.api_key[:-8] + "AAAAAAAA"
    headers = {"X-Fast-Api-Key": wrong, "Origin": "https://evil.example"}
    assert http.get("/convert/conversions", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "path", ["/convert", "/convert/conversions", "/entitlements/me", "/convert/unknown"]
)
def test_s0_07_a_foreign_page_gets_no_cors_headers(http, path):
    for origin in FOREIGN:
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        preflight = http.options(path, headers=asked)
        for response in (preflight, http.get(path, headers={"Origin": origin})):
            assert cors(response) == set(), origin
            assert "origin" in response.headers["Vary"].lower()


def test_s0_07_a_preflight_needs_no_key_and_spends_nothing(http, server, key):
    Organization.objects.update(limits={"any-token": "1/hour"})
    for _ in range(3):
        response = http.options(
            "/convert",
            headers={
                "Origin": server.url,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "x-fast-api-key",
            },
        )
        assert response.status_code == 200
        assert response.content == b""
    assert balance() == 500
    assert convert(http, key).status_code == 200


def test_s0_07_first_party_pages_get_cors_headers_without_credentials(http, server, key):
    for origin in (server.url, "https://tools.fast"):
        preflight = http.options(
            "/convert", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
        )
        assert preflight.headers["Access-Control-Allow-Origin"] == origin
        assert preflight.headers["Access-Control-Allow-Headers"] == "x-fast-api-key, content-type"
        assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
        response = convert(http, key, Origin=origin)
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == origin
        for answer in (preflight, response):
            assert "Access-Control-Allow-Credentials" not in answer.headers


def test_s0_07_a_program_is_told_by_its_headers_not_by_its_name(http, key):
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36"
    assert convert(http, key, **{"User-Agent": agent}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/on-demand", "/api/v1/api-keys", "/service", "/api/demo/notes", "/access/v1/token"]
)
def test_s0_07_systems_that_are_not_for_browsers_get_no_cors_headers(http, server, path):
    for origin in (server.url, "https://tools.fast", "https://evil.example"):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        assert cors(http.options(path, headers=asked)) == set()
        assert cors(http.get(path, headers={"Origin": origin})) == set()


def test_s0_07_another_systems_first_party_page_is_foreign(http, key):
    response = convert(http, key, Origin="https://freefiletools.io")
    assert response.json()["error"] == "origin.not_allowed"
    assert cors(response) == set()
