"""What log-in and key API read and writes: scopes as one string, times in UTC without a zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from apikeys import dialects
from apikeys.models import AccessToken
from apikeys.serializers import StrictSerializer
from project.demo.bodies import in_ascii
from project.demo.fastcms.authentication import DIALECT

SAVE_IT = "Save this key securely. It will not be shown again."
LONGEST_OVERLAP = 7 * 24 * 3600


class LoginSerializer(serializers.Serializer):
    """`POST /api/v1/auth/login`."""

    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=4096, trim_whitespace=False)
    workspace = serializers.CharField(max_length=129, default="", allow_blank=True)


class ScopesField(serializers.CharField):
    """Names of FastCMS's closed set, separated by commas; a list of them afterwards."""

    def to_internal_value(self, data: Any) -> Any:
        names = [name.strip() for name in super().to_internal_value(data).split(",")]
        known = dialects.get(DIALECT).scopes
        unknown = [name for name in names if name not in known]
        if unknown:
            raise serializers.ValidationError(
                f"Unknown scope {in_ascii(unknown[0])!r}; choose from {', '.join(known)}."
            )
        return names


class NewKeySerializer(StrictSerializer):
    """`POST /api/v1/api-keys`."""

    name = serializers.CharField(max_length=255)
    # The documented default of FastCMS, which no other API here shares.
    scopes = ScopesField(default="*")
    expires_at = serializers.DateTimeField(default_timezone=UTC, default=None, allow_null=True)

    def validate_scopes(self, value: str | list[str]) -> list[str]:
        return [value] if isinstance(value, str) else value  # a default is not parsed


class ChangedKeySerializer(StrictSerializer):
    """`PATCH /api/v1/api-keys/{id}`."""

    name = serializers.CharField(max_length=255, required=False)
    active = serializers.BooleanField(required=False)
    scopes = ScopesField(required=False)


class RotationSerializer(StrictSerializer):
    """`POST /api/v1/api-keys/{id}/rotate`."""

    overlap = serializers.IntegerField(min_value=0, max_value=LONGEST_OVERLAP, default=0)


def key_prefix(token: AccessToken) -> str:
    """Return what people recognise the key by; the secret is not in it."""
    prefix = token.workspace.speaks.prefix(token.workspace.environment)
    return f"{prefix}_{token.token_id}_****"


def moment(value: datetime | None) -> str | None:
    """Return the time in UTC, to the second, without a zone."""
    if value is None:
        return None
    return value.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat()


def key_with_secret(token: AccessToken, api_key: str) -> dict[str, Any]:
    """Return the one answer that shows the key."""
    return {
        "id": str(token.public_id),
        "name": token.name,
        "key": api_key,
        "key_prefix": key_prefix(token),
        "scopes": ",".join(token.scopes),
        "expires_at": moment(token.expires_at),
        "message": SAVE_IT,
    }


def key_facts(token: AccessToken) -> dict[str, Any]:
    """Return what is said of a key afterwards."""
    return {
        "id": str(token.public_id),
        "name": token.name,
        "key_prefix": key_prefix(token),
        "scopes": ",".join(token.scopes),
        "active": token.disabled_at is None,
        "expires_at": moment(token.expires_at),
        "last_used_at": moment(token.last_used_at),
        "last_used_ip": token.last_used_address,
        "created": moment(token.created_at),
    }
