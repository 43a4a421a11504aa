"""Audit events and usage: to read only."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apikeys.api.access import ManagementMixin
from apikeys.api.filtering import StrictFilterBackend
from apikeys.api.operations import Operation
from apikeys.api.pagination import KeysetPagination
from apikeys.api.serializers import AuditEventSerializer
from apikeys.models import AuditEvent


class AuditEventViewSet(ManagementMixin, GenericViewSet[AuditEvent]):
    """``/organizations/{organization}/audit-events``."""

    queryset = AuditEvent.objects.none()  # for the inspector of documentation
    serializer_class = AuditEventSerializer
    filter_backends = (StrictFilterBackend,)
    pagination_class = KeysetPagination
    operations: ClassVar[Any] = {"list": Operation(response=AuditEventSerializer, many=True)}

    def get_queryset(self) -> QuerySet[AuditEvent]:
        events = AuditEvent.objects.filter(organization_id=self.organization().pk)
        if self.bearer is not None:
            events = events.filter(workspace_slug=self.bearer.workspace.slug)
        return events

    def list(self, request: Request, organization: str) -> Response:
        """List audit events, newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(AuditEventSerializer(page, many=True).data)
