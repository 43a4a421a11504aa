"""Collections, records and files of a key's workspace, each behind its scope."""

from __future__ import annotations

import mimetypes
from typing import Any, Final, cast
from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse
from django.utils.http import content_disposition_header
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ModelViewSet

from apikeys.limits import Limit
from apikeys.models import AccessToken
from apikeys.openapi.operations import BINARY, WHOLE, Operation, record
from apikeys.parsers import BoundedJSONParser
from apikeys.permissions import HasScope, WorkspaceScopedMixin
from apikeys.throttling import AccessTokenThrottle
from project.demo.bodies import (
    AcceptsAnyMixin,
    SmallBodyMixin,
    TooLarge,
    storable_or_404,
)
from project.demo.fastcms.authentication import FastCMSAuthentication
from project.demo.fastcms.content_serializers import (
    CollectionSerializer,
    FileSerializer,
    RecordSerializer,
)
from project.demo.fastcms.models import Collection, File, Record

LARGEST_FILE: Final = 10 * 1024 * 1024
_FORM_AROUND_IT: Final = 64 * 1024


class Pages(PageNumberPagination):
    """`?page=` and `?per_page=`."""

    page_size = 50
    max_page_size = 500
    page_size_query_param = "per_page"

    def get_paginated_response(self, data: Any) -> Response:
        assert self.page is not None  # noqa: S101 - set by paginate_queryset
        return Response(
            {
                "items": data,
                "page": self.page.number,
                "per_page": self.page.paginator.per_page,
                "total": self.page.paginator.count,
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return record(items=schema, page=WHOLE, per_page=WHOLE, total=WHOLE)


class ContentViewSet(SmallBodyMixin, ModelViewSet):
    """What the three have in common."""

    authentication_classes = (FastCMSAuthentication,)
    permission_classes = (HasScope,)
    throttle_classes = (AccessTokenThrottle,)
    parser_classes: tuple[Any, ...] = (BoundedJSONParser,)
    limits = (
        Limit("100/minute", per="principal", name="fastcms-minute"),
        Limit("1000/hour", per="principal", name="fastcms-hour"),
    )
    pagination_class = Pages
    lookup_field = "public_id"

    def get_object(self) -> Any:
        if self.lookup_field == "public_id":
            try:
                UUID(self.kwargs["public_id"])
            except ValueError:
                raise Http404 from None
        storable_or_404(self.kwargs.get("name", ""))
        return super().get_object()


class CollectionViewSet(WorkspaceScopedMixin, ContentViewSet):
    required_scopes = {
        "GET": {"collections:read"},
        "POST": {"collections:write"},
        "PATCH": {"collections:write"},
        "DELETE": {"*"},
    }
    documented_as = "collections"
    operations = {
        # A page beyond the last one is a 404.
        "list": Operation(response=CollectionSerializer, many=True, errors=(404,)),
        "create": Operation(
            request=CollectionSerializer,
            response=CollectionSerializer,
            status=201,
            example={
                "name": "articles",
                "schema": [{"name": "title", "type": "text", "required": True}],
            },
        ),
        "partial_update": Operation(
            request=CollectionSerializer,
            response=CollectionSerializer,
            example={"schema": [{"name": "title", "type": "text", "required": False}]},
        ),
    }
    queryset = Collection.objects.all()
    serializer_class = CollectionSerializer
    lookup_field = "name"

    def perform_create(self, serializer: Any) -> None:
        try:
            with transaction.atomic():
                super().perform_create(serializer)
        except IntegrityError:
            raise ValidationError({"name": "A collection has this name already."}) from None


class RecordViewSet(ContentViewSet):
    """Records of the collection that the path names, if the key's workspace has it."""

    required_scopes = {
        "GET": {"records:read"},
        "POST": {"records:write"},
        "PATCH": {"records:write"},
        "DELETE": {"records:delete"},
    }
    documented_as = "records"
    operations = {
        "create": Operation(
            request=RecordSerializer,
            response=RecordSerializer,
            status=201,
            example={"data": {"title": "Hello"}},
        ),
        "partial_update": Operation(
            request=RecordSerializer,
            response=RecordSerializer,
            example={"data": {"title": "Hello again"}},
        ),
    }
    queryset = Record.objects.select_related("collection")
    serializer_class = RecordSerializer

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(collection=self._collection())

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "collection": self._collection()}

    def perform_create(self, serializer: Any) -> None:
        serializer.save(collection=self._collection())

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the fields that are given; two such requests at once both last."""
        with transaction.atomic():
            record = self.get_object()
            record = Record.objects.select_for_update(of=("self",)).get(pk=record.pk)
            serializer = self.get_serializer(record, data=request.data, partial=True)
            serializer.is_valid(raise_exception=True)
            serializer.save(data={**record.data, **serializer.validated_data.get("data", {})})
        return Response(serializer.data)

    def _collection(self) -> Collection:
        token = cast(AccessToken, self.request.auth)
        found = Collection.objects.filter(
            workspace=token.workspace, name=storable_or_404(self.kwargs["name"])
        ).first()
        if found is None:
            raise Http404
        return found


class FileViewSet(AcceptsAnyMixin, WorkspaceScopedMixin, ContentViewSet):
    required_scopes = {
        "GET": {"files:read"},
        "POST": {"files:write"},
        "DELETE": {"files:*"},
    }
    documented_as = "files"
    operations = {
        "list": Operation(response=FileSerializer, many=True, errors=(404,)),
        "create": Operation(
            request=record(file=BINARY),
            body_type="multipart/form-data",
            response=FileSerializer,
            status=201,
        ),
        "content": Operation(response=BINARY, media_type="*/*"),
    }
    queryset = File.objects.defer("content")
    serializer_class = FileSerializer
    parser_classes = (MultiPartParser,)
    largest_body = LARGEST_FILE + _FORM_AROUND_IT

    def create(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        upload: Any = request.FILES.get("file")
        if upload is None:
            raise ValidationError({"file": "Send the file as multipart/form-data, field file."})
        if upload.size > LARGEST_FILE:
            raise TooLarge(f"A file has at most {LARGEST_FILE} bytes.")
        name = upload.name[:255]
        stored = File.objects.create(
            workspace=request.auth.workspace,
            name=name,
            content_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
            size=upload.size,
            content=upload.read(),
        )
        return Response(self.get_serializer(stored).data, status=201)

    def content(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer the bytes, never as a page of ours."""
        stored = self.get_object()
        return HttpResponse(
            bytes(stored.content),
            content_type=stored.content_type,
            headers={
                "Content-Disposition": content_disposition_header(True, stored.name),
                "Content-Security-Policy": "default-src 'none'; sandbox",
            },
        )
