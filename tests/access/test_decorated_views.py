"""Access tokens on Django's own views: what DRF's table of requests does not show."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import SyncToAsync, async_to_sync, iscoroutinefunction
from django.db import OperationalError
from django.http import Http404, HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.urls import path
from django.views.decorators.cache import cache_page

from apikeys.access import Endpoint, Incoming, check
from apikeys.activity import usage
from apikeys.checks.caches import check_caches
from apikeys.checks.views import check_views
from apikeys.decorators import access_token_required
from apikeys.endpoints import declared_limits, token_endpoints
from apikeys.limits import Limit
from apikeys.models import RefusalCounter, UsageCounter
from apikeys.permissions import any_of
from tests.support import apis

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls(__name__),
    pytest.mark.usefixtures("limits_in_memory"),
]
OURS = "apikeys.middleware.AccessTokenMiddleware"


@access_token_required("notes:read", limits=[Limit("9/minute", name="reads")])
def notes(request: Any) -> HttpResponse:
    """Say whose request it is."""
    return HttpResponse(f"{request.auth.token_id} {request.user.pk}")


@access_token_required("notes:read")
async def anotes(request: Any) -> HttpResponse:
    return HttpResponse(f"{request.auth.token_id}")


@access_token_required({"GET": "notes:read", "POST": any_of("notes:write", "notes:delete")})
def by_method(request: Any) -> HttpResponse:
    return HttpResponse(request.method)


@access_token_required(anonymous="everyone")
def everybody(request: Any) -> HttpResponse:
    return HttpResponse(str(request.auth))


@access_token_required("notes:read")
def failing(request: Any) -> HttpResponse:
    raise {"gone": OperationalError("gone"), "missing": Http404()}[request.GET["how"]]


@access_token_required("notes:misspelt")
def misspelt(request: Any) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("notes", notes),
    path("anotes", anotes),
    path("by-method", by_method),
    path("everybody", everybody),
    path("failing", failing),
    path("cached", cache_page(60)(notes)),
    path("cached-inside", access_token_required("notes:read")(cache_page(60)(notes.__wrapped__))),
    path("misspelt", misspelt),
    path("drf", apis.Protected.as_view()),
]


@pytest.fixture
def web(settings: Any) -> Client:
    settings.MIDDLEWARE = ["django.middleware.csrf.CsrfViewMiddleware", OURS]
    return Client(enforce_csrf_checks=True)


def get(client: Client, path: str, key: str | None = None) -> Any:
    return client.get(path, headers={"X-API-Key": key} if key else {}, secure=True)


def test_the_view_knows_the_token_and_who_acts(web: Client, issue: Any, bob: Any) -> None:
    issued = issue()
    token_id = issued.token.token_id
    assert get(web, "/notes", issued.api_key).content.decode() == f"{token_id} token:{token_id}"
    personal = issue(kind="personal", owner=bob)
    found = get(web, "/notes", personal.api_key).content.decode()
    assert found == f"{personal.token.token_id} {bob.pk}"


def test_use_and_refusals_are_counted(web: Client, issue: Any) -> None:
    assert get(web, "/notes", issue().api_key).status_code == 200
    assert get(web, "/notes", issue(scopes=[]).api_key).status_code == 403
    usage.flush()
    assert sorted((row.outcome, row.count) for row in UsageCounter.objects.all()) == [
        ("refused", 1),
        ("success", 1),
    ]
    assert [row.reason for row in RefusalCounter.objects.all()] == ["scope.insufficient"]


def test_a_key_needs_no_csrf_token_and_a_session_does(web: Client, issue: Any) -> None:
    headers = {"X-API-Key": issue(scopes=["notes:write"]).api_key}
    assert web.post("/by-method", headers=headers, secure=True).status_code == 200
    assert web.post("/by-method", secure=True).status_code == 401
    # What answers without a key may look at a cookie.
    assert web.post("/everybody", secure=True).status_code == 403
    assert web.get("/everybody", secure=True).content == b"None"


@pytest.mark.parametrize("path", ["/cached", "/cached-inside"])
def test_a_page_cache_gives_nobody_the_answer_of_another(
    web: Client, issue: Any, path: str
) -> None:
    first, second = issue(), issue()
    for issued in (first, second, first):
        answer = get(web, path, issued.api_key)
        assert answer.content.decode().startswith(issued.token.token_id)
        assert answer.headers["Cache-Control"] == "private"
        assert answer.headers["Vary"] == "X-API-Key, Authorization"
    assert get(web, path).status_code == 401
    assert get(web, path, "***").status_code == 401


def test_errors_of_the_view_itself_are_marked_and_an_outage_is_said(
    web: Client, issue: Any
) -> None:
    key = issue().api_key
    missing = get(web, "/failing?how=missing", key)
    assert missing.status_code == 404
    assert missing.headers["Cache-Control"] == "no-store"
    assert "X-API-Key" in missing.headers["Vary"]
    gone = get(web, "/failing?how=gone", key)
    assert (gone.status_code, gone.headers["Retry-After"]) == (503, "5")
    assert gone.json()["error"] == "service.unavailable"


def test_it_marks_coroutines_as_they_are() -> None:
    assert iscoroutinefunction(anotes)
    assert not iscoroutinefunction(notes)
    assert notes.__name__ == "notes"
    assert notes.__doc__ == "Say whose request it is."


@pytest.mark.django_db(transaction=True)
def test_an_async_view_takes_one_thread_and_none_once_its_key_is_remembered(
    settings: Any, issue: Any, monkeypatch: pytest.MonkeyPatch, epoch: Any
) -> None:
    settings.MIDDLEWARE = [OURS]
    hops: list[str] = []
    run = SyncToAsync.__call__

    async def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        hops.append(getattr(self.func, "__name__", "?"))
        return await run(self, *args, **kwargs)

    monkeypatch.setattr(SyncToAsync, "__call__", counted)
    headers = {"X-API-Key": issue().api_key}

    def ask() -> list[str]:
        hops.clear()
        answer = async_to_sync(AsyncClient().get)("/anotes", headers=headers, secure=True)
        assert answer.status_code == 200
        return [name for name in hops if name.startswith("_judge")]

    assert ask() == ["_judge"]
    assert ask() == []
    assert hops.count("_finish") == 0


def test_the_scope_of_the_request_shows_no_secret(issue: Any) -> None:
    issued, seen = issue(), []

    @access_token_required("notes:read")
    def view(request: Any) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    from django.test import AsyncRequestFactory

    for name, value in (
        ("X-API-Key", issued.api_key),
        ("Authorization", f"Bearer {issued.api_key}"),
    ):
        request = AsyncRequestFactory().get("/", headers={name: value}, secure=True)
        assert issued.secret in repr(request.headers) + repr(request.scope)
        assert view(request).status_code == 200
    for request in seen:
        assert issued.secret not in repr(request.scope) + repr(request.headers)
        assert issued.secret not in repr(vars(request))


def test_the_checks_see_decorated_views(settings: Any) -> None:
    text = "\n".join(message.msg for message in [*check_views(None), *check_caches(None)])
    assert f"{__name__}.misspelt (any method /misspelt) needs notes:misspelt" in text
    assert f"cache_page around {__name__}.notes (/cached) keeps no answer to a key." in text
    assert f"{__name__}.everybody (any method /everybody) answers without a key" in text


def test_the_list_of_endpoints_names_them_with_their_limits() -> None:
    found = {(each.route, each.method): each for each in token_endpoints()}
    assert found["notes", "any method"].name == f"{__name__}.notes"
    assert found["by-method", "POST"].asked.scopes_for("POST") == any_of(
        "notes:write", "notes:delete"
    )
    assert ("by-method", "DELETE") not in found
    assert found["drf", "GET"].view is not None
    assert [limit.name for limit in declared_limits(["default"])] == ["reads"]


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"scopes": "Notes Read"}, "Notes Read"),
        ({"scopes": set()}, "at least one scope"),
        ({"scopes": {"GET": "x y"}}, "x y"),
        ({"anonymous": "nobody"}, "anonymous='nobody'"),
    ],
)
def test_what_is_misspelt_is_refused_where_it_is_written(said: Any, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        Endpoint(**said)


def test_the_core_serves_code_of_no_framework(issue: Any) -> None:
    issued = issue()
    request = RequestFactory().get("/", headers={"X-API-Key": issued.api_key}, secure=True)
    access = check(Incoming.from_django(request), Endpoint(scopes="notes:read"))
    assert (access.allowed, access.token) == (True, issued.token)
    refused = check(Incoming.from_django(request), Endpoint(scopes="notes:write"))
    assert (refused.allowed, refused.problem.code) == (False, "scope.insufficient")
    assert issued.secret not in repr(access) + repr(refused)
