"""What programs send: declared fields only, each of its JSON type.

A mistyped field must not be lost, and a number is no text: what is not meant is refused by name.
"""

from __future__ import annotations

import math
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from rest_framework import serializers

from apikeys.models.organizations import Environment, Role
from apikeys.models.tokens import Kind
from apikeys.queries.reports import RANGES
from apikeys.serializers import StrictSerializer

DEFAULT_RANGE = "30d"


class Text(serializers.CharField):
    """A JSON string; DRF's own field takes numbers for text."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Slug(serializers.SlugField):
    """A JSON string of letters, digits, hyphens and underscores."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Email(serializers.EmailField):
    """A JSON string that is an e-mail address."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class WholeNumber(serializers.IntegerField):
    """A JSON number without a fraction; DRF's own field takes text for numbers."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        # An int is finite, and one beyond every float can't even be asked.
        if isinstance(data, float) and not math.isfinite(data):
            self.fail("invalid")
        return super().to_internal_value(int(data) if data == int(data) else data)


class Moment(serializers.DateTimeField):
    """RFC 3339 with an offset: what "noon" means is not left to the server's zone."""

    def to_internal_value(self, value: Any) -> Any:
        try:
            parsed = parse_datetime(value) if isinstance(value, str) else None
        except ValueError:
            parsed = None
        if parsed is None or parsed.tzinfo is None:
            self.fail("invalid", format=_("YYYY-MM-DDThh:mm:ssZ, or with an offset instead of Z"))
        return super().to_internal_value(value)


class OneOf(serializers.ChoiceField):
    """A JSON string out of a closed list."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


class OrganizationUpdateSerializer(StrictSerializer):
    """The name of an organization, and what holds for all its tokens."""

    name = Text(max_length=255, required=False)
    max_lifetime_days = WholeNumber(required=False, allow_null=True, min_value=1, max_value=36_500)
    allowed_networks = serializers.ListField(
        child=Text(max_length=64), required=False, max_length=100
    )
    limits = serializers.DictField(
        child=Text(max_length=64), required=False, help_text="Limit name to rate."
    )


class WorkspaceCreateSerializer(StrictSerializer):
    """A new workspace."""

    name = Text(max_length=255)
    environment = OneOf(choices=Environment.choices)
    dialect = Text(max_length=64, default="default")


class WorkspaceUpdateSerializer(StrictSerializer):
    """The new name of a workspace."""

    name = Text(max_length=255)


class TokenCreateSerializer(StrictSerializer):
    """A new token."""

    workspace = Slug(max_length=64)
    name = Text(max_length=255)
    description = Text(max_length=500, required=False, allow_blank=True)
    kind = OneOf(choices=Kind.choices, default=Kind.AUTOMATION)
    scopes = serializers.ListField(child=Text(max_length=100), max_length=200)
    allowed_networks = serializers.ListField(
        child=Text(max_length=64), required=False, max_length=100
    )
    expires_at = Moment(required=False, allow_null=True)


class TokenUpdateSerializer(StrictSerializer):
    """Changes to a token; what is left out stays as it is."""

    name = Text(max_length=255, required=False)
    description = Text(max_length=500, required=False, allow_blank=True)
    scopes = serializers.ListField(
        child=Text(max_length=100),
        required=False,
        max_length=200,
        help_text="Can only be narrowed.",
    )
    allowed_networks = serializers.ListField(
        child=Text(max_length=64), required=False, max_length=100
    )
    expires_at = Moment(required=False, allow_null=True, help_text="Can only be brought forward.")


class RotateSerializer(StrictSerializer):
    """How to rotate."""

    overlap_seconds = WholeNumber(
        default=0,
        min_value=0,
        max_value=7 * 24 * 3600,
        help_text="How long the present secret keeps working.",
    )
    seen_rotated_at = Moment(
        required=False,
        allow_null=True,
        help_text="The token's `rotated_at` as you have read it; the rotation is refused if there "
        "has been another since. Left out, it is refused within ten seconds of the last one.",
    )


class RevokeSerializer(StrictSerializer):
    """Why a token is revoked."""

    reason = Text(max_length=255, required=False, allow_blank=True, default="")


class BulkRevokeSerializer(RevokeSerializer):
    """Which tokens are revoked, all or none."""

    token_ids = serializers.ListField(child=Text(max_length=64), min_length=1, max_length=1000)


class RevokeAllSerializer(RevokeSerializer):
    """In which workspace all tokens are revoked."""

    workspace = Slug(max_length=64)


class MemberCreateSerializer(StrictSerializer):
    """Who is added."""

    user = Text(max_length=254, help_text="The log-in name.")
    role = OneOf(choices=Role.choices, default=Role.MEMBER)


class RoleSerializer(StrictSerializer):
    """The new role."""

    role = OneOf(choices=Role.choices)


class InvitationCreateSerializer(StrictSerializer):
    """Who is invited."""

    email = Email(max_length=254)
    role = OneOf(choices=Role.choices, default=Role.MEMBER)


class UsageQuerySerializer(StrictSerializer):
    """Which requests are counted."""

    range = OneOf(choices=list(RANGES), default=DEFAULT_RANGE, help_text="How far back.")
    workspace = Slug(max_length=64, required=False, help_text="Only this workspace's tokens.")
    token = Text(max_length=64, required=False, help_text="Only the token of this id.")
