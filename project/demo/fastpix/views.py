"""FastPix: media records of the token's workspace."""

from __future__ import annotations

import math
from typing import Any

from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apikeys.authentication import AccessTokenAuthentication
from apikeys.limits import Limit
from apikeys.openapi.operations import Operation
from apikeys.parsers import BoundedJSONParser
from apikeys.permissions import HasScope, WorkspaceScopedMixin
from apikeys.throttling import AccessTokenThrottle
from project.demo.bodies import AcceptsAnyMixin, SmallBodyMixin
from project.demo.fastpix.models import Media
from project.demo.fastpix.serializers import (
    EXAMPLE,
    ListSerializer,
    MediaAnswerSerializer,
    MediaChangeSerializer,
    MediaDeletedSerializer,
    MediaPageSerializer,
    MediaSerializer,
)


class FastPixAuthentication(AccessTokenAuthentication):
    dialect = "fastpix"


class MediaView(AcceptsAnyMixin, SmallBodyMixin, WorkspaceScopedMixin, GenericAPIView):
    """What both views of media share."""

    authentication_classes = (FastPixAuthentication,)
    permission_classes = (HasScope,)
    required_scopes = {
        "GET": {"media:read"},
        "POST": {"media:write"},
        "PATCH": {"media:write"},
        "DELETE": {"media:write"},
    }
    parser_classes = (BoundedJSONParser,)
    throttle_classes = (AccessTokenThrottle,)
    limits = (
        Limit("1000/minute", per="token", on="read"),
        Limit("300/minute", per="token", on="write"),
    )
    queryset = Media.objects.select_related("workspace")
    serializer_class = MediaSerializer
    lookup_field = "public_id"


class MediaListView(MediaView):
    """`POST /on-demand` and `GET /on-demand`."""

    operations = {
        "post": Operation(
            name="media_create",
            request=MediaSerializer,
            response=MediaAnswerSerializer,
            status=201,
            example=EXAMPLE,
        ),
        "get": Operation(
            name="media_list", response=MediaPageSerializer, query=ListSerializer, errors=(422,)
        ),
    }

    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        self.perform_create(serializer)
        return _success(serializer.data, status=status.HTTP_201_CREATED)

    def get(self, request: Request) -> Response:
        form = ListSerializer(data=request.query_params)
        form.is_valid(raise_exception=True)
        limit, offset = form.validated_data["limit"], form.validated_data["offset"]
        order = ("created_at", "id") if form.validated_data["orderBy"] == "asc" else _NEWEST
        media = self.get_queryset().order_by(*order)
        total = media.count()
        page = media[(offset - 1) * limit : offset * limit]
        return _success(
            self.get_serializer(page, many=True).data,
            pagination={
                "totalRecords": total,
                "currentOffset": offset,
                "offsetCount": math.ceil(total / limit),
            },
        )


class MediaDetailView(MediaView):
    """`GET`, `PATCH` and `DELETE /on-demand/{id}`."""

    operations = {
        "get": Operation(name="media_read", response=MediaAnswerSerializer),
        "patch": Operation(
            name="media_update",
            request=MediaChangeSerializer,
            response=MediaAnswerSerializer,
            example={"metadata": {"chapter": "2"}},
        ),
        "delete": Operation(name="media_delete", response=MediaDeletedSerializer),
    }

    def get(self, request: Request, public_id: str) -> Response:
        return _success(self.get_serializer(self.get_object()).data)

    def patch(self, request: Request, public_id: str) -> Response:
        media = self.get_object()
        form = MediaChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        media.metadata = form.validated_data["metadata"]
        media.save(update_fields=["metadata", "updated_at"])
        return _success(self.get_serializer(media).data)

    def delete(self, request: Request, public_id: str) -> Response:
        self.get_object().delete()
        return Response({"success": True})


_NEWEST = ("-created_at", "-id")


def _success(data: Any, *, status: int = 200, **members: Any) -> Response:
    return Response({"success": True, "data": data, **members}, status=status)
