"""Views whose scopes, permissions or handlers are more than attributes of a class."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import include, path
from rest_framework import generics, routers, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys import checks
from apikeys.authentication import AccessTokenAuthentication
from apikeys.models import Workspace
from apikeys.permissions import HasScope, requires_scopes

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls(__name__),
    pytest.mark.usefixtures("limits_in_memory"),
]


class Ours(APIView):
    authentication_classes: Any = [AccessTokenAuthentication]
    permission_classes: Any = [HasScope]


class ByAddress(Ours):
    @property
    def required_scopes(self) -> dict[str, str]:
        return {"GET": f"{self.kwargs['what']}:read"}

    def get(self, request: Any, what: str) -> Response:
        return Response({"what": what})


class ByPermissions(Ours):
    scope_resource = "notes"

    def get_permissions(self) -> list[Any]:
        return [IsAuthenticated()] if self.kwargs["pk"] == "me" else [HasScope()]

    def get(self, request: Any, pk: str) -> Response:
        return Response({"pk": pk})


class ByCaller(Ours):
    scope_resource = "notes"

    def get_permissions(self) -> list[Any]:
        return [HasScope()] if self.request.user.is_authenticated else [IsAuthenticated()]

    def get(self, request: Any) -> Response:
        return Response({})


class Named(serializers.ModelSerializer[Workspace]):
    class Meta:
        model = Workspace
        fields = ("name",)


class Generic(Ours, generics.RetrieveUpdateDestroyAPIView[Workspace], viewsets.GenericViewSet):
    """Has handlers of a generic view on every route, those of actions among them."""

    scope_resource = "notes"
    serializer_class = Named
    queryset = Workspace.objects.all()

    @action(detail=True, methods=["get"])
    @requires_scopes("notes:read")
    def stats(self, request: Any, pk: str) -> Response:
        return Response({"ok": 1})


router = routers.SimpleRouter()
router.register("generic", Generic)
urlpatterns = [
    path("by-address/<what>", ByAddress.as_view()),
    path("by-permissions/<pk>", ByPermissions.as_view()),
    path("by-caller", ByCaller.as_view()),
    path("", include(router.urls)),
]


def test_scopes_that_a_property_says_are_asked_anew_by_each_request(api: Any, issue: Any) -> None:
    api.key(issue(scopes=["notes:read"]))
    for _ in range(2):
        assert api.get("/by-address/notes").status_code == 200
        response = api.get("/by-address/billing")
        assert (response.status_code, response.json()["required_scope"]) == (403, "billing:read")


def test_permissions_that_a_method_says_are_asked_anew_by_each_request(
    api: Any, issue: Any
) -> None:
    api.key(issue(scopes=[]))
    for _ in range(2):
        told = api.get("/by-permissions/1").json()
        assert (told["status"], told["error"]) == (403, "scope.insufficient")
        told = api.get("/by-permissions/me").json()
        assert (told["status"], told["error"]) == (403, "scope.undeclared")
    api.key(issue(scopes=["notes:read"]))
    assert api.get("/by-permissions/1").status_code == 200


def test_permissions_that_ask_who_calls_refuse_every_key_and_end(
    api: Any, issue: Any, caplog: Any
) -> None:
    api.key(issue(scopes=["notes:read"]))
    assert api.get("/by-caller").json()["error"] == "scope.undeclared"
    assert len([each for each in caplog.records if each.levelname == "ERROR"]) <= 1


def test_a_handler_that_no_action_maps_asks_for_the_scopes_of_its_view(
    api: Any, issue: Any, development: Any
) -> None:
    api.key(issue(scopes=["notes:read"]))
    one = f"/generic/{development.pk}/"
    assert api.get(f"{one}stats/").json() == {"ok": 1}
    for address in (one, f"{one}stats/"):
        response = api.delete(address)
        assert (response.status_code, response.json()["required_scope"]) == (403, "notes:delete")
    assert Workspace.objects.filter(pk=development.pk).exists()


def test_the_check_leaves_alone_what_only_a_request_decides() -> None:
    found = [message.msg for message in checks.views.check_views(None)]
    assert [each for each in found if "ByAddress" in each or "ByPermissions" in each] == []
