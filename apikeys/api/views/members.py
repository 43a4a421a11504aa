"""Members and invitations: people's business, so a token gets no further here."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import NoReverseMatch, reverse
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apikeys.api.base import ManagementMixin
from apikeys.api.filtering import StrictFilterBackend
from apikeys.api.inputs import (
    InvitationCreateSerializer,
    MemberCreateSerializer,
    RoleSerializer,
)
from apikeys.api.pagination import KeysetPagination
from apikeys.api.serializers import InvitationSerializer, MemberSerializer
from apikeys.models import Invitation, Membership
from apikeys.openapi.operations import Operation
from apikeys.permissions import requires_scopes
from apikeys.scopes import MANAGE
from apikeys.services import invitations, members
from apikeys.services.errors import Conflict


class MemberViewSet(ManagementMixin, GenericViewSet[Membership]):
    """``/organizations/{organization}/members``."""

    documented_as = "members"
    queryset = Membership.objects.none()  # for the inspector of documentation
    serializer_class = MemberSerializer
    filter_backends = (StrictFilterBackend,)
    pagination_class = KeysetPagination
    lookup_field = "public_id"
    lookup_value_converter = "uuid"
    operations: ClassVar[Any] = {
        "list": Operation(response=MemberSerializer, many=True, sessions_only=True),
        "create": Operation(
            request=MemberCreateSerializer,
            response=MemberSerializer,
            status=201,
            errors=(409,),
            sessions_only=True,
        ),
        "retrieve": Operation(response=MemberSerializer, sessions_only=True),
        "partial_update": Operation(
            request=RoleSerializer, response=MemberSerializer, errors=(409,), sessions_only=True
        ),
        "destroy": Operation(status=204, errors=(409,), sessions_only=True),
    }

    def get_queryset(self) -> QuerySet[Membership]:
        self.require_person()
        return Membership.objects.filter(organization=self.organization()).select_related(
            "user", "organization"
        )

    def get_membership(self) -> Membership:
        """Return the membership of the URL; 404 when the caller can't see it."""
        return get_object_or_404(self.get_queryset(), public_id=self.kwargs["public_id"])

    def list(self, request: Request, organization: str) -> Response:
        """List members, newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(MemberSerializer(page, many=True).data)

    def create(self, request: Request, organization: str) -> Response:
        """Add somebody from another organization that the caller manages."""
        self.require_person()
        found = self.organization()
        serializer = MemberCreateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        self.require_recent_password()
        membership = members.add_member(
            actor=self.actor(),
            organization=found,
            user=members.known_user(
                actor=self.actor(), organization=found, name=serializer.validated_data["user"]
            ),
            role=serializer.validated_data["role"],
        )
        return Response(MemberSerializer(membership).data, status=201)

    def retrieve(self, request: Request, organization: str, public_id: Any) -> Response:
        """Read a member."""
        return Response(MemberSerializer(self.get_membership()).data)

    def partial_update(self, request: Request, organization: str, public_id: Any) -> Response:
        """Change a member's role."""
        membership = self.get_membership()
        serializer = RoleSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        self.require_recent_password()
        changed = members.change_role(
            actor=self.actor(), membership=membership, **serializer.validated_data
        )
        return Response(MemberSerializer(changed).data)

    def destroy(self, request: Request, organization: str, public_id: Any) -> Response:
        """Take a person out and revoke their personal tokens here."""
        membership = self.get_membership()
        self.require_recent_password()
        members.remove_member(actor=self.actor(), membership=membership)
        return Response(status=204)


class InvitationViewSet(ManagementMixin, GenericViewSet[Invitation]):
    """``/organizations/{organization}/invitations``."""

    documented_as = "invitations"
    queryset = Invitation.objects.none()  # for the inspector of documentation
    serializer_class = InvitationSerializer
    filter_backends = (StrictFilterBackend,)
    pagination_class = KeysetPagination
    lookup_field = "public_id"
    lookup_value_converter = "uuid"
    operations: ClassVar[Any] = {
        "list": Operation(response=InvitationSerializer, many=True, sessions_only=True),
        "create": Operation(
            request=InvitationCreateSerializer,
            response=InvitationSerializer,
            status=201,
            errors=(409,),
            sessions_only=True,
        ),
        "resend": Operation(response=InvitationSerializer, errors=(409,), sessions_only=True),
        "destroy": Operation(status=204, errors=(409,), sessions_only=True),
    }

    def get_queryset(self) -> QuerySet[Invitation]:
        self.require_person()
        unanswered = Invitation.objects.unanswered().filter(organization=self.organization())
        return unanswered.select_related("organization").with_inviters()

    def get_invitation(self) -> Invitation:
        """Return the invitation of the URL; 404 when the caller can't see it."""
        return get_object_or_404(self.get_queryset(), public_id=self.kwargs["public_id"])

    def list(self, request: Request, organization: str) -> Response:
        """List invitations that wait for an answer, ran out or are void, newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(InvitationSerializer(page, many=True).data)

    def create(self, request: Request, organization: str) -> Response:
        """Invite somebody by e-mail."""
        self.require_person()
        found = self.organization()
        serializer = InvitationCreateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        self.require_recent_password()
        invitation = invitations.invite(
            actor=self.actor(),
            organization=found,
            page_url=self._page_url,
            **serializer.validated_data,
        )
        return Response(InvitationSerializer(invitation).data, status=201)

    def destroy(self, request: Request, organization: str, public_id: Any) -> Response:
        """Withdraw an invitation."""
        invitation = self.get_invitation()
        invitations.withdraw_invitation(actor=self.actor(), invitation=invitation)
        return Response(status=204)

    @requires_scopes(MANAGE)
    @action(methods=["post"], detail=True)
    def resend(self, request: Request, organization: str, public_id: Any) -> Response:
        """Send a new link, good for seven days from now."""
        invitation = self.get_invitation()
        self.require_recent_password()
        invitation = invitations.resend_invitation(
            actor=self.actor(), invitation=invitation, page_url=self._page_url
        )
        return Response(InvitationSerializer(invitation).data)

    def _page_url(self, link: str) -> str:
        try:
            path = reverse("dashboard:invitation", args=[link])
        except NoReverseMatch:
            raise Conflict("invitation.no_page", "This site has no page to accept one.") from None
        return str(self.request.build_absolute_uri(path))
