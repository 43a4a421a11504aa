"""Audit events and usage: to read only; a token sees those of its workspace."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from apikeys.api.base import ManagementMixin
from apikeys.api.filtering import StrictFilterBackend, require_plain
from apikeys.api.inputs import UsageQuerySerializer
from apikeys.api.pagination import KeysetPagination
from apikeys.api.serializers import AuditEventSerializer, UsageSerializer
from apikeys.models import AccessToken, AuditEvent, Workspace
from apikeys.models.activity import Period
from apikeys.openapi.operations import Operation
from apikeys.queries import reports
from apikeys.queries.filters import AuditEventFilter


class AuditEventViewSet(ManagementMixin, GenericViewSet[AuditEvent]):
    """``/organizations/{organization}/audit-events``."""

    documented_as = "audit-events"
    queryset = AuditEvent.objects.none()  # for the inspector of documentation
    serializer_class = AuditEventSerializer
    filter_backends = (StrictFilterBackend,)
    filterset_class = AuditEventFilter
    pagination_class = KeysetPagination
    operations: ClassVar[Any] = {"list": Operation(response=AuditEventSerializer, many=True)}

    def get_queryset(self) -> QuerySet[AuditEvent]:
        events = AuditEvent.objects.filter(organization_id=self.organization().pk)
        if self.bearer is not None:
            events = events.filter(workspace_slug=self.bearer.workspace.slug)
        return events

    def list(self, request: Request, organization: str) -> Response:
        """List audit events, newest first."""
        return self.page()


class UsageView(ManagementMixin, APIView):
    """``/organizations/{organization}/usage``."""

    documented_as = "usage"
    operations: ClassVar[Any] = {
        "get": Operation(response=UsageSerializer, query=UsageQuerySerializer)
    }

    def get(self, request: Request, organization: str) -> Response:
        """Count requests by outcome and hour or day, and the busiest tokens."""
        found = self.organization()
        require_plain(request)
        asked = self.query()
        chosen = reports.RANGES[asked["range"]]
        narrowed: dict[str, Any] = {
            "workspace": self._workspace(asked.get("workspace")),
            "token": self._token(asked.get("token")),
        }
        report = reports.usage(found, chosen, **narrowed)
        return self.output(
            {
                "range": chosen.name,
                "step": "hour" if chosen.step is Period.HOUR else "day",
                "totals": _counts(report.totals),
                "steps": [
                    {
                        "started_at": step.started_at,
                        "requests": _counts(step.counts),
                    }
                    for step in report.steps
                ],
                "top_tokens": [
                    {
                        "token_id": use.token.token_id,
                        "name": use.token.name,
                        "workspace": use.token.workspace.slug,
                        "requests": _counts(use.counts),
                    }
                    for use in reports.top_tokens(found, chosen, **narrowed)
                ],
                "refused_by_reason": [
                    {"reason": row.reason, "requests": row.requests}
                    for row in reports.refused_by_reason(found, chosen, **narrowed)
                ],
            }
        )

    def _workspace(self, slug: str | None) -> Workspace | None:
        if slug is None:
            return None if self.bearer is None else self.bearer.workspace
        workspace = self.workspaces().filter(slug=slug).first()
        if workspace is None:
            raise ValidationError({"workspace": _("There is no such workspace.")})
        return workspace

    def _token(self, token_id: str | None) -> AccessToken | None:
        if token_id is None:
            return None
        tokens = AccessToken.objects.filter(workspace__in=self.workspaces())
        token = tokens.filter(token_id=token_id).first()
        if token is None:
            raise ValidationError({"token": _("There is no such token.")})
        return token


def _counts(counts: reports.Counts) -> dict[str, int]:
    return {**counts.by_outcome, "total": counts.total}
