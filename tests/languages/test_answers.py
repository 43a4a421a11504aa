"""An answer is in one language: English where nobody has our texts, else wholly that one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from django.test import override_settings
from django.utils import translation

from apikeys import reauthentication
from apikeys.access.problems import problem_of
from apikeys.dialects import get
from apikeys.refusals import FACES, Reason, Refusal
from tests.access.test_faces_agree import ROWS, Cast, through
from tests.api.conftest import Caller
from tests.support import apis, faces
from tests.support.catalogues import marked, unmarked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("limits_in_memory")]
# One of each kind; that all of them agree is tested beside them.
KINDS_OF_FACES: Final = ("WSGI drf", "WSGI django", "ASGI adjango", "ASGI aninja", "bare ASGI")

NOWHERE: Final = "00000000-0000-4000-8000-000000000000"
JSON: Final = "application/json"
# Each is refused by another part of the API; the statuses say that it was.
CALLS: Final[dict[str, tuple[int, str, str, Any]]] = {
    "a field that is required": (400, "POST", "tokens", {}),
    "a field of another type": (400, "POST", "tokens", {"name": 1, "workspace": [], "scopes": 2}),
    "a field that is not known": (400, "POST", "tokens", {"nmae": "x"}),
    "a field that is empty": (400, "POST", "workspaces", {"name": "", "environment": "staging"}),
    "a choice that is none": (400, "POST", "workspaces", {"name": "X", "environment": "moon"}),
    "a body that is no object": (400, "POST", "workspaces", [1]),
    "JSON that is none": (400, "POST", "workspaces", b"{"),
    "too deep": (400, "POST", "workspaces", b"[" * 100_000),
    "a name that is too long": (400, "PATCH", "", {"name": "x" * 300}),
    "a number out of range": (400, "PATCH", "", {"max_lifetime_days": 0}),
    "a network that is none": (400, "PATCH", "", {"allowed_networks": ["10.0.0.1/99"]}),
    "every network": (400, "PATCH", "", {"allowed_networks": ["0.0.0.0/0"]}),
    "a control character": (400, "PATCH", "", {"name": "a\u202eb"}),
    "nothing to see": (400, "PATCH", "", {"name": "\u2800"}),
    "limits": (403, "PATCH", "", {"limits": {"a": "1/hour"}}),
    "an API that is none": (
        400,
        "POST",
        "workspaces",
        {"name": "X", "environment": "staging", "dialect": "x"},
    ),
    "a name that is taken": (
        400,
        "POST",
        "workspaces",
        {"name": "Production", "environment": "production"},
    ),
    "a scope that is none": (
        400,
        "POST",
        "tokens",
        {"workspace": "production", "name": "X", "scopes": ["moon:walk"]},
    ),
    "a moment without a zone": (
        400,
        "POST",
        "tokens",
        {"workspace": "production", "name": "X", "scopes": [], "expires_at": "2030-01-01T12:00"},
    ),
    "a moment that is past": (
        400,
        "POST",
        "tokens",
        {"workspace": "production", "name": "X", "scopes": [], "expires_at": "2001-01-01T12:00Z"},
    ),
    "a workspace that is none": (
        400,
        "POST",
        "tokens",
        {"workspace": "moon", "name": "X", "scopes": []},
    ),
    "an unknown filter": (400, "GET", "tokens?nmae=x", None),
    "a repeated filter": (400, "GET", "tokens?q=1&q=2", None),
    "an empty filter": (400, "GET", "tokens?q=", None),
    "a choice that no filter has": (400, "GET", "tokens?status=moon", None),
    "a day that is none": (400, "GET", "audit-events?from=moon", None),
    "a day after another": (400, "GET", "audit-events?from=2030-01-02&to=2030-01-01", None),
    "a page that is too large": (400, "GET", "tokens?page_size=101", None),
    "a cursor that is none": (400, "GET", "tokens?cursor=moon", None),
    "a range that is none": (400, "GET", "usage?range=moon", None),
    "a token that is none": (400, "GET", "usage?token=moon", None),
    "an address that is none": (400, "POST", "invitations", {"email": "moon"}),
    "somebody unknown": (400, "POST", "members", {"user": "moon"}),
    "nothing there": (404, "GET", f"members/{NOWHERE}", None),
    "another method": (405, "PUT", "tokens", {}),
}


def say(caller: Any, call: tuple[int, str, str, Any], **headers: Any) -> Any:
    status, method, path, body = call
    url = f"/access/v1/organizations/acme{path and '/'}{path}"
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    response = caller.generic(method, url, data, content_type=JSON, **headers)
    assert response.status_code == status, response.content
    return response


def texts_of(body: Any) -> list[str]:
    return [body["title"], body["detail"], *body.get("fields", {}).values()]


def assert_marked(body: Any, *names: str) -> None:
    """Nothing but names of fields stands outside of the marks."""
    assert unmarked(body["title"]) == "«»"
    for text in texts_of(body):
        left = re.sub(r"(^| )[A-Za-z_-]+(\.\d+)?: «»", " «»", unmarked(text))
        assert left.replace("«»", "").strip() == "", text


@pytest.fixture
def callers(session: Caller, issue: Any) -> Any:
    with translation.override("en"):
        yield session


@pytest.mark.parametrize("name", CALLS)
def test_the_management_api_answers_in_one_language(callers: Caller, name: str) -> None:
    english = say(callers, CALLS[name])
    with translation.override("de"):  # which Django and DRF have, and nobody our texts in
        german = say(callers, CALLS[name])
    assert german.content == english.content
    assert german.headers["Content-Language"] == "en"
    with marked():
        other = say(callers, CALLS[name])
    assert other.headers["Content-Language"] == "tlh"
    assert_marked(other.json())


OTHERS: Final[dict[str, tuple[int, dict[str, Any], dict[str, Any]]]] = {
    "another type of answer": (406, {"method": "GET"}, {"headers": {"Accept": "text/html"}}),
    "another type of body": (415, {"method": "POST"}, {"content_type": "text/csv", "data": b"a"}),
    "an id that can't be one": (
        400,
        {"method": "POST"},
        {
            "content_type": JSON,
            "data": b'{"workspace":"production","name":"X","scopes":[]}',
            "headers": {"Idempotency-Key": '"a'},
        },
    ),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("language", ["de", "tlh"])
def test_what_is_asked_by_headers_is_answered_in_one_language(
    callers: Caller, name: str, language: str
) -> None:
    status, how, more = OTHERS[name]
    method, url = how["method"], "/access/v1/organizations/acme/tokens"
    english = callers.generic(method, url, **more)
    with marked() if language == "tlh" else translation.override(language):
        found = callers.generic(method, url, **more)
    assert found.status_code == english.status_code == status
    if language == "tlh":
        assert_marked(found.json())
    else:
        assert found.content == english.content


@pytest.mark.parametrize("language", ["de", "tlh"])
def test_a_form_without_its_token_is_refused_in_one_language(
    alice: Any, acme: Any, language: str
) -> None:
    caller = Caller(enforce_csrf_checks=True)
    caller.force_login(alice)
    english = caller.call("post", "tokens", {})
    with marked() if language == "tlh" else translation.override(language):
        found = caller.call("post", "tokens", {})
    assert found.status_code == english.status_code == 403
    if language == "tlh":
        assert_marked(found.json())
    else:
        assert found.content == english.content


def test_services_refuse_in_the_language_of_our_texts(
    session: Caller, managing: Any, bob: Any, alice: Any, logged_in: Any, issue: Any
) -> None:
    token = issue(name="Named").token
    path = f"tokens/{token.token_id}"
    me = next(
        found["public_id"]
        for found in session.call("get", "members").json()["results"]
        if found["user"] == "alice@example.org"
    )
    old = logged_in(alice, checked=False)
    invited = {"email": "erin@example.org"}
    assert session.call("post", "invitations", invited).status_code == 201
    assert session.call("post", f"{path}/revoke", {}).status_code == 200
    with marked():
        for status, caller, method, below, body in (
            (409, session, "post", f"{path}/rotate", {}),
            (409, session, "post", f"{path}/enable", None),
            (409, session, "patch", path, {"name": "Other"}),
            (409, session, "patch", f"members/{me}", {"role": "member"}),
            (409, session, "post", "leave", None),
            (409, session, "post", "invitations", invited),
            (403, logged_in(bob), "get", "tokens", None),
            (403, old, "post", "tokens", {"workspace": "production", "name": "X", "scopes": []}),
            (403, managing, "get", "members", None),
            (
                403,
                managing,
                "post",
                "tokens",
                {"workspace": "production", "name": "X", "scopes": ["notes:delete"]},
            ),
        ):
            response = caller.call(method, below, body)
            assert response.status_code == status, response.content
            assert_marked(response.json())


def test_a_token_reads_about_itself_in_one_language(callers: Caller, issue: Any) -> None:
    caller = Caller()
    with translation.override("de"):
        response = caller.get("/access/v1/token")
    assert response.json()["detail"] == "An API key is required."
    with marked():
        assert_marked(caller.get("/access/v1/token").json())


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """A bare ASGI application begins with the default language, every other face with ours."""
    with marked(), override_settings(LANGUAGE_CODE=language), translation.override(language):
        yield


@pytest.fixture
def cast(issue: Any, acme: Any, actor: Any, settings: Any) -> Cast:
    apis.say(settings, DIALECTS=faces.DIALECTS)
    settings.MIDDLEWARE = ["apikeys.middleware.AccessTokenMiddleware"]
    return Cast(issue, acme, actor)


REFUSED: Final = (
    "no credential",
    "a wrong secret",
    "two credentials",
    "an expired key",
    "none of two scopes",
)


@pytest.mark.django_db(transaction=True)
@pytest.mark.urls("tests.support.faces")
@pytest.mark.parametrize("face", KINDS_OF_FACES)
def test_every_face_refuses_in_one_language(face: str, cast: Cast) -> None:
    for name in REFUSED:
        told = {}
        for language in ("en", "de", "tlh"):
            with speaking(language):
                told[language] = through(face, ROWS[name], cast)[0]
        assert told["en"][0] >= 400
        assert told["de"][::2] == told["en"][::2], name
        assert_marked(json.loads(told["tlh"][2]))


@pytest.mark.django_db(transaction=True)
@pytest.mark.urls("tests.support.faces")
@pytest.mark.parametrize("face", KINDS_OF_FACES)
def test_limits_and_methods_are_told_in_one_language(face: str, cast: Cast) -> None:
    for times, status, row in (
        (3, 429, ROWS["a key"]),
        (1, 405, ("PUT", "method", ROWS["a key"][2])),
    ):
        told = {}
        for language in ("en", "de", "tlh"):
            with speaking(language):
                told[language] = through(face, row, cast, times=times)[times - 1]
        if face.endswith(" drf") and status == 405:
            continue  # the table's views have a handler for every method there
        assert told["de"][0] == told["en"][0] == status
        assert told["de"][2] == told["en"][2]
        assert_marked(json.loads(told["tlh"][2]))


@pytest.mark.urls("tests.support.faces")
def test_a_refusal_says_its_language_where_it_is_not_the_active_one(
    client: Any, cast: Cast, settings: Any
) -> None:
    settings.MIDDLEWARE = ["django.middleware.locale.LocaleMiddleware", *settings.MIDDLEWARE]
    for face in ("drf", "django", "adjango", "ninja"):
        for asked, said in (("de", "en"), ("en", "en")):
            response = client.get(f"/{face}/notes", headers={"Accept-Language": asked})
            assert response.headers["Content-Language"] == said
            assert "Accept-Language" in response.headers["Vary"]


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_its_sentence_in_the_language(reason: Reason) -> None:
    with marked():
        found = problem_of(Refusal(reason), get("default"))
    assert found is not None
    assert found.detail == f"«{FACES[reason].detail}»"


def test_five_reasons_share_one_answer_in_every_language() -> None:
    same = ("MALFORMED", "UNKNOWN", "WRONG_SECRET", "OTHER_DIALECT", "ADDRESS_NOT_ALLOWED")
    for language in ("en", "de", "tlh"):
        with marked(), translation.override(language):
            found = {
                json.dumps(get("default").render(problem))
                for name in same
                if (problem := problem_of(Refusal(Reason[name]), get("default"))) is not None
            }
        assert len(found) == 1


HOSTS: Final[dict[str, tuple[int, str, dict[str, Any]]]] = {
    "another method": (405, "PUT", {}),
    "another type of answer": (406, "GET", {"headers": {"Accept": "text/html"}}),
    "another type of body": (415, "POST", {"content_type": "text/csv", "data": b"a"}),
    "JSON that is none": (400, "POST", {"content_type": JSON, "data": b"{"}),
    "not allowed, in DRF's words": (403, "GET", {"QUERY_STRING": "raise=denied"}),
    "not found, in DRF's words": (404, "GET", {"QUERY_STRING": "raise=not found"}),
    "not known, in DRF's words": (401, "GET", {"QUERY_STRING": "raise=failed"}),
}


@pytest.mark.urls("tests.languages.views")
@pytest.mark.parametrize("name", HOSTS)
def test_what_drf_says_in_a_hosts_view_is_in_our_language(api: Any, issue: Any, name: str) -> None:
    status, method, how = HOSTS[name]
    api.key(issue(scopes=["notes:read", "notes:write"]))
    told = {}
    for language in ("en", "de", "tlh"):
        with marked(), translation.override(language):
            told[language] = api.generic(method, "/notes", secure=True, **how)
    assert told["en"].status_code == told["tlh"].status_code == status
    assert told["de"].content == told["en"].content
    assert_marked(told["tlh"].json())


@pytest.mark.urls("tests.languages.views")
def test_what_a_host_says_stays_in_the_hosts_language(api: Any, issue: Any, settings: Any) -> None:
    # The demo lets all of its texts be in the language of ours; most hosts have no such middleware.
    settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if not m.startswith("project.languages")]
    api.key(issue(scopes=["notes:read", "notes:write"]))
    with translation.override("de"):
        invalid = api.post("/notes", {"name": "four"}, format="json").json()
        denied = api.get("/notes", {"raise": "own"}).json()
        posted = [api.post("/notes", {"name": "abc"}, format="json") for _ in range(9)]
        limited = posted[-1].json()
    assert invalid["fields"] == {
        "name": "Stelle sicher, dass dieses Feld nicht mehr als 3 Zeichen lang ist."
    }
    assert denied["detail"] == "Anmelden"
    # What is ours is English: nobody has our texts in German.
    assert limited["error"] == "rate_limit.exceeded"
    assert limited["detail"].startswith("Too many requests. Retry after ")


def test_attempts_at_a_password_are_counted_in_the_language() -> None:
    with marked():
        assert str(reauthentication.TooManyAttemptsError(1)) == (
            "«Too many attempts. Try again in 1 second.»"
        )
        assert str(reauthentication.TooManyAttemptsError(7)) == (
            "«Too many attempts. Try again in 7 seconds.»"
        )
