"""Which authenticators and which words a callback of the URLconf has, however they were named."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from ninja import NinjaAPI
from rest_framework.authentication import SessionAuthentication
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys.authentication import AccessTokenAuthentication
from apikeys.decorators import access_token_required
from apikeys.drf.callbacks import authenticators_of, dialect_of
from apikeys.drf.closures import held_by
from apikeys.ninja import AccessTokenAuth
from apikeys.permissions import HasScope

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Plain(APIView):
    authentication_classes: Any = [SessionAuthentication]
    permission_classes = [HasScope]
    required_scopes = {"GET": ["notes:read"]}

    def get(self, request: Any) -> Response:
        return Response([])


class Keyed(Plain):
    authentication_classes = [AccessTokenAuthentication]


@access_token_required("notes:read")
def decorated(request: HttpRequest) -> HttpResponse:
    return HttpResponse("[]")


def nobodys(request: HttpRequest) -> HttpResponse:
    return HttpResponse("[]")


ninja_api = NinjaAPI(urls_namespace="callbacks")


@ninja_api.get("/notes", auth=AccessTokenAuth("notes:read"))
def notes(request: HttpRequest) -> list[str]:
    return []


@ninja_api.post("/notes")
def add(request: HttpRequest) -> list[str]:
    return []


OURS = [AccessTokenAuthentication]
urlpatterns = [
    path("class", Keyed.as_view()),
    path("said-here", Plain.as_view(authentication_classes=OURS)),
    path("tuple", Plain.as_view(authentication_classes=(AccessTokenAuthentication,))),
    path("decorated", decorated),
    path("ninja/", ninja_api.urls),
    path("plain", Plain.as_view()),
    path("taken-away", Keyed.as_view(authentication_classes=[])),
    path("second", Plain.as_view(authentication_classes=[SessionAuthentication, *OURS])),
    path("nobodys", nobodys),
]
OURS_AT = ("class", "said-here", "tuple", "decorated", "ninja/notes")
OTHERS_AT = ("plain", "taken-away", "second", "nobodys")


@pytest.fixture
def outage(settings: Any, monkeypatch: Any, client: Any) -> None:
    """No transaction can begin, and nobody but us answers for it."""
    settings.MIDDLEWARE = ["apikeys.middleware.AccessTokenMiddleware"]
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)

    def refuse(self: Any) -> None:
        raise OperationalError("refused")

    monkeypatch.setattr("django.db.transaction.Atomic.__enter__", refuse)
    client.raise_request_exception = False


@pytest.mark.usefixtures("outage")
@pytest.mark.parametrize("where", OURS_AT)
def test_a_database_that_is_gone_around_the_view_is_503_however_the_view_was_told(client, where):
    response = client.get(f"/{where}")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.json()["error"] == "service.unavailable"


@pytest.mark.usefixtures("outage")
@pytest.mark.parametrize("where", OTHERS_AT)
def test_views_of_others_are_left_to_django(client, where):
    assert client.get(f"/{where}").status_code == 500


@pytest.mark.usefixtures("outage")
def test_an_operation_of_ninja_that_takes_no_keys_is_left_to_django(client):
    assert client.post("/ninja/notes").status_code == 500


def test_a_closure_is_read_by_name_and_what_is_not_filled_is_left_out():
    def made() -> tuple[Any, dict[str, Any]]:
        def inner() -> Any:
            return filled, later

        filled = 1
        early = held_by(inner)
        later = 2
        return inner, early

    inner, early = made()
    assert early == {"filled": 1}
    assert held_by(inner) == {"filled": 1, "later": 2}
    assert [held_by(each) for each in (nobodys, Keyed, None, print)] == [{}] * 4


def test_what_as_view_was_told_counts_before_what_the_class_says():
    for view in (Keyed.as_view(), Plain.as_view(authentication_classes=OURS)):
        assert list(authenticators_of(view)) == OURS
        assert dialect_of(view).name == "default"
    assert authenticators_of(Keyed.as_view(authentication_classes=[])) == ()
    mixed = Plain.as_view(authentication_classes=[SessionAuthentication, *OURS])
    assert list(authenticators_of(mixed)) == [SessionAuthentication, *OURS]
    for view in (Plain.as_view(), mixed, nobodys, None):
        assert dialect_of(view) is None
