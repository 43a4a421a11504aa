"""Django's cache where another authenticator stands beside ours: own answer or none.

A session, or a scheme of the host's own, answers before anybody has looked for a key.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import caches
from django.http import JsonResponse
from django.urls import path
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.response import Response

from apikeys.authentication import AccessTokenAuthentication
from apikeys.permissions import HasScope
from tests.access.test_django_caches import MINUTE, STORING, on_method
from tests.support.apis import Protected

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.access.test_caches_beside_sessions"),
    pytest.mark.usefixtures("limits_in_memory"),
]


class Badge(BaseAuthentication):
    """Knows people by a header that only the host knows."""

    def authenticate(self, request: Any) -> Any:
        name = request.headers.get("X-Badge")
        return (Holder(name), None) if name else None


class Holder:
    is_authenticated = True
    is_active = True

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return self.name


class Either(HasScope):
    """Lets in whom another authenticator knows, with no token at all."""

    def has_permission(self, request: Any, view: Any) -> bool:
        known = bool(request.user and request.user.is_authenticated)
        return (known and request.auth is None) or super().has_permission(request, view)


class SessionFirst(Protected):
    authentication_classes = [SessionAuthentication, AccessTokenAuthentication]
    permission_classes = [Either]
    anonymous_access = "everyone"

    def get(self, request: Any, **kwargs: Any) -> Any:
        return Response({"who": who(request)})


class SessionFirstPlain(SessionFirst):
    def get(self, request: Any, **kwargs: Any) -> Any:
        return JsonResponse({"who": who(request)})


class SessionLast(SessionFirst):
    authentication_classes = [AccessTokenAuthentication, SessionAuthentication]


class SessionLastPlain(SessionFirstPlain):
    authentication_classes = [AccessTokenAuthentication, SessionAuthentication]


class BadgeFirst(SessionFirst):
    authentication_classes = [Badge, AccessTokenAuthentication]


class BadgeLast(SessionFirstPlain):
    authentication_classes = [AccessTokenAuthentication, Badge]


class Lasting(SessionFirst):
    """Says itself that its answers keep for a minute, even in shared caches."""

    def get(self, request: Any, **kwargs: Any) -> Any:
        return Response({"who": who(request)}, headers={"Cache-Control": "public, max-age=60"})


class ByMethod(SessionFirst):
    """Names its authenticators by a method alone."""

    authentication_classes: Any = []

    def get_authenticators(self) -> Any:
        return [SessionAuthentication(), AccessTokenAuthentication()]


class ByRequest(SessionFirst):
    """Has another authenticator for some requests."""

    authentication_classes: Any = [AccessTokenAuthentication]

    def get_authenticators(self) -> Any:
        others = [SessionAuthentication()] if self.request.method == "GET" else []
        return [*others, *super().get_authenticators()]


def who(request: Any) -> str:
    return request.auth.organization.slug if request.auth else str(request.user)


VIEWS = (SessionFirst, SessionFirstPlain, SessionLast, SessionLastPlain, BadgeFirst, BadgeLast)
FORMS: dict[str, Any] = {}
for _view in (*VIEWS, Lasting):
    _name = _view.__name__
    FORMS[f"{_name}-bare"] = _view.as_view()
    FORMS[f"{_name}-around"] = MINUTE(_view.as_view())
    FORMS[f"{_name}-method"] = on_method(_view, MINUTE)
    FORMS[f"{_name}-dispatch"] = on_method(_view, MINUTE, name="dispatch")
FORMS["said-in-the-urls-around"] = MINUTE(
    BadgeLast.as_view(authentication_classes=[SessionAuthentication, AccessTokenAuthentication])
)
FORMS["said-by-a-method-around"] = MINUTE(ByMethod.as_view())
FORMS["said-by-the-request-around"] = MINUTE(ByRequest.as_view())
urlpatterns = [path(name, view) for name, view in FORMS.items()]
NAMED = [name for name in FORMS if not name.startswith("said")]


@pytest.fixture(params=["none", "first", "last"])
def site_cache(request, settings) -> None:
    """Django's cache middleware: none, around all other, or next to the views."""
    if request.param == "first":
        settings.MIDDLEWARE = [STORING[0], *settings.MIDDLEWARE, STORING[1]]
    elif request.param == "last":
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, *STORING]


@pytest.fixture
def known(client, alice) -> Any:
    """Asks as alice: by her session, and by her badge."""
    client.force_login(alice)
    return lambda form: client.get(f"/{form}", headers={"X-Badge": "alice"}, secure=True)


def name_in(response: Any) -> str:
    return response.json()["who"]


@pytest.mark.usefixtures("site_cache")
@pytest.mark.parametrize("form", NAMED)
def test_what_another_authenticator_s_caller_got_is_given_to_no_key_holder_and_not_to_nobody(
    api, known, alice, issue, globex, form
):
    acme, other = issue(), issue(workspace=globex.workspaces.get(slug="production"))
    by_badge = form.startswith("Badge")
    her = "alice" if by_badge else str(alice)
    # A cache can't know that X-Badge names somebody, so it answers her from what nobody got.
    for _ in range(1 if by_badge else 2):
        assert name_in(known(form)) == her
        for headers, said in (
            ({"X-API-Key": acme.api_key}, "acme"),
            ({"Authorization": f"Bearer {other.api_key}"}, "globex"),
            ({}, "AnonymousUser"),
        ):
            assert name_in(api.get(f"/{form}", headers=headers)) == said


@pytest.mark.usefixtures("site_cache")
@pytest.mark.parametrize("form", [name for name in NAMED if name.startswith("Session")])
def test_a_session_gets_its_own_answer_after_a_cache_has_kept_that_of_nobody(
    api, known, alice, form
):
    assert [name_in(api.get(f"/{form}")) for _ in range(2)] == ["AnonymousUser"] * 2
    assert name_in(known(form)) == str(alice)


@pytest.mark.parametrize("form", FORMS)
def test_nothing_of_another_authenticator_s_caller_is_stored(known, form, monkeypatch):
    stored = []
    monkeypatch.setattr(type(caches["default"]), "set", lambda *a, **k: stored.append(a))
    assert known(form).status_code == 200
    assert stored == []


@pytest.mark.parametrize("view", VIEWS)
def test_caches_are_told_that_another_authenticator_s_answer_is_one_person_s(known, view):
    response = known(f"{view.__name__}-bare")
    names = {name.strip() for name in response.headers["Vary"].split(",")}
    assert {"X-API-Key", "Authorization", "Cookie"} <= names
    assert response.headers["Cache-Control"] == "private"


def test_a_word_of_the_view_s_own_stays_where_a_session_came_first(known):
    response = known("Lasting-bare")
    assert response.headers["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize("view", VIEWS)
def test_what_nobody_in_particular_gets_is_still_kept_around_such_a_view(api, view):
    assert "Age" not in api.get(f"/{view.__name__}-around")
    assert "Age" in api.get(f"/{view.__name__}-around"), "a hit says how old it is"
