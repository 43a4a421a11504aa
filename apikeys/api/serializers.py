"""What programs read of a token: public names only, never a secret, a digest or a primary key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework import serializers

from apikeys.models import AccessToken

if TYPE_CHECKING:
    ModelSerializer = serializers.ModelSerializer[AccessToken]
else:
    ModelSerializer = serializers.ModelSerializer


class AccessTokenSerializer(ModelSerializer):
    """One token."""

    organization = serializers.CharField(source="workspace.organization.slug", read_only=True)
    workspace = serializers.CharField(source="workspace.slug", read_only=True)
    environment = serializers.CharField(source="workspace.environment", read_only=True)
    status = serializers.CharField(read_only=True)

    class Meta:
        model = AccessToken
        fields = (
            "token_id",
            "name",
            "description",
            "kind",
            "organization",
            "workspace",
            "environment",
            "scopes",
            "allowed_networks",
            "status",
            "created_at",
            "expires_at",
            "last_used_at",
        )
        read_only_fields = fields
