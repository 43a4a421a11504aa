"""Views of a host that has messages of its own: `pytest.mark.urls("tests.languages.views")`."""

from __future__ import annotations

from typing import Any

from django.urls import include, path
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions as drf
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys.authentication import AccessTokenAuthentication
from apikeys.limits import Limit
from apikeys.parsers import BoundedJSONParser
from apikeys.permissions import HasScope
from apikeys.throttling import AccessTokenThrottle


class Input(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=3)


class Notes(APIView):
    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [HasScope]
    throttle_classes = [AccessTokenThrottle]
    parser_classes = [BoundedJSONParser]
    renderer_classes = [JSONRenderer]
    scope_resource = "notes"
    limits = [Limit("9/minute", name="tight", on="write")]

    def get(self, request: Any) -> Response:
        match request.query_params.get("raise"):
            case "denied":
                raise drf.PermissionDenied
            case "own":
                raise drf.PermissionDenied(_("Log in"))  # which Django has in German
            case "not found":
                raise drf.NotFound
            case "failed":
                raise drf.AuthenticationFailed
        return Response({})

    def post(self, request: Any) -> Response:
        serializer = Input(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response({})


urlpatterns = [
    path("notes", Notes.as_view()),
    path("access/", include("apikeys.api.urls")),
]
