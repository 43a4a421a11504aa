"""The column Fastly of the table of errors, byte for byte; it never answers 402."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import OperationalError

from project.demo.fastly.views import FastlyView, ServicesView

pytestmark = [pytest.mark.django_db, pytest.mark.project]

NOTHING = "There is nothing here that you can see."


def body(msg: str, detail: str) -> bytes:
    return json.dumps({"msg": msg, "detail": detail}).encode()


def test_400_broken_json(api, key):
    answer = api.post("/service", "{", content_type="application/json", headers=key())
    detail = (
        "JSON parse error - Expecting property name enclosed in double quotes: "
        "line 1 column 2 (char 1)"
    )
    assert (answer.status_code, answer.content) == (400, body("Bad request", detail))
    assert answer["Content-Type"] == "application/json"


def test_400_two_credentials(api, issue):
    twice = ",".join(issue(scopes=["global"]).api_key for _ in range(2))
    answer = api.get("/service", headers={"Fastly-Key": twice})
    detail = "Send one credential only; this request carries more than one."
    assert (answer.status_code, answer.content) == (400, body("Bad request", detail))


def test_401_is_msg_alone(api, db):
    answer = api.get("/service")
    assert answer.status_code == 401
    assert answer.content == b'{"msg": "Provided credentials are missing or invalid"}'
    assert answer["WWW-Authenticate"] == 'ApiKey realm="fastly"'


def test_403_names_the_scope(api, key):
    answer = api.post("/service", {"name": "x"}, format="json", headers=key(["global:read"]))
    detail = "This API key does not have the required scope: global."
    assert (answer.status_code, answer.content) == (
        403,
        body("You are not authorized to perform this action", detail),
    )


def test_404_is_the_same_for_objects_tokens_and_paths(api, key):
    headers = key()
    for path in ("/service/none", "/tokens/none", "/service/a/b/c", "/purge", "/tokens/a/b"):
        answer = api.get(path, headers=headers)
        assert (answer.status_code, answer.content) == (404, body("Record not found", NOTHING))


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/service", "patch", "GET, POST, HEAD, OPTIONS"),
        ("/service/x", "post", "GET, PUT, DELETE, HEAD, OPTIONS"),
        ("/service/x/purge_all", "get", "POST, OPTIONS"),
        ("/purge/www.example.com/", "get", "POST, OPTIONS"),
        ("/tokens/x", "patch", "GET, DELETE, HEAD, OPTIONS"),
        ("/public-ip-list", "post", "GET, HEAD, OPTIONS"),
    ],
)
def test_405_says_what_is_allowed(api, key, path, method, allowed):
    answer = getattr(api, method)(path, headers=key())
    detail = f'Method "{method.upper()}" not allowed.'
    assert (answer.status_code, answer.content) == (405, body("Method not allowed", detail))
    assert answer["Allow"] == allowed


def test_413_for_a_body_that_is_too_large(api, key):
    large = "x" * (1024 * 1024 + 1)
    answer = api.post("/service", large, content_type="application/json", headers=key())
    detail = "The request is larger than 1048576 bytes."
    assert (answer.status_code, answer.content) == (413, body("Payload too large", detail))


def test_415_for_another_media_type(api, key):
    for path in ("/service", "/tokens"):
        answer = api.post(path, "<a/>", content_type="text/xml", headers=key())
        detail = 'Unsupported media type "text/xml" in request.'
        assert (answer.status_code, answer.content) == (
            415,
            body("Unsupported media type", detail),
        )


def test_422_names_the_field(api, key):
    answer = api.post("/service", {"name": ""}, format="json", headers=key())
    detail = "name: This field may not be blank."
    assert (answer.status_code, answer.content) == (422, body("Bad request", detail))


def test_429_says_when_to_try_again(in_process, api, key, monkeypatch, time_machine):
    time_machine.move_to("2029-01-01T00:00:00Z", tick=False)
    small = [limit.with_rate("1/minute") for limit in FastlyView.limits]
    monkeypatch.setattr(FastlyView, "limits", small)
    headers = key()
    assert api.get("/service", headers=headers).status_code == 200
    answer = api.get("/service", headers=headers)
    detail = "Too many requests. Retry after 60 seconds."
    assert (answer.status_code, answer.content) == (429, body("Too many requests", detail))
    assert answer["Retry-After"] == "60"


def test_500_shows_nothing_of_the_fault(in_process, api, key, monkeypatch):
    headers = key()

    api.raise_request_exception = False

    def fault(*args: Any) -> None:
        raise RuntimeError("a canary")

    monkeypatch.setattr(ServicesView, "get", fault)
    answer = api.get("/service", headers=headers)
    detail = "Something went wrong on our side."
    assert (answer.status_code, answer.content) == (500, body("Internal Server Error", detail))


def test_503_when_the_database_is_gone(in_process, api, key, monkeypatch):
    headers = key()

    def gone(*args: Any) -> None:
        raise OperationalError("a canary")

    monkeypatch.setattr("apikeys.verification.verify.find", gone)
    answer = api.get("/service", headers=headers)
    detail = "Try again in a moment."
    assert (answer.status_code, answer.content) == (503, body("Service Unavailable", detail))
    assert int(answer["Retry-After"]) >= 1
