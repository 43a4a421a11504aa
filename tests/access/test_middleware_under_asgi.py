"""The middleware under ASGI: the same answers, and no thread for views that take no keys."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import SyncToAsync, async_to_sync, iscoroutinefunction
from django.db import OperationalError
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.urls import path

from apikeys.activity import usage
from apikeys.middleware import AccessTokenMiddleware
from apikeys.models import RefusalCounter, UsageCounter
from apikeys.verification import verify
from tests.support import apis

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls(__name__),
    pytest.mark.usefixtures("limits_in_memory"),
]
OURS = "apikeys.middleware.AccessTokenMiddleware"


async def bare(request: Any) -> HttpResponse:
    """A host's own view."""
    return HttpResponse("bare")


urlpatterns = [path("bare", bare), *apis.urlpatterns]


@pytest.fixture
def hops(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was run in a thread."""
    seen: list[str] = []
    run = SyncToAsync.__call__

    async def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(getattr(self.func, "__qualname__", repr(self.func)))
        return await run(self, *args, **kwargs)

    monkeypatch.setattr(SyncToAsync, "__call__", counted)
    return seen


def get(path: str, **headers: str) -> Any:
    return async_to_sync(AsyncClient().get)(path, headers=headers, secure=True)


def test_a_view_of_the_host_takes_no_thread_for_us(settings: Any, hops: list[str]) -> None:
    settings.MIDDLEWARE = []
    assert get("/bare").content == b"bare"
    without = list(hops)
    hops.clear()
    settings.MIDDLEWARE = [OURS]
    assert get("/bare").content == b"bare"
    assert hops == without


def test_it_is_what_its_next_one_is() -> None:
    assert not iscoroutinefunction(AccessTokenMiddleware(lambda request: HttpResponse()))
    assert iscoroutinefunction(AccessTokenMiddleware(bare))


@pytest.mark.parametrize("kind", ["good", "none", "bad", "limited", "wrong scope"])
def test_each_answer_is_the_one_under_wsgi(settings: Any, issue: Any, kind: str) -> None:
    settings.MIDDLEWARE = [OURS]
    apis.say(settings, DIALECTS=apis.DIALECTS)
    scopes = ["notes:read"] if kind != "wrong scope" else []
    key = {"none": None, "bad": "ak_prod_bad"}.get(kind, issue(scopes=scopes).api_key)
    headers = {"X-API-Key": key} if key else {}
    path = "/limited" if kind == "limited" else "/protected"
    here = get(path, **headers)
    there = Client().get(path, headers=headers, secure=True)
    assert (here.status_code, here.content) == (there.status_code, there.content)
    for name in ("Vary", "Cache-Control", "WWW-Authenticate", "RateLimit-Policy"):
        assert here.headers.get(name) == there.headers.get(name), name


def test_use_and_refusals_are_counted(settings: Any, issue: Any) -> None:
    settings.MIDDLEWARE = [OURS]
    assert (
        get("/protected", **{"X-API-Key": issue(scopes=["notes:read"]).api_key}).status_code == 200
    )
    assert get("/protected", **{"X-API-Key": "ak_prod_bad"}).status_code == 401
    usage.flush()
    assert [(row.outcome, row.count) for row in UsageCounter.objects.all()] == [("success", 1)]
    assert [row.reason for row in RefusalCounter.objects.all()] == ["credential.malformed"]


def test_a_database_that_is_gone_is_said_in_the_words_of_the_dialect(
    settings: Any, issue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MIDDLEWARE = [OURS]
    issued = issue(scopes=["notes:read"])

    def gone(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(verify, "find", gone)
    answer = get("/protected", **{"X-API-Key": issued.api_key})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
