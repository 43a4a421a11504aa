"""The table of errors of Tools.FAST, FreeFileTools and FastPix: each status, provoked.

Over HTTP on a real server; only faults of ours are made in this process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apikeys.models import Organization
from apikeys.testing.headers import headers_of
from project.demo import sandbox
from project.demo.fastpix.models import Media
from tests.systems import samples
from tests.systems.conftest import Http

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.project]

JSON = {"Content-Type": "application/json"}
UNREACHABLE = "postgres://nobody@127.0.0.1:1/nothing"


@dataclass(frozen=True)
class System:
    """How one system is called, and how it words its errors."""

    dialect: str
    reading: tuple[str, str]
    writing: str

    def credentials(self, issued: Any) -> dict[str, Any]:
        match self.dialect:
            case "tools-fast":
                return {"headers": {"X-Fast-Api-Key": issued.api_key}}
            case "freefiletools":
                return {"headers": {"x-api-key": issued.api_key}}
        return {"auth": (issued.token.token_id, issued.secret)}

    def good_body(self) -> dict[str, Any]:
        if self.dialect == "fastpix":
            inputs = [{"type": "video", "url": "https://example.org/a.mp4"}]
            return {"json": {"inputs": inputs, "accessPolicy": "public"}}
        return {
            "files": {"file": ("a.jpg", samples.image("jpg"))},
            "data": {"targetFormat": "png"},
        }


SYSTEMS = {
    "tools-fast": System("tools-fast", ("GET", "/convert/conversions"), "/convert"),
    "freefiletools": System(
        "freefiletools", ("POST", "/api/image-compress"), "/api/image-compress"
    ),
    "fastpix": System("fastpix", ("GET", "/on-demand"), "/on-demand"),
}


@pytest.fixture(params=SYSTEMS)
def system(request):
    return SYSTEMS[request.param]


@pytest.fixture
def owner(account, system):
    return account(system.dialect)


@pytest.fixture
def key(owner, issue_for):
    return issue_for(owner)


@pytest.fixture
def write(http, system, key):
    """Send a request with a good key to the address that creates something."""

    def send(method="POST", path=None, **parts):
        own = system.credentials(key)
        headers = {**own.pop("headers", {}), **parts.pop("headers", {})}
        return http.request(method, path or system.writing, headers=headers, **own, **parts)

    return send


def require(response, system, status, said):
    """The status, the shape of the system, and its words: a code, a title or a message."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    body = response.json()
    match system.dialect:
        case "tools-fast":
            assert set(body) == {"error", "detail"}
            assert body["error"] == said
            assert body["detail"]
        case "freefiletools":
            assert set(body) - {"retryAfter"} == {"error", "message"}
            assert body["error"] == said
            assert body["message"]
        case "fastpix":
            assert set(body) == {"success", "error"}
            assert body["success"] is False
            assert set(body["error"]) == {"code", "message", "description"}
            assert body["error"]["code"] == status
            assert body["error"]["message"] == said
            assert body["error"]["description"]
    return body


def said(system, tools_fast, freefiletools, fastpix):
    return {"tools-fast": tools_fast, "freefiletools": freefiletools, "fastpix": fastpix}[
        system.dialect
    ]


BAD = ("request.invalid", "Bad Request", "Bad request")


def test_400_for_a_body_that_cannot_be_read(write, system):
    headers = {"Content-Type": "multipart/form-data"} if system.dialect != "fastpix" else JSON
    require(write(data=b"{", headers=headers), system, 400, said(system, *BAD))


def test_400_for_a_header_that_is_sent_twice(http, system, key):
    if system.dialect == "fastpix":
        text = "Basic QTpB, Basic QjpC"
        response = http.get("/on-demand", headers={"Authorization": text})
    else:
        [(name, value)] = system.credentials(key)["headers"].items()
        response = http.request(*system.reading, headers={name: f"{value}, {value}"})
    require(response, system, 400, said(system, *BAD))


def test_bad_input_is_a_400_and_at_fastpix_a_422(write, system):
    if system.dialect == "fastpix":
        body = require(write(json={}), system, 422, "Invalid payload")
        assert "inputs" in body["error"]["description"]
    else:
        words = said(system, *BAD)
        body = require(write(files={"file": (None, "")}), system, 400, words)
        assert "file" in (body.get("detail") or body["message"])


def test_401_without_and_with_a_wrong_credential(http, system, key):
    words = said(system, "api_key.invalid_or_ip_not_allowed", "Unauthorized", "Unauthorized")
    require(http.request(*system.reading), system, 401, words)
    wrong = system.credentials(type(key)(key.token, key.secret[::-1], key.api_key[::-1]))
    response = http.request(*system.reading, **wrong)
    require(response, system, 401, words)
    assert response.headers["WWW-Authenticate"]


def test_402_at_tools_fast_alone(write, system):
    Organization.objects.update(credits=0)
    response = write(**system.good_body())
    if system.dialect == "tools-fast":
        require(response, system, 402, "entitlements.insufficient_credits")
    else:
        assert response.status_code in (200, 201)


def test_403_without_the_scope(http, owner, system, issue_for):
    unable = issue_for(owner, scopes=["tokens:manage"])
    response = http.post(system.writing, **system.credentials(unable), **system.good_body())
    if system.dialect == "freefiletools":
        assert response.status_code == 200  # its keys have no scopes
        return
    words = said(system, "scope.insufficient", "", "Forbidden")
    body = require(response, system, 403, words)
    text = body["detail"] if system.dialect == "tools-fast" else body["error"]["description"]
    assert "conversions:write" in text or "Read and write" in text


def test_403_for_a_key_over_plain_http(serve, system, key):
    server = serve(HTTPS="on", workers=1)
    words = said(system, "https_required", "Forbidden", "Forbidden")
    with Http(server.url) as http:
        response = http.request(*system.reading, **system.credentials(key))
        require(response, system, 403, words)
        assert "Location" not in response.headers
        secure = {"X-Forwarded-Proto": "https"}
        own = system.credentials(key)
        headers = {**own.pop("headers", {}), **secure}
        body = system.good_body() if system.reading[0] == "POST" else {}
        response = http.request(*system.reading, headers=headers, **own, **body)
        assert response.status_code == 200, response.text


def test_404_for_an_unknown_path_with_and_without_a_key(http, write, system):
    words = said(system, "resource.not_found", "Not Found", "Not found")
    path = said(system, "/convert/nothing", "/api/nothing", "/on-demand/no/thing")
    require(http.get(path), system, 404, words)
    require(write("GET", path), system, 404, words)
    require(http.get(f"{path}%00"), system, 404, words)


def test_405_names_the_methods_there_are(write, system):
    words = said(system, "request.method_not_allowed", "Method Not Allowed", "Method not allowed")
    response = write("PUT")
    require(response, system, 405, words)
    assert "POST" in response.headers["Allow"]


def test_413_for_a_body_that_is_too_large(write, system):
    words = said(system, "request.too_large", "Payload Too Large", "Payload too large")
    if system.dialect == "fastpix":
        response = write(data=b'{"a": "' + b"a" * 1024 * 1024 + b'"}', headers=JSON)
    else:
        response = write(files={"file": ("a.jpg", b"a" * (25 * 1024 * 1024 + 1))})
    require(response, system, 413, words)


def test_415_for_a_media_type_that_is_not_read_here(write, system):
    words = said(
        system,
        "request.unsupported_media_type",
        "Unsupported Media Type",
        "Unsupported media type",
    )
    for kind in ("application/xml", "text/plain", "application/octet-stream"):
        require(write(data=b"<a/>", headers={"Content-Type": kind}), system, 415, words)


def test_429_beyond_a_limit(write, owner, system):
    limits = {"any-token": "1/hour", "read-token": "1/hour", "write-token": "1/hour"}
    Organization.objects.filter(pk=owner.pk).update(limits=limits)
    assert write(**system.good_body()).status_code in (200, 201)
    response = write(**system.good_body())
    words = said(system, "rate_limited", "Rate limit exceeded", "Too many requests")
    require(response, system, 429, words)
    assert 3500 < int(response.headers["Retry-After"]) <= 3600


def test_429_for_too_many_wrong_keys_from_one_address(http, system, key):
    wrong = system.credentials(type(key)(key.token, key.secret[::-1], key.api_key[::-1]))
    statuses = [http.request(*system.reading, **wrong).status_code for _ in range(60)]
    assert set(statuses) == {401}
    response = http.request(*system.reading, **wrong)
    words = said(system, "rate_limited", "Rate limit exceeded", "Too many requests")
    require(response, system, 429, words)
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    good = system.credentials(key)
    assert http.request(*system.reading, **good).status_code in (200, 400)


def test_500_for_a_fault_of_ours_says_nothing_about_it(api, key, system, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise RuntimeError("the inner workings")

    monkeypatch.setattr(sandbox, "convert", fail)
    monkeypatch.setattr(sandbox, "compress", fail)
    monkeypatch.setattr(Media.objects, "create", fail)
    api.raise_request_exception = False
    body = system.good_body()
    if system.dialect == "fastpix":
        api.credentials(HTTP_AUTHORIZATION=headers_of(key, "Basic")["Authorization"])
        response = api.post(system.writing, body["json"], format="json")
    else:
        file = SimpleUploadedFile(*body["files"]["file"])
        headers = system.credentials(key)["headers"]
        form = {**body["data"], "file": file}
        response = api.post(system.writing, form, format="multipart", headers=headers)
    words = said(system, "server.error", "Internal Server Error", "Internal server error")
    require(response, system, 500, words)
    assert b"inner workings" not in response.content
    assert "the inner workings" in caplog.text


def test_503_while_the_database_is_gone_and_never_a_401(serve, system, key):
    server = serve(DATABASE_URL=UNREACHABLE, workers=1)
    with Http(server.url) as http:
        response = http.request(*system.reading, **system.credentials(key))
    words = said(system, "server.unavailable", "Service Unavailable", "Service unavailable")
    require(response, system, 503, words)
    assert int(response.headers["Retry-After"]) > 0


def test_no_error_is_ever_a_page_for_people(http, system):
    path = said(system, "/convert/nothing", "/api/nothing", "/on-demand/no/thing")
    for accept in ("text/html", "application/xml", "*/*", "junk"):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"):
            for address in (path, system.writing):
                response = http.request(method, address, headers={"Accept": accept})
                assert response.status_code in (401, 404, 405), (method, address, accept)
                assert response.headers["Content-Type"] == "application/json"
