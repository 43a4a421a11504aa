"""What programs read and write: public names only, never a digest or a primary key.

A secret is in ``IssuedTokenSerializer`` alone, which only the creating responses use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from rest_framework import serializers

from apikeys.models import AccessToken, AuditEvent, Invitation, Membership, Organization, Workspace
from apikeys.models.organizations import Environment, Role
from apikeys.models.tokens import Kind, Status

if TYPE_CHECKING:
    ModelSerializer = serializers.ModelSerializer[Any]
    Serializer = serializers.Serializer[Any]
else:
    ModelSerializer = serializers.ModelSerializer
    Serializer = serializers.Serializer


class StrictSerializer(Serializer):
    """Input in which a field that does not exist is an error: a mistyped one must not be lost."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            known = ", ".join(self.fields)
            raise serializers.ValidationError(
                dict.fromkeys(unknown, f"There is no such field. Known: {known}.")
            )
        return super().to_internal_value(data)


class OrganizationSerializer(ModelSerializer):
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


class PolicySerializer(StrictSerializer):
    """What an admin may set for all tokens of the organization."""

    max_lifetime_days = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=36_500
    )
    allowed_networks = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, max_length=100
    )
    limits = serializers.DictField(
        child=serializers.CharField(max_length=64), required=False, help_text="Limit name to rate."
    )


class WorkspaceSerializer(ModelSerializer):
    """A workspace."""

    class Meta:
        model = Workspace
        fields = ("slug", "name", "environment", "dialect", "archived_at", "created_at")
        read_only_fields = fields


class WorkspaceCreateSerializer(StrictSerializer):
    """A new workspace."""

    name = serializers.CharField(max_length=255)
    environment = serializers.ChoiceField(choices=Environment.choices)
    dialect = serializers.CharField(max_length=64, default="default")


class WorkspaceUpdateSerializer(StrictSerializer):
    """The new name of a workspace."""

    name = serializers.CharField(max_length=255)


class AccessTokenSerializer(ModelSerializer):
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
        return ends.isoformat() if ends is not None and ends > timezone.now() else None


class IssuedTokenSerializer(AccessTokenSerializer):
    """A token with its secret, shown this once."""

    secret = serializers.CharField(read_only=True, help_text="Shown now and never again.")
    api_key = serializers.CharField(read_only=True, help_text="The one-string form.")

    class Meta(AccessTokenSerializer.Meta):
        fields: tuple[str, ...] = (*AccessTokenSerializer.Meta.fields, "secret", "api_key")
        read_only_fields = fields


class TokenCreateSerializer(StrictSerializer):
    """A new token."""

    workspace = serializers.SlugField(max_length=64)
    name = serializers.CharField(max_length=255)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    kind = serializers.ChoiceField(choices=Kind.choices, default=Kind.AUTOMATION)
    scopes = serializers.ListField(child=serializers.CharField(max_length=100), max_length=200)
    allowed_networks = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, max_length=100
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class TokenUpdateSerializer(StrictSerializer):
    """Changes to a token; what is left out stays as it is."""

    name = serializers.CharField(max_length=255, required=False)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    scopes = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        max_length=200,
        help_text="Can only be narrowed.",
    )
    allowed_networks = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, max_length=100
    )
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Can only be brought forward."
    )


class RotateSerializer(StrictSerializer):
    """How to rotate."""

    overlap_seconds = serializers.IntegerField(
        default=0,
        min_value=0,
        max_value=7 * 24 * 3600,
        help_text="How long the present secret keeps working.",
    )


class RevokeSerializer(StrictSerializer):
    """Why a token is revoked."""

    reason = serializers.CharField(max_length=255, required=False, allow_blank=True, default="")


class BulkRevokeSerializer(RevokeSerializer):
    """Which tokens are revoked, all or none."""

    token_ids = serializers.ListField(
        child=serializers.CharField(max_length=64), min_length=1, max_length=1000
    )


class RevokeAllSerializer(RevokeSerializer):
    """In which workspace all tokens are revoked."""

    workspace = serializers.SlugField(max_length=64)


class RevokedSerializer(Serializer):
    """What a bulk call revoked; tokens that were revoked before are left out."""

    revoked = serializers.IntegerField(read_only=True)
    token_ids = serializers.ListField(child=serializers.CharField(), read_only=True)


class MemberSerializer(ModelSerializer):
    """A person in the organization."""

    user = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields = ("public_id", "user", "role", "created_at")
        read_only_fields = fields

    def get_user(self, membership: Membership) -> str:
        """The person's log-in name."""
        return str(membership.user.get_username())


class MemberCreateSerializer(StrictSerializer):
    """Who is added."""

    user = serializers.CharField(max_length=254, help_text="The log-in name.")
    role = serializers.ChoiceField(choices=Role.choices, default=Role.MEMBER)


class RoleSerializer(StrictSerializer):
    """The new role."""

    role = serializers.ChoiceField(choices=Role.choices)


class InvitationSerializer(ModelSerializer):
    """An invitation that has not been accepted or withdrawn."""

    class Meta:
        model = Invitation
        fields = ("public_id", "email", "role", "created_at", "expires_at")
        read_only_fields = fields


class InvitationCreateSerializer(StrictSerializer):
    """Who is invited."""

    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.MEMBER)


class AuditEventSerializer(ModelSerializer):
    """One change somebody answers for."""

    organization = serializers.CharField(source="organization_slug", read_only=True)
    workspace = serializers.CharField(source="workspace_slug", read_only=True)
    actor = serializers.CharField(source="actor_label", read_only=True)
    target = serializers.CharField(source="target_label", read_only=True)
    details = serializers.DictField(read_only=True)

    class Meta:
        model = AuditEvent
        fields = (
            "public_id",
            "created_at",
            "organization",
            "workspace",
            "action",
            "actor_kind",
            "actor",
            "token_id",
            "target",
            "address",
            "request_id",
            "details",
        )
        read_only_fields = fields
