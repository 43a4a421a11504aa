"""How a view is protected: the attributes of `NoteViewSet` are all it takes."""

from __future__ import annotations

from typing import cast

from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ModelViewSet

from apikeys.authentication import AccessTokenAuthentication
from apikeys.limits import Limit
from apikeys.models import AccessToken
from apikeys.openapi.operations import TEXT, Operation, listed, record
from apikeys.permissions import HasScope, WorkspaceScopedMixin
from apikeys.throttling import AccessTokenThrottle
from project.demo.notes.models import Note
from project.demo.notes.serializers import NoteSerializer


class NotePagination(LimitOffsetPagination):
    default_limit = 100
    max_limit = 1000


class NoteViewSet(WorkspaceScopedMixin, ModelViewSet):
    """Notes of the token's workspace; another workspace's note is the same 404 as a missing one."""

    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [HasScope]
    scope_resource = "notes"
    throttle_classes = [AccessTokenThrottle]
    limits = [
        Limit("1000/hour", per="token", on="write"),
        Limit("6000/minute", per="token", on="read"),
    ]
    queryset = Note.objects.all()
    serializer_class = NoteSerializer
    pagination_class = NotePagination
    lookup_field = "public_id"
    documented_as = "notes"


class WhoAmIView(APIView):
    """Says which token the caller uses; any token may ask."""

    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [HasScope]
    scopes_not_needed = True
    operations = {
        "get": Operation(
            name="whoami",
            response=record(
                token_id=TEXT,
                name=TEXT,
                kind=TEXT,
                organization=TEXT,
                workspace=TEXT,
                scopes=listed(TEXT),
            ),
        )
    }

    def get(self, request: Request) -> Response:
        token = cast(AccessToken, request.auth)
        return Response(
            {
                "token_id": token.token_id,
                "name": token.name,
                "kind": token.kind,
                "organization": token.workspace.organization.slug,
                "workspace": token.workspace.slug,
                "scopes": list(token.scopes),
            }
        )
