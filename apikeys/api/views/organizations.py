"""Organizations and their workspaces."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apikeys.api.base import ManagementMixin
from apikeys.api.filtering import StrictFilterBackend
from apikeys.api.inputs import (
    OrganizationUpdateSerializer,
    WorkspaceCreateSerializer,
    WorkspaceUpdateSerializer,
)
from apikeys.api.pagination import KeysetPagination
from apikeys.api.serializers import OrganizationSerializer, WorkspaceSerializer
from apikeys.models import Organization, Workspace
from apikeys.models.organizations import Role
from apikeys.openapi.operations import Operation
from apikeys.permissions import requires_scopes
from apikeys.scopes import MANAGE
from apikeys.services import members, organizations, workspaces
from apikeys.services.transactions import savepoint


class OrganizationViewSet(ManagementMixin, GenericViewSet[Organization]):
    """``/organizations``."""

    documented_as = "organizations"
    queryset = Organization.objects.none()  # for the inspector of documentation
    serializer_class = OrganizationSerializer
    filter_backends = (StrictFilterBackend,)
    pagination_class = KeysetPagination
    keyset_tie = "slug"
    lookup_field = "organization"
    lookup_value_converter = "slug"
    operations: ClassVar[Any] = {
        "list": Operation(response=OrganizationSerializer, many=True),
        "retrieve": Operation(response=OrganizationSerializer),
        "partial_update": Operation(
            request=OrganizationUpdateSerializer,
            response=OrganizationSerializer,
            sessions_only=True,
        ),
        "leave": Operation(status=204, errors=(409,), sessions_only=True, ends_caller=True),
    }

    def get_queryset(self) -> QuerySet[Organization]:
        return self.organizations(role=Role.ADMIN)

    def list(self, request: Request) -> Response:
        """List the organizations that this caller manages."""
        return self.page()

    def retrieve(self, request: Request, organization: str) -> Response:
        """Read an organization."""
        return self.output(self.organization())

    def partial_update(self, request: Request, organization: str) -> Response:
        """Change its name and what holds for all its tokens; what is left out stays as it is."""
        found = self.organization()
        policy = self.input()
        name = policy.pop("name", None)
        actor = self.actor()
        with savepoint():
            found = organizations.update_policy(actor=actor, organization=found, **policy)
            if name is not None:
                found = organizations.rename_organization(
                    actor=actor, organization=found, name=name
                )
        return self.output(found)

    @requires_scopes(MANAGE)
    @action(methods=["post"], detail=True)
    def leave(self, request: Request, organization: str) -> Response:
        """Take yourself out and revoke your personal tokens there; members may, too."""
        found = get_object_or_404(self.organizations(), slug=organization)
        self.require_person()
        self.require_recent_password()
        members.leave_organization(actor=self.actor(), organization=found)
        return self.output()


class WorkspaceViewSet(ManagementMixin, GenericViewSet[Workspace]):
    """``/organizations/{organization}/workspaces``."""

    documented_as = "workspaces"
    queryset = Workspace.objects.none()  # for the inspector of documentation
    serializer_class = WorkspaceSerializer
    filter_backends = (StrictFilterBackend,)
    pagination_class = KeysetPagination
    keyset_tie = "slug"
    lookup_field = "workspace"
    lookup_value_converter = "slug"
    operations: ClassVar[Any] = {
        "list": Operation(response=WorkspaceSerializer, many=True),
        "create": Operation(
            request=WorkspaceCreateSerializer,
            response=WorkspaceSerializer,
            status=201,
            sessions_only=True,
        ),
        "retrieve": Operation(response=WorkspaceSerializer),
        "partial_update": Operation(
            request=WorkspaceUpdateSerializer,
            response=WorkspaceSerializer,
            errors=(409,),
            sessions_only=True,
        ),
        "archive": Operation(
            response=WorkspaceSerializer, errors=(409,), sessions_only=True, ends_caller=True
        ),
    }

    def get_queryset(self) -> QuerySet[Workspace]:
        return self.workspaces()

    def get_workspace(self) -> Workspace:
        """Return the workspace of the URL; 404 when the caller can't see one of that name."""
        return get_object_or_404(self.workspaces(), slug=self.kwargs["workspace"])

    def list(self, request: Request, organization: str) -> Response:
        """List workspaces, newest first."""
        return self.page()

    def create(self, request: Request, organization: str) -> Response:
        """Add a workspace."""
        found = self.organization()
        data = self.input()
        self.require_recent_password()
        workspace = workspaces.create_workspace(actor=self.actor(), organization=found, **data)
        return self.output(workspace)

    def retrieve(self, request: Request, organization: str, workspace: str) -> Response:
        """Read a workspace."""
        return self.output(self.get_workspace())

    def partial_update(self, request: Request, organization: str, workspace: str) -> Response:
        """Rename a workspace; its slug stays."""
        found = self.get_workspace()
        data = self.input()
        renamed = workspaces.rename_workspace(actor=self.actor(), workspace=found, **data)
        return self.output(renamed)

    @requires_scopes(MANAGE)
    @action(methods=["post"], detail=True)
    def archive(self, request: Request, organization: str, workspace: str) -> Response:
        """Close a workspace for ever and revoke its tokens."""
        found = self.get_workspace()
        self.require_person()
        self.require_recent_password()
        archived = workspaces.archive_workspace(actor=self.actor(), workspace=found)
        return self.output(archived)
