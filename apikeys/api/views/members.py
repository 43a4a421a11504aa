"""Members and invitations: people's business, so a token gets no further here."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
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
from apikeys.urlconfs import INVITATION, address_of


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
        return self.page()

    def create(self, request: Request, organization: str) -> Response:
        """Add somebody from another organization that the caller manages."""
        self.require_person()
        found = self.organization()
        data = self.input()
        self.require_recent_password()
        membership = members.add_member(
            actor=self.actor(),
            organization=found,
            user=members.known_user(actor=self.actor(), organization=found, name=data["user"]),
            role=data["role"],
        )
        return self.output(membership)

    def retrieve(self, request: Request, organization: str, public_id: Any) -> Response:
        """Read a member."""
        return self.output(self.get_membership())

    def partial_update(self, request: Request, organization: str, public_id: Any) -> Response:
        """Change a member's role."""
        membership = self.get_membership()
        data = self.input()
        self.require_recent_password()
        changed = members.change_role(actor=self.actor(), membership=membership, **data)
        return self.output(changed)

    def destroy(self, request: Request, organization: str, public_id: Any) -> Response:
        """Take a person out and revoke their personal tokens here."""
        membership = self.get_membership()
        self.require_recent_password()
        members.remove_member(actor=self.actor(), membership=membership)
        return self.output()


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
        return self.page()

    def create(self, request: Request, organization: str) -> Response:
        """Invite somebody by e-mail."""
        self.require_person()
        found = self.organization()
        data = self.input()
        self.require_recent_password()
        invitation = invitations.invite(
            actor=self.actor(),
            organization=found,
            page_url=self._page_url,
            **data,
        )
        return self.output(invitation)

    def destroy(self, request: Request, organization: str, public_id: Any) -> Response:
        """Withdraw an invitation."""
        invitation = self.get_invitation()
        invitations.withdraw_invitation(actor=self.actor(), invitation=invitation)
        return self.output()

    @requires_scopes(MANAGE)
    @action(methods=["post"], detail=True)
    def resend(self, request: Request, organization: str, public_id: Any) -> Response:
        """Send a new link, good for seven days from now."""
        invitation = self.get_invitation()
        self.require_recent_password()
        invitation = invitations.resend_invitation(
            actor=self.actor(), invitation=invitation, page_url=self._page_url
        )
        return self.output(invitation)

    def _page_url(self, link: str) -> str:
        url = address_of(self.request, *INVITATION, args=(link,))
        if url is None:
            raise Conflict("invitation.no_page", _("This site has no page to accept one."))
        return url
