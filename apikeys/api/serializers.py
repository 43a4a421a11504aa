"""What programs read: public names only, never a digest or a primary key; times in UTC.

A secret is in ``IssuedTokenSerializer`` alone, which only the creating responses use.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone
from rest_framework import serializers

from apikeys.models import AccessToken, AuditEvent, Invitation, Membership, Organization, Workspace
from apikeys.models.organizations import Environment, InvitationState
from apikeys.models.tokens import Status
from apikeys.queries import events
from apikeys.services.tokens import IssuedToken

if TYPE_CHECKING:
    ModelSerializer = serializers.ModelSerializer[Any]
    Serializer = serializers.Serializer[Any]
else:
    ModelSerializer = serializers.ModelSerializer
    Serializer = serializers.Serializer


class UTCField(serializers.DateTimeField):
    """A moment as RFC 3339 in UTC, whichever zone the host's pages show."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)


class PublicSerializer(ModelSerializer):
    """Some columns of a row, to read only."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: UTCField,
    }


class OrganizationSerializer(PublicSerializer):
    """An organization and what holds for all its tokens."""

    class Meta:
        model = Organization
        fields = (
            "slug",
            "name",
            "credits",
            "max_lifetime_days",
            "allowed_networks",
            "limits",
            "suspended_at",
            "created_at",
        )
        read_only_fields = fields


class WorkspaceSerializer(PublicSerializer):
    """A workspace."""

    class Meta:
        model = Workspace
        fields = ("slug", "name", "environment", "dialect", "archived_at", "created_at")
        read_only_fields = fields


class AccessTokenSerializer(PublicSerializer):
    """An access token."""

    organization = serializers.SlugField(source="workspace.organization.slug", read_only=True)
    workspace = serializers.SlugField(source="workspace.slug", read_only=True)
    environment = serializers.ChoiceField(
        source="workspace.environment", choices=Environment.choices, read_only=True
    )
    status = serializers.ChoiceField(choices=Status.choices, read_only=True)
    scopes = serializers.ListField(child=serializers.CharField(), read_only=True)
    allowed_networks = serializers.ListField(child=serializers.CharField(), read_only=True)
    owner = serializers.SerializerMethodField()
    overlap_ends_at = serializers.SerializerMethodField()

    class Meta:
        model = AccessToken
        fields: tuple[str, ...] = (
            "token_id",
            "name",
            "description",
            "kind",
            "owner",
            "organization",
            "workspace",
            "environment",
            "scopes",
            "allowed_networks",
            "status",
            "created_at",
            "updated_at",
            "rotated_at",
            "expires_at",
            "disabled_at",
            "revoked_at",
            "revoked_by",
            "revoke_reason",
            "overlap_ends_at",
            "previous_last_used_at",
            "last_used_at",
            "last_used_address",
            "last_used_agent",
        )
        read_only_fields: tuple[str, ...] = fields

    def get_owner(self, token: AccessToken) -> str | None:
        """The log-in name of a personal token's owner."""
        return None if token.owner is None else str(token.owner.get_username())

    def get_overlap_ends_at(self, token: AccessToken) -> str | None:
        """Until when the secret before the last rotation is accepted."""
        ends = token.previous_expires_at
        if ends is None or ends <= timezone.now():
            return None
        return UTCField().to_representation(ends)


class IssuedTokenSerializer(AccessTokenSerializer):
    """A token with its secret, shown this once."""

    secret = serializers.CharField(read_only=True, help_text="Shown now and never again.")
    api_key = serializers.CharField(read_only=True, help_text="The one-string form.")

    class Meta(AccessTokenSerializer.Meta):
        fields: tuple[str, ...] = (*AccessTokenSerializer.Meta.fields, "secret", "api_key")
        read_only_fields = fields

    def to_representation(self, instance: IssuedToken) -> dict[str, Any]:
        shown = {"secret": instance.secret, "api_key": instance.api_key}
        return {**AccessTokenSerializer(instance.token).data, **shown}


class RevokedSerializer(Serializer):
    """What a bulk call revoked; tokens that were revoked before are left out."""

    revoked = serializers.IntegerField(read_only=True)
    token_ids = serializers.ListField(child=serializers.CharField(), read_only=True)

    def to_representation(self, instance: list[AccessToken]) -> dict[str, Any]:
        token_ids = [token.token_id for token in instance]
        return {"revoked": len(token_ids), "token_ids": token_ids}


class MemberSerializer(PublicSerializer):
    """A person in the organization."""

    user = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields = ("public_id", "user", "role", "created_at")
        read_only_fields = fields

    def get_user(self, membership: Membership) -> str:
        """The person's log-in name."""
        return str(membership.user.get_username())


class InvitationSerializer(PublicSerializer):
    """An invitation that has not been accepted or withdrawn."""

    invited_by = serializers.CharField(
        source="inviter",
        read_only=True,
        help_text="Who sent it last. Void while that person is no active admin here.",
    )
    state = serializers.ChoiceField(choices=InvitationState.choices, read_only=True)

    class Meta:
        model = Invitation
        fields = (
            "public_id",
            "email",
            "role",
            "state",
            "invited_by",
            "created_at",
            "expires_at",
        )
        read_only_fields = fields


class AuditEventSerializer(PublicSerializer):
    """One change somebody answers for."""

    # These are for the documentation: what is answered is the record.
    organization = serializers.CharField(read_only=True)
    workspace = serializers.CharField(read_only=True)
    actor = serializers.CharField(read_only=True)
    target = serializers.CharField(read_only=True)
    details = serializers.DictField(read_only=True)

    class Meta:
        model = AuditEvent
        fields = events.COLUMNS
        read_only_fields = fields

    def to_representation(self, instance: AuditEvent) -> dict[str, Any]:
        return events.record(instance)


class CountsSerializer(Serializer):
    """Requests by outcome."""

    success = serializers.IntegerField(read_only=True, help_text="Answered below 400.")
    client_error = serializers.IntegerField(read_only=True, help_text="Answered 400 to 499.")
    server_error = serializers.IntegerField(read_only=True, help_text="Answered 500 or more.")
    limited = serializers.IntegerField(read_only=True, help_text="Over a limit.")
    refused = serializers.IntegerField(read_only=True, help_text="Refused with a proven secret.")
    total = serializers.IntegerField(read_only=True)


class UsageStepSerializer(Serializer):
    """One hour or day."""

    started_at = UTCField(read_only=True)
    requests = CountsSerializer(read_only=True)


class TokenUseSerializer(Serializer):
    """What one token did in the range."""

    token_id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    workspace = serializers.SlugField(read_only=True)
    requests = CountsSerializer(read_only=True)


class RefusedSerializer(Serializer):
    """How many requests that named one of the tokens were refused for a reason."""

    reason = serializers.CharField(read_only=True)
    requests = serializers.IntegerField(read_only=True)


class UsageSerializer(Serializer):
    """Requests in a range of time that ends now."""

    range = serializers.CharField(read_only=True)
    step = serializers.ChoiceField(choices=["hour", "day"], read_only=True)
    totals = CountsSerializer(read_only=True)
    steps = UsageStepSerializer(many=True, read_only=True)
    top_tokens = TokenUseSerializer(many=True, read_only=True)
    refused_by_reason = RefusedSerializer(many=True, read_only=True)
