"""Services and tokens as Fastly's own clients read them.

A value that does not exist is left out, never null: those clients refuse a null.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from rest_framework import serializers

from apikeys import dialects
from apikeys.models import AccessToken, Membership, Organization
from apikeys.serializers import StrictSerializer
from project.demo.bodies import in_ascii
from project.demo.fastly.models import Service

DIALECT = "fastly"
MOST_AT_ONCE = 1000


class ScopeField(serializers.CharField):
    """Names of Fastly's closed set, separated by spaces; a list of them afterwards."""

    def to_internal_value(self, data: Any) -> Any:
        names = super().to_internal_value(data).split()
        known = dialects.get(DIALECT).scopes
        unknown = [name for name in names if name not in known]
        if unknown:
            raise serializers.ValidationError(
                f"Unknown scope {in_ascii(unknown[0])!r}; choose from {', '.join(known)}."
            )
        return names


class NewTokenSerializer(StrictSerializer):
    """`POST /tokens`. User name and password may come over HTTP Basic instead."""

    username = serializers.CharField(max_length=254, required=False)
    password = serializers.CharField(max_length=4096, trim_whitespace=False, required=False)
    name = serializers.CharField(max_length=255, default="API token")
    # Not `global`, which Fastly itself defaults to: nothing here defaults to everything.
    scope = ScopeField(default="global:read")
    expires_at = serializers.DateTimeField(default_timezone=UTC, default=None)
    workspace = serializers.CharField(max_length=129, default="", allow_blank=True)

    def validate_scope(self, value: str | list[str]) -> list[str]:
        return [value] if isinstance(value, str) else value  # a default is not parsed


class RevokedSerializer(serializers.Serializer):
    """One entry of a bulk deletion."""

    id = serializers.CharField(max_length=64)
    type = serializers.ChoiceField(choices=["token"])


class BulkSerializer(StrictSerializer):
    """`DELETE /tokens`."""

    data = serializers.ListField(
        child=RevokedSerializer(), allow_empty=False, max_length=MOST_AT_ONCE
    )  # type: ignore[assignment]  # a member, not the attribute


class ServiceSerializer(StrictSerializer):
    """What a caller may say of a service."""

    name = serializers.CharField(max_length=255)
    comment = serializers.CharField(max_length=1000, allow_blank=True, required=False)
    type = serializers.ChoiceField(choices=["vcl"], required=False, write_only=True)


class ServiceChangeSerializer(ServiceSerializer):
    """What of a service can be changed; what is left out stays."""

    name = serializers.CharField(max_length=255, required=False)


def service_facts(service: Service) -> dict[str, Any]:
    """Return what is said of a service; its workspace comes with its organization."""
    return {
        "id": str(service.public_id),
        "customer_id": service.workspace.organization.slug,
        "name": service.name,
        "type": "vcl",
        "comment": service.comment,
        "version": service.version,
        "versions": [
            {
                "number": service.version,
                "service_id": str(service.public_id),
                "active": True,
                "locked": False,
                "comment": "",
                "created_at": moment(service.created_at),
                "updated_at": moment(service.updated_at),
                "deleted_at": None,
            }
        ],
        "created_at": moment(service.created_at),
        "updated_at": moment(service.updated_at),
        "deleted_at": None,
    }


def tokens_facts(tokens: Iterable[AccessToken]) -> list[dict[str, Any]]:
    """Return what is said of each; an owner of many is looked up once."""
    user_id = cache(_user_id)
    return [_facts(token, user_id(token.owner_id, token.organization)) for token in tokens]


def token_facts(token: AccessToken) -> dict[str, Any]:
    """Return what is said of a token: strings, and only values that exist."""
    return _facts(token, _user_id(token.owner_id, token.organization))


def _facts(token: AccessToken, user_id: str | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "id": token.token_id,
        "user_id": user_id,
        "name": token.name,
        "scope": " ".join(token.scopes),
        "services": [],
        "created_at": moment(token.created_at),
        "updated_at": moment(token.updated_at),
        "deleted_at": moment(token.revoked_at),
        "last_used_at": moment(token.last_used_at),
        "expires_at": moment(token.expires_at),
        "ip": token.last_used_address,
        "user_agent": token.last_used_agent or None,
    }
    nullable = ("deleted_at", "updated_at")
    return {name: v for name, v in facts.items() if v is not None or name in nullable}


def moment(value: datetime | None) -> str | None:
    """Return the time in UTC, to the second."""
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _user_id(owner_id: int | None, organization: Organization) -> str | None:
    if owner_id is None:
        return None
    membership = Membership.objects.filter(organization=organization, user_id=owner_id).first()
    return None if membership is None else str(membership.public_id)
