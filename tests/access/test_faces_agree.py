"""One table of requests through every face: the same status, headers and bytes as DRF's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.db import OperationalError
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.utils import timezone

from apikeys import conf
from apikeys.activity import usage
from apikeys.models import Workspace
from apikeys.services.tokens import disable_token, revoke_token, update_token
from apikeys.testing import reset_limits
from apikeys.testing.headers import headers_of
from apikeys.verification import verify
from tests.support import apis, asgi, faces

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.support.faces"),
    pytest.mark.usefixtures("limits_in_memory"),
]
TOLD = (
    "Vary",
    "Cache-Control",
    "WWW-Authenticate",
    "Retry-After",
    "RateLimit-Policy",
    "RateLimit",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
)
PAGE = {"Origin": "https://cms.example", "Sec-Fetch-Site": "cross-site"}
STRANGE = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
FACES = [
    *(f"{server} {face}" for server in ("WSGI", "ASGI") for face in ("drf", "django", "adjango")),
    *(f"{server} {face}" for server in ("WSGI", "ASGI") for face in ("class", "aclass")),
    *(f"{server} {face}" for server in ("WSGI", "ASGI") for face in ("ninja", "aninja")),
    "bare ASGI",
]


def key(issued: Any) -> dict[str, str]:
    return {"X-API-Key": issued.api_key}


def wrong(issued: Any) -> str:
    """A key that differs from a good one in its last character."""
    beginning, last = issued.api_key[:-1], issued.api_key[-1]
    return str(beginning + ("y" if last == "x" else "x"))


class Cast:
    """Tokens by what is the matter with them."""

    def __init__(self, issue: Any, acme: Any, actor: Any) -> None:
        self.good = issue(scopes=["notes:read"])
        self.writer = issue(scopes=["notes:read", "notes:write"])
        self.bare = issue(scopes=[])
        self.expired = issue(expires_at=timezone.now() + timedelta(hours=1))
        type(self.expired.token).objects.filter(pk=self.expired.token.pk).update(
            created_at=timezone.now() - timedelta(hours=2),
            expires_at=timezone.now() - timedelta(hours=1),
        )
        self.revoked, self.disabled, self.elsewhere = issue(), issue(), issue()
        revoke_token(actor=actor, token=self.revoked.token)
        disable_token(actor=actor, token=self.disabled.token)
        update_token(actor=actor, token=self.elsewhere.token, allowed_networks=["198.51.100.0/24"])
        for name, dialect, scopes in (
            ("cms", "cms", ["files:read"]),
            ("guarded", "guarded", ["notes:read"]),
        ):
            workspace = Workspace.objects.create(
                organization=acme, slug=name, name=name, dialect=dialect, environment="development"
            )
            setattr(self, name, issue(workspace=workspace, scopes=scopes))


Row = tuple[str, str, Callable[[Any], dict[str, str]]]
ROWS: dict[str, Row] = {
    "a key": ("GET", "notes", lambda c: key(c.good)),
    "a Bearer key": ("GET", "notes", lambda c: {"Authorization": f"Bearer {c.good.api_key}"}),
    "Basic": ("GET", "notes", lambda c: headers_of(c.good, "Basic")),
    "HEAD": ("HEAD", "notes", lambda c: key(c.good)),
    "no credential": ("GET", "notes", lambda c: {}),
    "no credential, by HEAD": ("HEAD", "notes", lambda c: {}),
    "an empty header": ("GET", "notes", lambda c: {"X-API-Key": ""}),
    "a page without a credential": ("GET", "notes", lambda c: PAGE),
    "a malformed key": ("GET", "notes", lambda c: {"X-API-Key": "ak_prod_bad"}),
    "a wrong secret": ("GET", "notes", lambda c: {"X-API-Key": wrong(c.good)}),
    "another scheme": ("GET", "notes", lambda c: {"Authorization": "Digest abc"}),
    "two credentials": ("GET", "notes", lambda c: {**key(c.good), **headers_of(c.good, "Basic")}),
    "a header sent twice": (
        "GET",
        "notes",
        lambda c: {"X-API-Key": f"{c.good.api_key}, {c.good.api_key}"},
    ),
    "an expired key": ("GET", "notes", lambda c: key(c.expired)),
    "a revoked key": ("GET", "notes", lambda c: key(c.revoked)),
    "a disabled key": ("GET", "notes", lambda c: key(c.disabled)),
    "an address off the list": ("GET", "notes", lambda c: key(c.elsewhere)),
    "a scope that is missing": ("GET", "both", lambda c: key(c.good)),
    "both scopes": ("GET", "both", lambda c: key(c.writer)),
    "one of two scopes": ("GET", "either", lambda c: key(c.writer)),
    "none of two scopes": ("GET", "either", lambda c: key(c.good)),
    "no scope at all": ("GET", "notes", lambda c: key(c.bare)),
    "a method's scope": ("POST", "method", lambda c: key(c.writer)),
    "HEAD as GET": ("HEAD", "method", lambda c: key(c.good)),
    "a method's scope that is missing": ("POST", "method", lambda c: key(c.good)),
    "another dialect's key": ("GET", "files", lambda c: {"X-Cms-Key": c.good.api_key}),
    "a carrier of another dialect": ("GET", "files", lambda c: key(c.cms)),
    "a key of a dialect": ("GET", "files", lambda c: {"X-Cms-Key": c.cms.api_key}),
    "a foreign page": ("GET", "files", lambda c: {"X-Cms-Key": c.cms.api_key, **STRANGE}),
    "a page of our own": ("GET", "open", lambda c: PAGE),
    "nobody's page": ("GET", "open", lambda c: {}),
    "a foreign page without a key": ("GET", "open", lambda c: STRANGE),
    "a bad key where none is needed": ("GET", "open", lambda c: {"X-Cms-Key": "fcms_1", **PAGE}),
    "everyone": ("GET", "everyone", lambda c: {}),
    "everyone with a key": ("GET", "everyone", lambda c: key(c.good)),
    "everyone with a key without the scope": ("GET", "everyone", lambda c: key(c.bare)),
    "a kind of its own": ("GET", "purge", lambda c: key(c.good)),
    "any dialect": (
        "GET",
        "any",
        lambda c: {"Authorization": f"Bearer {c.cms.api_key}"},
    ),
    "a rule of the API": ("GET", "guarded", lambda c: key(c.guarded)),
    "a rule of the API that holds": (
        "GET",
        "guarded",
        lambda c: {**key(c.guarded), "X-Client-Verify": "SUCCESS"},
    ),
}


@pytest.fixture
def cast(issue: Any, acme: Any, actor: Any, settings: Any) -> Cast:
    apis.say(settings, DIALECTS=faces.DIALECTS)
    settings.MIDDLEWARE = ["apikeys.middleware.AccessTokenMiddleware"]
    return Cast(issue, acme, actor)


def through(face: str, row: Row, cast: Cast, *, secure: bool = True, times: int = 1) -> list[Any]:
    """Send a request some times; return what came back and what was counted."""
    method, kind, headers = row
    reset_limits()
    usage._buffer = usage.Buffer()
    server, name = face.split()
    found: list[Any] = []
    for _ in range(times):
        if server == "bare":
            answer = async_to_sync(bare)(kind, method, headers(cast), secure)
        elif server == "ASGI":
            answer = async_to_sync(ask)(method, f"/{name}/{kind}", headers(cast), secure)
        else:
            answer = Client().generic(
                method, f"/{name}/{kind}", headers=headers(cast), secure=secure
            )
        told = {header: answer.headers.get(header) for header in TOLD}
        if answer.status_code >= 400:
            told["Content-Type"] = answer.headers["Content-Type"]
        found.append((answer.status_code, told, answer.content))
    counted = usage._buffer._batch
    last = {use.token_pk: (at.address, at.agent) for use, at in counted.last.items()}
    return [*found, dict(counted.uses), dict(counted.refusals), last]


async def ask(method: str, path: str, headers: dict[str, str], secure: bool) -> Any:
    """Ask Django under ASGI."""
    return await AsyncClient().generic(method, path, headers=headers, secure=secure)  # type: ignore[misc]


async def bare(kind: str, method: str, headers: dict[str, str], secure: bool) -> Any:
    """Ask the ASGI face as a server would."""
    scheme = "https" if secure else "http"
    scope = asgi.http_scope(headers, method=method, scheme=scheme, path=f"/bare/{kind}")
    start, body = await asgi.ask(faces.asgi_app(kind), scope)
    # What a server does with the body of an answer to HEAD.
    answer = HttpResponse(b"" if method == "HEAD" else body, status=start["status"])
    for name, value in start["headers"]:
        answer.headers[name.decode()] = value.decode()
    return answer


def compare(face: str, row: Row, cast: Cast, **how: Any) -> tuple[list[Any], list[Any]]:
    with time_machine.travel(timezone.now(), tick=False):
        return through(face, row, cast, **how), through("WSGI drf", row, cast, **how)


def agrees(face: str, row: Row, cast: Cast, **how: Any) -> list[Any]:
    found, expected = compare(face, row, cast, **how)
    assert found == expected
    return found


@pytest.mark.parametrize("face", FACES)
def test_every_face_gives_the_same_answer(face: str, cast: Cast) -> None:
    for name, row in ROWS.items():
        found, expected = compare(face, row, cast)
        differences = [pair for pair in zip(found, expected, strict=True) if pair[0] != pair[1]]
        assert not differences, name


@pytest.mark.parametrize("face", FACES)
def test_a_key_in_the_clear_is_refused_alike(face: str, cast: Cast) -> None:
    first = agrees(face, ROWS["a key"], cast, secure=False)[0]
    assert first[0] == 403


@pytest.mark.parametrize("face", FACES)
def test_limits_are_counted_and_told_alike(face: str, cast: Cast) -> None:
    for row, statuses in {
        "a key": [200, 200, 429],
        "a page of our own": [200, 200, 429],
        "a kind of its own": [200, 429, 429],
    }.items():
        found = agrees(face, ROWS[row], cast, times=3)
        assert [each[0] for each in found[:3]] == statuses


@pytest.mark.parametrize("face", FACES)
def test_too_many_failures_are_told_alike(face: str, cast: Cast, settings: Any) -> None:
    apis.say(settings, LIMITS={**conf.get().limits, "failed_credentials": "2/minute"})
    found = agrees(face, ROWS["a malformed key"], cast, times=3)
    assert [each[0] for each in found[:3]] == [401, 401, 429]


@pytest.mark.parametrize("face", FACES)
def test_a_database_that_is_gone_is_told_alike(
    face: str, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(verify, "find", gone)
    first = agrees(face, ROWS["a key"], cast)[0]
    assert (first[0], first[1]["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("face", FACES)
def test_the_cached_mode_gives_the_same_answers(face: str, epoch: Any, cast: Cast) -> None:
    for row in ("a key", "a scope that is missing", "an expired key", "a rule of the API"):
        agrees(face, ROWS[row], cast, times=2)
