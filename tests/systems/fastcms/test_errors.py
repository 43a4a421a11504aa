"""The column FastCMS of the table of errors, byte for byte; it never answers 402."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import OperationalError

from project.demo.fastcms.content_views import CollectionViewSet, ContentViewSet
from tests.systems.fastcms.words import COLLECTIONS, KEYS, use

pytestmark = [pytest.mark.django_db, pytest.mark.project]


def body(error: str, message: str | None = None, details: dict[str, Any] | None = None) -> bytes:
    return json.dumps(
        {"error": error, "message": message or error, "details": details or {}}
    ).encode()


def test_400_broken_json(api, make_key):
    for path, headers in ((COLLECTIONS, use(make_key())), ("/api/v1/auth/login", {})):
        answer = api.post(path, '{"name": }', content_type="application/json", headers=headers)
        message = "JSON parse error - Expecting value: line 1 column 10 (char 9)"
        assert (answer.status_code, answer.content) == (400, body("Bad request", message))
        assert answer["Content-Type"] == "application/json"


def test_400_json_nested_too_deeply(api, make_key):
    answer = api.post(
        COLLECTIONS, "[" * 100_000, content_type="application/json", headers=use(make_key())
    )
    message = "The body is nested too deeply."
    assert (answer.status_code, answer.content) == (400, body("Bad request", message))


def test_400_two_credentials(api, make_key):
    twice = ", ".join(make_key(name=name)["key"] for name in "ab")
    answer = api.get(COLLECTIONS, headers=use(twice))
    message = "Send one credential only; this request carries more than one."
    assert (answer.status_code, answer.content) == (400, body("Bad request", message))


def test_401_has_one_body_with_the_same_title_twice(api, db):
    answer = api.get(COLLECTIONS)
    assert (answer.status_code, answer.content) == (401, body("Authentication required"))
    assert answer["WWW-Authenticate"] == 'ApiKey realm="fastcms"'


def test_403_names_the_scope(api, make_key):
    answer = api.get(COLLECTIONS, headers=use(make_key(scopes="records:*")))
    message = "This API key does not have the required scope: collections:read."
    details = {"required_scope": "collections:read"}
    assert (answer.status_code, answer.content) == (
        403,
        body("Permission denied", message, details),
    )


def test_403_over_plain_http(in_process, api, make_key):
    answer = api.get(COLLECTIONS, headers=use(make_key()), secure=False)
    message = "Send API keys over HTTPS only."
    assert (answer.status_code, answer.content) == (403, body("Permission denied", message))


def test_404_for_objects_keys_and_paths(api, make_key, log_in):
    key = use(make_key())
    for path in (f"{COLLECTIONS}/none", "/api/v1/files/none", "/api/v1/nothing", "/api/v1/"):
        answer = api.get(path, headers=key)
        assert (answer.status_code, answer.content) in (
            (404, body("Not found")),
            (404, body("Not found", "Not found")),
        )
    answer = api.get(f"{KEYS}/none", headers=log_in())
    assert (answer.status_code, answer.content) == (404, body("API key not found"))


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        (COLLECTIONS, "put", "GET, POST, HEAD, OPTIONS"),
        (f"{COLLECTIONS}/posts", "post", "GET, PATCH, DELETE, HEAD, OPTIONS"),
        ("/api/v1/files/x", "patch", "GET, DELETE, HEAD, OPTIONS"),
    ],
)
def test_405_says_what_is_allowed(api, make_key, path, method, allowed):
    answer = getattr(api, method)(path, headers=use(make_key()))
    message = f'Method "{method.upper()}" not allowed.'
    assert (answer.status_code, answer.content) == (405, body("Method not allowed", message))
    assert answer["Allow"] == allowed


def test_413_for_a_body_that_is_too_large(api, make_key, log_in):
    large = "x" * (1024 * 1024 + 1)
    message = "The request is larger than 1048576 bytes."
    for path, headers in ((COLLECTIONS, use(make_key())), (KEYS, log_in())):
        answer = api.post(path, large, content_type="application/json", headers=headers)
        assert (answer.status_code, answer.content) == (413, body("Payload too large", message))


def test_415_for_another_media_type(api, make_key):
    key = use(make_key())
    for path, kind in ((COLLECTIONS, "text/xml"), ("/api/v1/files", "application/json")):
        answer = api.post(path, "<a/>", content_type=kind, headers=key)
        message = f'Unsupported media type "{kind}" in request.'
        assert (answer.status_code, answer.content) == (
            415,
            body("Unsupported media type", message),
        )


def test_422_names_the_field(api, make_key):
    answer = api.post(COLLECTIONS, {"name": "9"}, format="json", headers=use(make_key()))
    text = "A name is made of a-z, 0-9 and _ and begins with a letter."
    assert (answer.status_code, answer.content) == (
        422,
        body("Validation failed", f"name: {text}", {"name": text}),
    )


def test_422_for_a_form_without_its_file(api, make_key):
    answer = api.post("/api/v1/files", {"x": "y"}, format="multipart", headers=use(make_key()))
    assert (answer.status_code, list(answer.json()["details"])) == (422, ["file"])


def test_429_says_when_to_try_again(in_process, api, make_key, monkeypatch, time_machine):
    time_machine.move_to("2029-01-01T00:00:00Z", tick=False)
    small = [limit.with_rate("1/minute") for limit in ContentViewSet.limits]
    monkeypatch.setattr(ContentViewSet, "limits", small)
    key = use(make_key())
    assert api.get(COLLECTIONS, headers=key).status_code == 200
    answer = api.get(COLLECTIONS, headers=key)
    message = "Too many requests. Retry after 60 seconds."
    assert (answer.status_code, answer.content) == (429, body("Rate limit exceeded", message))
    assert answer["Retry-After"] == "60"
    assert answer["X-RateLimit-Remaining-Minute"] == "0"


def test_500_shows_nothing_of_the_fault(in_process, api, make_key, monkeypatch):
    key = use(make_key())

    api.raise_request_exception = False

    def fault(*args: Any) -> None:
        raise RuntimeError("a canary")

    monkeypatch.setattr(CollectionViewSet, "list", fault)
    answer = api.get(COLLECTIONS, headers=key)
    message = "Something went wrong on our side."
    assert (answer.status_code, answer.content) == (500, body("Internal Server Error", message))


def test_503_when_the_database_is_gone(in_process, api, make_key, monkeypatch):
    key = use(make_key())

    def gone(*args: Any) -> None:
        raise OperationalError("a canary")

    monkeypatch.setattr("apikeys.verification.verify.find", gone)
    answer = api.get(COLLECTIONS, headers=key)
    message = "Try again in a moment."
    assert (answer.status_code, answer.content) == (503, body("Service Unavailable", message))
    assert int(answer["Retry-After"]) >= 1
