"""What each answer of a view that takes keys tells caches: `Vary` and `Cache-Control`."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import OperationalError
from django.http import HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.vary import vary_on_headers
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.versioning import AcceptHeaderVersioning
from rest_framework.views import APIView

from apikeys.authentication import AccessTokenAuthentication
from apikeys.credentials.carriers import Basic, Bearer, Header
from apikeys.dialects import Dialect
from apikeys.verification import verify
from tests.support import apis
from tests.support.apis import Protected, say

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.access.test_cache_headers"),
    pytest.mark.usefixtures("limits_in_memory"),
]

CARRIERS = {"x-api-key", "authorization"}


class Says(Protected):
    """Says itself what a cache may do."""

    def get(self, request: Any, said: str = "", **kwargs: Any) -> Response:
        status = int(request.query_params.get("status", 200))
        return Response({}, status=status, headers={"Cache-Control": said} if said else {})


class Varies(Protected):
    def get(self, request: Any, **kwargs: Any) -> Any:
        return HttpResponse("text", headers={"Vary": "Authorization, Accept-Language"})


class VariesOnAll(Protected):
    def get(self, request: Any, **kwargs: Any) -> Any:
        return HttpResponse("text", headers={"Vary": "*"})


class Versioned(Protected):
    class versioning_class(AcceptHeaderVersioning):  # noqa: N801 - DRF's name
        allowed_versions = ("1",)


class FirstParty(Protected):
    anonymous_access = "first_party"


class Second(Protected):
    authentication_classes = [SessionAuthentication, AccessTokenAuthentication]
    permission_classes = [AllowAny]
    scopes_not_needed = True

    def get(self, request: Any, **kwargs: Any) -> Any:
        return Response({"user": str(request.user)})


class Both(Protected):
    authentication_classes = [apis.CmsAuthentication, AccessTokenAuthentication]
    scopes_not_needed = True


class Lazy(Protected):
    """Asks for a credential when the handler first does, as DRF allows."""

    permission_classes = [AllowAny]

    def perform_authentication(self, request: Any) -> None:
        pass

    def get(self, request: Any, **kwargs: Any) -> Any:
        return JsonResponse({"for": "everybody"})


class OwnFinish(Protected):
    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["X-Finished"] = "yes"
        return response


class NotOurs(APIView):
    authentication_classes: Any = []
    permission_classes = [AllowAny]

    def get(self, request: Any) -> Response:
        return Response({})


urlpatterns = [
    *apis.urlpatterns,
    path("says", Says.as_view()),
    path("says/<str:said>", Says.as_view()),
    path("varies", Varies.as_view()),
    path("varies-on-all", VariesOnAll.as_view()),
    path("varying", vary_on_headers("Accept-Language")(Varies.as_view())),
    path("versioned", Versioned.as_view()),
    path("first-party", FirstParty.as_view()),
    path("second", Second.as_view()),
    path("both", Both.as_view()),
    path("lazy", Lazy.as_view()),
    path("own-finish", OwnFinish.as_view()),
    path("not-ours", NotOurs.as_view()),
    path("said-here", NotOurs.as_view(authentication_classes=[AccessTokenAuthentication])),
    path("access/", include("apikeys.api.urls")),
]


@pytest.fixture(autouse=True)
def dialects(settings):
    say(settings, DIALECTS=apis.DIALECTS)


def vary(response) -> set[str]:
    return {name.strip().lower() for name in response.get("Vary", "").split(",")} - {""}


@pytest.mark.parametrize(
    ("method", "address", "headers", "status", "kept"),
    [
        ("get", "/protected", {}, 200, "private"),
        ("head", "/protected", {}, 200, "private"),
        ("options", "/protected", {}, 200, "private"),
        ("get", "/failing/validation", {}, 400, "no-store"),
        ("get", "/failing/fault", {}, 500, "no-store"),
        ("get", "/failing/missing", {}, 404, "no-store"),
        ("get", "/failing/conflict", {}, 409, "no-store"),
        ("get", "/notes/00000000-0000-0000-0000-000000000000", {}, 404, "no-store"),
        ("get", "/undeclared", {}, 403, "no-store"),
        ("get", "/explicit", {}, 403, "no-store"),
        ("delete", "/only-get", {}, 405, "no-store"),
        ("get", "/protected", {"Accept": "image/png"}, 406, "no-store"),
        ("get", "/versioned", {"Accept": "application/json; version=x"}, 406, "no-store"),
        ("get", "/says", {}, 200, "private"),
        ("get", "/says?status=404", {}, 404, "no-store"),
        ("get", "/says?status=302", {}, 302, "private"),
        ("get", "/own-finish", {}, 200, "private"),
        ("get", "/beside", {}, 200, "private"),
        ("get", "/lazy", {}, 200, "private"),
        ("get", "/second", {}, 200, "private"),
        ("get", "/said-here", {}, 403, "no-store"),
        ("get", "/access/v1/token", {}, 200, "no-store"),
        ("get", "/access/v1/organizations", {}, 403, "no-store"),
        ("get", "/access/v1/token", {"Accept": "image/png"}, 406, "no-store"),
    ],
)
def test_an_answer_to_a_key_names_the_headers_of_its_carriers_and_is_kept_from_others(
    api, issue, method, address, headers, status, kept
):
    api.raise_request_exception = False
    response = getattr(api.key(issue()), method)(address, headers=headers)
    assert response.status_code == status
    assert response.get("Cache-Control") == kept
    assert vary(response) >= CARRIERS


@pytest.mark.parametrize(
    ("address", "headers", "status", "kept"),
    [
        ("/protected", {}, 401, "no-store"),
        ("/protected", {"X-API-Key": "***"}, 401, "no-store"),
        ("/protected", {"X-API-Key": "a", "Authorization": "Bearer b"}, 400, "no-store"),
        ("/protected", {"Accept": "image/png"}, 406, "no-store"),
        ("/open-notes", {}, 200, None),
        ("/lazy", {}, 200, None),
        ("/second", {}, 200, None),
        ("/access/v1/token", {}, 401, "no-store"),
        ("/access/v1/organizations", {}, 401, "no-store"),
    ],
)
def test_an_answer_to_nobody_names_them_too(api, address, headers, status, kept):
    response = api.get(address, headers=headers)
    assert response.status_code == status
    assert response.get("Cache-Control") == kept
    assert vary(response) >= CARRIERS


def test_a_throttled_answer_is_kept_by_nobody(api, issue):
    api.key(issue())
    answers = [api.get("/limited") for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert [a["Cache-Control"] for a in answers] == ["private"] * 3 + ["no-store"]
    assert all(vary(a) >= CARRIERS for a in answers)


@pytest.mark.parametrize("said", ["public, max-age=60", "max-age=60", "no-cache", "no-store"])
@pytest.mark.parametrize("status", [200, 404])
def test_the_view_s_own_word_stays(api, issue, said, status):
    response = api.key(issue()).get(f"/says/{said}?status={status}")
    assert response["Cache-Control"] == said
    assert vary(response) >= CARRIERS


def test_a_view_s_own_vary_is_kept_and_nothing_is_named_twice(api, issue):
    api.key(issue())
    assert api.get("/protected")["Vary"] == "X-API-Key, Authorization"
    expected = "Authorization, Accept-Language, X-API-Key"
    assert api.get("/varies")["Vary"] == expected
    assert api.get("/varying")["Vary"] == expected
    assert api.get("/varies-on-all")["Vary"] == "*"


def test_each_dialect_names_its_own_headers(api):
    assert vary(api.get("/files")) >= {"x-cms-key", "authorization"}
    assert "x-api-key" not in vary(api.get("/files"))
    assert vary(api.get("/both")) >= {"x-cms-key", "authorization", "x-api-key"}


def test_a_header_is_named_as_its_dialect_spells_it():
    class Own(Dialect):
        carriers = (Header("X-OWN-Key"), Basic(), Bearer())

    class Odd(Dialect):
        carriers = (type("Odd", (), {"meta_key": "HTTP_X_ODD_KEY", "label": "Odd"})(), Bearer())

    assert Own().vary == ("X-OWN-Key", "Authorization")
    assert Odd().vary == ("X-Odd-Key", "Authorization")


def test_where_pages_of_strangers_are_refused_the_page_is_named(api):
    assert vary(api.get("/files")) >= {"origin", "sec-fetch-site"}
    assert "origin" not in vary(api.get("/protected"))


@pytest.mark.parametrize(("site", "status"), [("same-origin", 200), ("cross-site", 401)])
def test_where_first_party_pages_alone_need_no_key_the_page_is_named(api, site, status):
    response = api.get("/first-party", headers={"Sec-Fetch-Site": site})
    assert response.status_code == status
    assert vary(response) >= {*CARRIERS, "origin", "sec-fetch-site"}


def test_a_session_s_answer_names_the_carriers_and_is_private_with_an_unread_key_or_without(
    client, alice, issue
):
    client.force_login(alice)
    plain = client.get("/second")
    assert plain.json() == {"user": str(alice)}
    assert vary(plain) >= CARRIERS
    assert plain["Cache-Control"] == "private"
    assert client.get("/second", headers={"X-API-Key": "x"})["Cache-Control"] == "private"
    managed = client.get("/access/v1/organizations")
    assert (managed.status_code, managed["Cache-Control"]) == (200, "no-store")
    assert vary(managed) >= CARRIERS


def test_a_refusal_of_the_second_authenticator_has_its_challenge(api):
    response = api.get("/second", headers={"X-API-Key": "wrong"})
    assert response.status_code == 401
    assert 'ApiKey realm="api"' in response["WWW-Authenticate"]
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("debug", [True, False], ids=["DEBUG", "production"])
def test_a_fault_and_an_outage_are_kept_by_nobody(api, issue, settings, monkeypatch, debug):
    settings.DEBUG = debug
    api.raise_request_exception = False
    key = issue()
    assert api.key(key).get("/failing/fault")["Cache-Control"] == "no-store"

    def fail(*args, **kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr(verify, "find", fail)
    response = api.get("/protected")
    assert (response.status_code, response["Cache-Control"]) == (503, "no-store")
    assert vary(response) >= CARRIERS


def test_an_outage_around_the_view_is_kept_by_nobody(api, issue, monkeypatch):
    key = issue()

    def fail(*args, **kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr(Protected, "dispatch", fail)
    response = api.key(key).get("/protected")
    assert (response.status_code, response["Cache-Control"]) == (503, "no-store")
    assert vary(response) >= CARRIERS


def test_what_is_not_ours_is_left_alone(api, issue):
    for address in ("/not-ours", "/foreign"):
        response = api.key(issue()).get(address)
        assert "Cache-Control" not in response
        assert vary(response) <= {"accept", "cookie", "origin"}


def test_the_view_is_finished_inside_where_everything_around_it_can_see(rf, issue):
    """Without any middleware: a decorator around the view sees as much."""
    http = rf.get("/", headers={"X-API-Key": issue().api_key}, secure=True)
    SessionMiddleware(lambda request: HttpResponse())(http)
    response = OwnFinish.as_view()(http)
    assert response["X-Finished"] == "yes"
    assert response["Cache-Control"] == "private"
    assert vary(response) >= CARRIERS
