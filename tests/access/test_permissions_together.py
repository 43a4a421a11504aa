"""HasScope beside other permissions: a person or a key, and never a key without its scopes."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import path
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import AllowAny, BasePermission, IsAdminUser, IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys import checks
from apikeys.authentication import AccessTokenAuthentication
from apikeys.permissions import HasScope

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.access.test_permissions_together"),
    pytest.mark.usefixtures("limits_in_memory"),
]


class Never(BasePermission):
    def has_permission(self, request, view):
        return False


class NotThisObject(BasePermission):
    def has_object_permission(self, request, view, obj):
        return False


class SaysNoFirst(HasScope):
    """Has a verdict of its own before the scopes are asked."""

    def has_permission(self, request, view):
        return False


class Either(APIView):
    authentication_classes: Any = [AccessTokenAuthentication, SessionAuthentication]
    permission_classes: Any = [HasScope | IsAuthenticated]
    scope_resource = "notes"

    def get(self, request):
        self.check_object_permissions(request, None)
        return Response({"key": request.auth is not None})

    def post(self, request):
        return Response({"key": request.auth is not None})


TREES: dict[str, Any] = {
    "either": [HasScope | IsAuthenticated],
    "and-of-it": [(HasScope | IsAuthenticated) & NotThisObject],
    "tuple": (HasScope | IsAuthenticated, AllowAny),
    "nested": [(HasScope | IsAdminUser) | IsAuthenticated],
    "and-first": [(HasScope & Never) | IsAuthenticated],
    "both-sides": [HasScope | HasScope],
    "as-well": [IsAuthenticated | HasScope, HasScope],
    # Refused: a key might come in without its scopes.
    "wrong-order": [IsAuthenticated | HasScope],
    "and-second": [(Never & HasScope) | IsAuthenticated],
    "own-verdict": [SaysNoFirst | IsAuthenticated],
    "not": [~HasScope],
    "not-or": [~HasScope | IsAuthenticated],
}
REFUSED = {
    "wrong-order": "in IsAuthenticated | HasScope a key comes in by IsAuthenticated",
    "and-second": "in (Never & HasScope) | IsAuthenticated a key comes in by IsAuthenticated",
    "own-verdict": "in SaysNoFirst | IsAuthenticated a key comes in by IsAuthenticated",
    "not": "HasScope is not a mandatory part of its permissions",
    "not-or": "HasScope is not a mandatory part of its permissions",
}
urlpatterns = [path(name, Either.as_view(permission_classes=tree)) for name, tree in TREES.items()]


@pytest.fixture
def wrong(issue):
    key = issue().api_key
    return key[:-1] + ("0" if key[-1] != "0" else "1")


@pytest.mark.parametrize("name", ["either", "tuple", "nested"])
def test_a_key_is_judged_by_its_scopes_and_a_person_by_the_rest(api, issue, alice, name, wrong):
    assert api.get(f"/{name}").status_code == 401
    assert api.get(f"/{name}", headers={"X-API-Key": wrong}).status_code == 401
    good = api.get(f"/{name}", headers={"X-API-Key": issue().api_key})
    assert (good.status_code, good.json()) == (200, {"key": True})
    poor = api.get(f"/{name}", headers={"X-API-Key": issue(scopes=["notes:write"]).api_key})
    assert (poor.status_code, poor.json()["required_scope"]) == (403, "notes:read")
    api.force_login(alice)
    person = api.get(f"/{name}")
    assert (person.status_code, person.json()) == (200, {"key": False})
    # Who is logged in and sends a wrong key is told so.
    assert api.get(f"/{name}", headers={"X-API-Key": wrong}).status_code == 401


def test_a_person_needs_the_token_against_forgery_and_a_key_does_not(settings, issue, alice):
    from tests.conftest import SecureAPIClient

    api = SecureAPIClient(enforce_csrf_checks=True)
    key = {"X-API-Key": issue(scopes=["notes:write"]).api_key}
    assert api.post("/either", headers=key).status_code == 200
    api.force_login(alice)
    assert api.post("/either").status_code == 403
    assert api.post("/either", headers=key).json() == {"key": True}


def test_objects_are_asked_about_as_well(api, issue, alice):
    key = {"X-API-Key": issue().api_key}
    assert api.get("/and-of-it", headers=key).status_code == 403
    assert api.get("/either", headers=key).status_code == 200
    api.force_login(alice)
    assert api.get("/and-of-it").status_code == 403


@pytest.mark.parametrize("name", sorted(set(TREES) - set(REFUSED)))
def test_no_key_without_its_scope_comes_in_by_another_permission(api, issue, name):
    poor = api.get(f"/{name}", headers={"X-API-Key": issue(scopes=["notes:write"]).api_key})
    assert (poor.status_code, poor.json()["error"]) == (403, "scope.insufficient")


@pytest.mark.parametrize("name", REFUSED)
def test_where_a_key_might_come_in_without_being_asked_it_is_refused(api, issue, name):
    response = api.get(f"/{name}", headers={"X-API-Key": issue().api_key})
    assert (response.status_code, response.json()["error"]) == (403, "scope.undeclared")


def test_the_check_says_why_and_what_to_write_instead():
    found = {
        message.msg.partition("/")[2].partition(")")[0]: message
        for message in checks.views.check_views(None)
        if "(GET " in message.msg
    }
    assert {name: found[name].msg.partition(": ")[2] for name in found} == {
        name: f"{why} without its scopes being asked." if why.startswith("in ") else f"{why}."
        for name, why in REFUSED.items()
    }
    assert {message.id for message in found.values()} == {"apikeys.E020"}
    assert "Write HasScope first: HasScope | IsAuthenticated." in found["wrong-order"].hint
    assert found["not"].hint.startswith("Add HasScope and scope_resource")
