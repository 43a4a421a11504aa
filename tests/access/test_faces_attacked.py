"""What an attacker tried on the faces without DRF: methods, caches, races, frames, odd answers."""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.http import Http404, HttpResponse
from django.test import AsyncClient, AsyncRequestFactory, Client, RequestFactory
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import cache_page
from ninja import NinjaAPI
from ninja.decorators import decorate_view
from ninja.security import APIKeyHeader

from apikeys.access import Endpoint, Incoming, acheck, check
from apikeys.activity import usage
from apikeys.asgi import AccessTokenRequired
from apikeys.checks.views import check_views
from apikeys.decorators import access_token_required
from apikeys.dialects import DefaultDialect
from apikeys.limits import Limit
from apikeys.models import UsageCounter, Workspace
from apikeys.ninja import AccessTokenAuth, install
from apikeys.restrictions import Face
from tests.support import apis
from tests.support.asgi import ask, empty, http_scope

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls(__name__),
    pytest.mark.usefixtures("limits_in_memory"),
]
OURS = "apikeys.middleware.AccessTokenMiddleware"
WRITTEN: list[str] = []


@access_token_required("notes:write")
def plain(request: Any) -> HttpResponse:
    return HttpResponse(request.method)


@access_token_required(
    {"GET": "notes:read", "POST": "notes:write"}, limits=[Limit("1/hour", on="write")]
)
def writing(request: Any) -> HttpResponse:
    if request.method != "GET":
        WRITTEN.append(request.method)
    return HttpResponse(request.method)


@access_token_required(any_dialect=True)
async def of_any_dialect(request: Any) -> HttpResponse:
    return HttpResponse("in")


@access_token_required("notes:read")
def restricted(request: Any) -> HttpResponse:
    return HttpResponse("in")


class Legacy(APIKeyHeader):
    """A host's own key, which comes first."""

    param_name = "X-Legacy"

    def authenticate(self, request: Any, key: str | None) -> str | None:
        return key if key in ("alice", "bob") else None


api = install(NinjaAPI(urls_namespace="attacked", docs_url=None, openapi_url=None))


@api.get("/mixed", auth=[Legacy(), AccessTokenAuth("notes:read")])
@decorate_view(cache_page(60))
def mixed(request: Any) -> dict[str, str]:
    return {"for": str(request.auth)}


@api.get("/open", auth=AccessTokenAuth(anonymous="everyone"))
@decorate_view(cache_page(60))
def open_to_all(request: Any) -> HttpResponse:
    return HttpResponse("for nobody")


bare_api = NinjaAPI(urls_namespace="bare", docs_url=None, openapi_url=None)


@bare_api.get("/notes", auth=AccessTokenAuth("notes:read"))
def in_other_words(request: Any) -> dict[str, str]:
    return {}


class Misspelt(View):
    @method_decorator(access_token_required("notes:misspelt"))
    def get(self, request: Any) -> HttpResponse:
        return HttpResponse()


urlpatterns = [
    path("plain", plain),
    path("writing", writing),
    path("any", of_any_dialect),
    path("restricted", restricted),
    path("ninja/", api.urls),
    path("bare-ninja/", bare_api.urls),
    path("misspelt", Misspelt.as_view()),
    path("around-drf", access_token_required("notes:unheard")(apis.Protected.as_view())),
]


@pytest.fixture
def web(settings: Any) -> Client:
    settings.MIDDLEWARE = [OURS]
    return Client()


@pytest.fixture
def cms(issue: Any, settings: Any, acme: Any) -> dict[str, str]:
    """A key of a dialect that refuses pages of strangers."""
    apis.say(settings, DIALECTS={"cms": "tests.support.apis.Cms"})
    workspace = Workspace.objects.create(
        organization=acme, slug="cms", name="cms", dialect="cms", environment="development"
    )
    return {"Authorization": f"Bearer {issue(workspace=workspace, scopes=[]).api_key}"}


def key(issued: Any) -> dict[str, str]:
    return {"X-API-Key": issued.api_key}


# Methods


def test_options_is_a_method_like_others(web: Client, issue: Any) -> None:
    bare, writer = key(issue(scopes=[])), key(issue(scopes=["notes:write"]))
    assert web.options("/plain", headers=bare, secure=True).status_code == 403
    assert web.options("/plain", headers=writer, secure=True).content == b"OPTIONS"
    for method in ("OPTIONS", "PURGE"):
        answer = web.generic(method, "/writing", headers=writer, secure=True)
        assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")
        assert answer.headers["Allow"] == "GET, POST"
    assert WRITTEN == []


def test_the_asgi_face_judges_a_method_as_the_application_sees_it(issue: Any) -> None:
    issued = issue(scopes=["notes:read", "notes:write"])
    for method, refusal in (("GET", None), ("gEt", "method_not_allowed")):
        scope = http_scope(key(issued), method=method)
        endpoint = Endpoint(scopes={"GET": "notes:read"})
        problem = check(Incoming.from_scope(scope), endpoint).problem
        assert (problem and problem.code) == refusal


@pytest.mark.parametrize("scopes", [(None,), ({},), ([],), ("",), ("a b",), (plain,)])
def test_what_says_no_scope_is_refused_where_it_is_written(scopes: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        access_token_required(*scopes)


# Caches


def test_ninjas_page_cache_keeps_nothing_of_another_authenticator(web: Client, issue: Any) -> None:
    def get(headers: dict[str, str]) -> Any:
        return web.get("/ninja/mixed", headers=headers, secure=True)

    assert get({"X-Legacy": "alice"}).json() == {"for": "alice"}
    assert get({"X-Legacy": "bob"}).json() == {"for": "bob"}
    assert get({}).status_code == 401
    issued = issue()
    assert get(key(issued)).json() == {"for": str(issued.token)}
    assert get({}).status_code == 401


def test_what_nobody_is_answered_is_not_given_to_a_bad_key(web: Client) -> None:
    assert web.get("/ninja/open", secure=True).content == b"for nobody"
    bad = web.get("/ninja/open", headers={"X-API-Key": "ak_prod_bad"}, secure=True)
    assert bad.status_code == 401


# The fast path of the event loop


@pytest.mark.django_db(transaction=True)
def test_what_is_remembered_may_end_between_two_looks(issue: Any, epoch: Any) -> None:
    issued = issue()
    endpoint = Endpoint(scopes="notes:read")
    stop = threading.Event()

    def bump() -> None:
        while not stop.wait(0.001):
            epoch.bump()

    async def ask() -> list[bool]:
        found = []
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            request = AsyncRequestFactory().get("/", headers=key(issued), secure=True)
            access = await acheck(Incoming.from_django(request), endpoint, alone=True)
            found.append(access.allowed)
        return found

    thread = threading.Thread(target=bump)
    thread.start()
    try:
        assert set(asyncio.run(ask())) == {True}
    finally:
        stop.set()
        thread.join()


class Asking:
    """A restriction that asks the database."""

    def objection(self, token: Any, facts: Any) -> Face | None:
        assert UsageCounter.objects.count() == 0
        return None


class AskingDialect(apis.Cms):
    restrictions = (Asking(),)


@pytest.mark.django_db(transaction=True)
def test_restrictions_of_a_tokens_own_dialect_run_off_the_loop(
    cms: dict[str, str], settings: Any, epoch: Any
) -> None:
    apis.say(settings, DIALECTS={"cms": f"{__name__}.AskingDialect"})
    settings.MIDDLEWARE = [OURS]
    for _ in range(3):
        answer = async_to_sync(AsyncClient().get)("/any", headers=cms, secure=True)
        assert answer.status_code == 200


def test_any_dialect_refuses_the_foreign_pages_that_the_tokens_own_refuses(
    web: Client, cms: dict[str, str]
) -> None:
    page = {"Origin": "https://elsewhere.example"}
    assert web.get("/any", headers=cms, secure=True).status_code == 200
    foreign = web.get("/any", headers={**cms, **page}, secure=True)
    assert (foreign.status_code, foreign.json()["error"]) == (403, "origin.not_allowed")
    assert "Origin" in foreign.headers["Vary"]


# Restrictions


class Odd:
    """Answers what a test wants."""

    answer: Any = None

    def objection(self, token: Any, facts: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [*(Face(status, "a", "b") for status in (200, 304, 401, 700)), "no", False, Http404()],
    ids=repr,
)
def test_what_is_no_objection_is_a_fault_and_lets_nobody_in(
    web: Client, issue: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    monkeypatch.setattr(DefaultDialect, "restrictions", (Odd(),))
    monkeypatch.setattr(Odd, "answer", answer)
    web.raise_request_exception = False
    assert web.get("/restricted", headers=key(issue()), secure=True).status_code == 500


# Secrets


@pytest.mark.django_db(transaction=True)
def test_no_frame_shows_the_secret_when_the_inner_application_fails(issue: Any) -> None:
    issued = issue()

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("inner")

    app = AccessTokenRequired(failing, "notes:read")
    with pytest.raises(RuntimeError, match="inner") as caught:
        async_to_sync(app)(http_scope(key(issued)), None, None)
    shown = [
        repr(frame.f_locals)
        for frame, _line in traceback.walk_tb(caught.tb)
        if frame.f_code.co_filename.endswith("asgi.py")
    ]
    assert shown
    assert issued.secret not in "".join(shown)
    usage.flush()
    assert [row.outcome for row in UsageCounter.objects.all()] == ["server_error"]


def test_no_credential_is_left_when_no_view_takes_it(issue: Any) -> None:
    issued = issue()
    request = RequestFactory().get("/", headers=key(issued), secure=True)
    refused = check(Incoming.from_django(request), Endpoint(scopes={"POST": "notes:read"}))
    assert (refused.problem.code, refused.taken) == ("method_not_allowed", ())
    request = RequestFactory().get("/", headers=key(issued), secure=True)
    with pytest.raises(Exception, match="no dialect"):
        check(Incoming.from_django(request), Endpoint(dialect="unheard-of"))
    assert issued.secret not in repr(request.META)


# Odd requests and answers of an ASGI application


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("status", [200, 600])
def test_counting_breaks_no_answer(
    issue: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any, status: int
) -> None:
    def fail(*args: Any) -> None:
        raise KeyError("limits")

    monkeypatch.setattr(DefaultDialect, "limit_headers", fail)

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = AccessTokenRequired(inner, "notes:read", limits=[Limit("9/minute")])
    start, _body = async_to_sync(ask)(app, http_scope(key(issue())))
    assert start["status"] == status
    assert "after a request to /" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_query_that_is_no_text_is_no_fault(issue: Any) -> None:
    odd = http_scope(key(issue()), query_string=b"\xff")
    start, _body = async_to_sync(ask)(AccessTokenRequired(empty, "notes:read"), odd)
    assert start["status"] == 200


@pytest.mark.django_db(transaction=True)
def test_a_host_that_is_not_ours_is_told_where_pages_are_compared_with_it(
    cms: dict[str, str],
) -> None:
    scope = http_scope({**cms, "Origin": "https://a.example"})
    scope["headers"][0] = (b"host", b"not ours")
    start, body = async_to_sync(ask)(AccessTokenRequired(empty, dialect="cms"), scope)
    assert (start["status"], body) == (
        400,
        b'{"message":"The request can\'t be understood.","fields":{}}',
    )


@pytest.mark.django_db(transaction=True)
def test_a_synchronous_caller_keeps_its_transaction(issue: Any) -> None:
    app, scope = AccessTokenRequired(empty, "notes:read"), http_scope(key(issue()))
    with transaction.atomic():
        assert async_to_sync(ask)(app, scope)[0]["status"] == 200
        assert UsageCounter.objects.count() == 0
    assert connection.is_usable()


def test_nobody_is_let_in_to_what_is_not_known() -> None:
    with pytest.raises(ValueError, match="webtransport"):
        async_to_sync(AccessTokenRequired(empty))({"type": "webtransport"}, None, None)


# Checks


def test_the_checks_see_decorated_handlers_and_decorated_drf_views() -> None:
    text = "\n".join(message.msg for message in check_views(None))
    assert f"{__name__}.Misspelt.get (GET /misspelt) needs notes:misspelt" in text
    assert "(GET /around-drf) needs notes:unheard" in text
    assert f"{__name__}.in_other_words (GET /bare-ninja/notes) refuses in words" in text
    assert "mixed (GET /ninja/mixed) refuses in words" not in text
