"""Every kind of error of a view of ours, in the words of its dialect, and no other view's."""

from __future__ import annotations

import pytest
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.core.signals import got_request_exception
from django.db import IntegrityError
from django.http import UnreadablePostError
from rest_framework import exceptions as drf

from apikeys.dialects import DefaultDialect, Problem
from apikeys.exceptions import InsufficientCredits, Refused, exception_handler, problem_for
from apikeys.refusals import FACES, Reason, Refusal
from tests.support.apis import DIALECTS, Protected, say

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.support.apis"),
    pytest.mark.usefixtures("limits_in_memory"),
]

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


def problem(status: int, error: str, detail: str, **extra) -> dict:
    title = TITLES[status]
    return {"title": title, "status": status, "error": error, "detail": detail, **extra}


NOTHING = problem(404, "not_found", "There is nothing here that you can see.")
ANSWERS = {
    "validation": problem(
        400,
        "request.invalid",
        "name: Too long. rows.1.n: No.",
        fields={"name": "Too long.", "rows.1.n": "No."},
    ),
    "validation-list": problem(400, "request.invalid", "First. Second."),
    "validation-general": problem(400, "request.invalid", "They differ."),
    "parse": problem(400, "request.invalid", "It breaks at line 1."),
    "denied": problem(403, "permission.denied", "You may not do this."),
    "drf-denied": problem(403, "permission.denied", "Not on Sundays."),
    "missing": NOTHING,
    "drf-missing": NOTHING,
    "throttled": problem(
        429,
        "rate_limit.exceeded",
        "Too many requests. Retry after 12 seconds.",
        retry_after=12,
    ),
    "throttled-once": problem(
        429, "rate_limit.exceeded", "Too many requests. Retry after 1 second.", retry_after=1
    ),
    "throttled-silent": problem(
        429, "rate_limit.exceeded", "Too many requests. Retry after 1 second.", retry_after=1
    ),
    "failed": problem(401, "authentication_failed", "No such luck."),
    "unauthenticated": problem(
        401,
        "api_key.missing",
        "An API key is required.",
        headers=["X-API-Key", "Authorization: Bearer", "Authorization: Basic"],
    ),
    "conflict": problem(409, "token.revoked", "It is revoked."),
    "invalid": problem(
        400, "name.taken", "That name is taken.", fields={"name": "That name is taken."}
    ),
    "invalid-general": problem(400, "name.taken", "That name is taken."),
    "not-allowed": problem(403, "not_admin", "Admins only."),
    "suspicious": problem(400, "request.invalid", "The request can't be understood."),
    "fault": problem(500, "server.error", "Something went wrong on our side."),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_error_has_exactly_this_body(api, issue, name):
    api.raise_request_exception = False
    response = api.key(issue()).get(f"/failing/{name}")
    assert response.status_code == ANSWERS[name]["status"]
    assert response.json() == ANSWERS[name]
    assert response["Content-Type"] == "application/problem+json"
    assert ("WWW-Authenticate" in response) == (response.status_code == 401)
    assert response["Cache-Control"] == "no-store"
    assert response["Vary"] == "X-API-Key, Authorization"
    seconds = ANSWERS[name].get("retry_after")
    assert response.get("Retry-After") == (None if seconds is None else str(seconds))
    assert "internal words" not in response.content.decode()


def test_a_fault_is_told_to_error_reporters_and_logged_once(api, issue, caplog):
    told = []

    def receive(request, **kwargs):
        told.append(request.path)

    api.raise_request_exception = False
    api.key(issue())
    got_request_exception.connect(receive)
    try:
        api.get("/failing/fault")
    finally:
        got_request_exception.disconnect(receive)
    assert told == ["/failing/fault"]
    [record] = [r for r in caplog.records if r.exc_info]
    assert record.getMessage() == "fault in /failing/fault"
    assert record.request.path == "/failing/fault"


def test_under_debug_a_fault_is_djangos_to_show(api, issue, settings):
    settings.DEBUG = True
    with pytest.raises(RuntimeError, match="internal words"):
        api.key(issue()).get("/failing/fault")


@pytest.mark.parametrize(
    ("headers", "body", "status", "error"),
    [
        ({}, "{", 400, "request.invalid"),
        ({}, '{"a": NaN', 400, "request.invalid"),
        ({}, b"\xff", 400, "request.invalid"),
        ({}, "[" * 100_000, 400, "request.invalid"),
        ({}, '{"a":' * 100_000, 400, "request.invalid"),
        ({}, "1" * 10_000, 400, "request.invalid"),
        ({"Content-Type": "text/csv"}, "a", 415, "unsupported_media_type"),
        ({"Accept": "text/html"}, "{}", 406, "not_acceptable"),
    ],
    ids=["cut", "NaN", "bytes", "arrays", "objects", "number", "media type", "accept"],
)
def test_what_can_not_be_read_is_a_4xx_in_json(api, issue, headers, body, status, error):
    api.key(issue(scopes=["notes:write"]))
    content_type = headers.pop("Content-Type", "application/json")
    response = api.post("/failing/x", body, content_type=content_type, headers=headers)
    assert response.status_code == status
    assert response.json()["error"] == error
    assert response["Content-Type"] == "application/problem+json"


def test_a_body_nested_too_deeply_is_told_so(api, issue):
    api.key(issue(scopes=["notes:write"]))
    response = api.post("/failing/x", "[" * 100_000, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["detail"] == "The body is nested too deeply."


@pytest.mark.parametrize(
    ("exc", "status", "code"),
    [
        (RequestDataTooBig("internal words"), 413, "request.too_large"),
        (BadRequest("internal words"), 400, "request.invalid"),
        (UnreadablePostError("internal words"), 400, "request.invalid"),
        (InsufficientCredits(required=5, available=2), 402, "entitlements.insufficient_credits"),
        (drf.APIException("Odd."), 500, "error"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_rarer_kinds(exc, status, code):
    found = problem_for(exc, DefaultDialect())
    assert (found.status, found.code) == (status, code)
    assert "internal words" not in found.detail


def test_too_few_credits_say_how_many():
    found = problem_for(InsufficientCredits(required=5, available=2), DefaultDialect())
    assert found.detail == "Insufficient credits. Required: 5, Available: 2"
    assert found.extra == {"required": 5, "available": 2}


def test_details_of_a_status_of_its_own_are_joined():
    class Teapot(drf.APIException):
        status_code = 418

    found = problem_for(Teapot({"a": ["One."], "b": "Two."}), DefaultDialect())
    assert (found.status, found.detail, found.title) == (418, "One. Two.", "I'm a Teapot")


def test_an_endless_recursion_of_the_code_is_a_fault_of_ours():
    assert problem_for(RecursionError("too deep"), DefaultDialect()) is None


def test_an_error_of_the_data_is_a_fault_of_ours():
    assert problem_for(IntegrityError("duplicate key"), DefaultDialect()) is None


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_face_that_its_refusal_shows(reason):
    face = FACES[reason]
    found = problem_for(Refused(Refusal(reason)), DefaultDialect())
    assert found == Problem(status=face.status, code=face.code, detail=face.detail)


def test_a_view_that_is_not_ours_is_left_to_drf(api, rf):
    response = api.get("/foreign")
    assert response.status_code == 400
    assert response.json() == {"name": ["Too long."]}
    assert response["Content-Type"] == "application/json"
    assert exception_handler(RuntimeError(), {"request": None}) is None
    answered = exception_handler(drf.NotFound(), {})
    assert answered.data == {"detail": "Not found."}


def test_a_host_that_is_not_ours_breaks_no_error(rf):
    response = Protected.as_view()(rf.get("/protected", headers={"Host": "evil.example"}))
    assert response.status_code == 401


def test_another_dialect_says_the_same_in_its_own_words(api, settings, acme, issue):
    say(settings, DIALECTS=DIALECTS)
    acme.workspaces.update(dialect="cms")
    key = {"X-Cms-Key": issue(scopes=["files:read"]).api_key}
    missing = api.get("/failing-cms/missing", headers=key)
    assert (missing.status_code, missing["Content-Type"]) == (404, "application/json")
    assert missing.json() == {"message": NOTHING["detail"], "fields": {}}
    invalid = api.get("/failing-cms/validation", headers=key)
    assert invalid.status_code == 422
    assert invalid.json()["fields"] == {"name": "Too long.", "rows.1.n": "No."}
    assert api.get("/failing-cms/invalid", headers=key).status_code == 422
    stranger = api.get("/failing-cms/missing")
    assert stranger.status_code == 401
    assert stranger["WWW-Authenticate"] == 'ApiKey realm="api", Bearer realm="api"'
