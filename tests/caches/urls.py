"""The project's addresses, and views that show that a cache works at all."""

from __future__ import annotations

from typing import Any

from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys.authentication import AccessTokenAuthentication
from apikeys.limits import Limit
from apikeys.permissions import HasScope
from apikeys.throttling import AccessTokenThrottle
from project.urls import urlpatterns as projects


class Open(APIView):
    """Anybody may read it; a key holder reads something else."""

    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [HasScope]
    scopes_not_needed = True
    anonymous_access = "everyone"

    def get(self, request: Any) -> Response:
        return Response({"token_id": request.auth.token_id if request.auth else "nobody"})


class Lasting(Open):
    """Says itself that shared caches may keep its answers."""

    def get(self, request: Any) -> Response:
        response = super().get(request)
        response.headers["Cache-Control"] = "public, max-age=60"
        return response


class Seldom(Open):
    anonymous_access = ""
    throttle_classes = [AccessTokenThrottle]
    limits = [Limit("1/hour", per="token")]


urlpatterns = [
    *projects,
    path("open", Open.as_view()),
    path("lasting", Lasting.as_view()),
    path("seldom", Seldom.as_view()),
]
