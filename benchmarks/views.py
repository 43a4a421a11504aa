"""One view for each way to authenticate; they answer the same bytes. The URLconf too."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import JsonResponse
from django.urls import include, path
from knox.auth import TokenAuthentication as KnoxAuthentication
from oauth2_provider.contrib.rest_framework import OAuth2Authentication
from rest_framework.authentication import BaseAuthentication, TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler
from rest_framework_api_key.permissions import HasAPIKey
from rest_framework_simplejwt.authentication import (
    JWTAuthentication,
    JWTStatelessUserAuthentication,
)

from apikeys.authentication import AccessTokenAuthentication
from apikeys.decorators import access_token_required
from apikeys.limits import Limit
from apikeys.lookup import query
from apikeys.permissions import HasScope
from apikeys.throttling import AccessTokenThrottle

ENDLESS = Limit("999999999/hour", per="token")


class Floor(APIView):
    """Nothing but DRF; everything below is measured against it."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    def get(self, request: Any) -> Response:
        return Response({"ok": True})

    def get_exception_handler(self) -> Any:
        return exception_handler  # the peers do not pay for ours


class Constant(BaseAuthentication):
    """The cheapest authentication there is."""

    user = User(pk=1, username="constant")

    def authenticate(self, request: Any) -> tuple[Any, None]:
        return self.user, None


class Refusing(BaseAuthentication):
    """The cheapest 401 there is."""

    def authenticate(self, request: Any) -> None:
        raise AuthenticationFailed("No.")

    def authenticate_header(self, request: Any) -> str:
        return "Bearer"


class FirstRenderer(DefaultContentNegotiation):
    """What docs/how-to-save-around-us.md describes: an API that speaks JSON and nothing else."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class Ours(APIView):
    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [IsAuthenticated]
    scopes_not_needed = True

    def get(self, request: Any) -> Response:
        return Response({"ok": True})


@access_token_required()
def django_view(request: Any) -> JsonResponse:
    """What a host pays that leaves DRF."""
    return JsonResponse({"ok": True})


@access_token_required()
async def async_view(request: Any) -> JsonResponse:
    return JsonResponse({"ok": True})


async def bare(request: Any) -> JsonResponse:
    """A view of the host's that has nothing to do with keys."""
    return JsonResponse({"ok": True})


class Forgetful(AccessTokenAuthentication):
    """Never meets a row that it has decoded before."""

    def authenticate(self, request: Any) -> Any:
        for found in query._compiled.values():
            found._decoded.clear()
        return super().authenticate(request)


class Pipeline(Ours):
    """All that a view can ask for; the tokens have lists of networks, the middleware is on."""

    permission_classes = [HasScope]
    throttle_classes = [AccessTokenThrottle]
    scopes_not_needed = False
    scope_resource = "notes"
    limits = [ENDLESS]


def _peer(name: str, authentication: Any, permission: Any = IsAuthenticated) -> Any:
    classes = {"authentication_classes": authentication, "permission_classes": [permission]}
    return type(name, (Floor,), classes).as_view()


urlpatterns = [
    path("floor", Floor.as_view()),
    path("constant", _peer("ConstantView", [Constant])),
    path("refusing", _peer("RefusingView", [Refusing])),
    path("floor-negotiation", Floor.as_view(content_negotiation_class=FirstRenderer)),
    path("ours", Ours.as_view()),
    path("django", django_view),
    path("async", async_view),
    path("bare", bare),
    path("ours-negotiation", Ours.as_view(content_negotiation_class=FirstRenderer)),
    path("ours-new", Ours.as_view(authentication_classes=[Forgetful])),
    path("pipeline", Pipeline.as_view()),
    path("drf-token", _peer("DrfToken", [TokenAuthentication])),
    path("drf-api-key", _peer("DrfApiKey", [], HasAPIKey)),
    path("knox", _peer("Knox", [KnoxAuthentication])),
    path("oauth-toolkit", _peer("OAuthToolkit", [OAuth2Authentication])),
    path("jwt-user", _peer("JwtUser", [JWTAuthentication])),
    path("jwt-stateless", _peer("JwtStateless", [JWTStatelessUserAuthentication])),
    path("access/", include("apikeys.api.urls")),
    path("dashboard/", include("dashboard.urls")),
]
# Each view as a URLconf of its own: Django asks one pattern after the other, so a view that stands
# further down would pay for those above it.
ALONE = {f"/{pattern.pattern}": (pattern,) for pattern in urlpatterns}
