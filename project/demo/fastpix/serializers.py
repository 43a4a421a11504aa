"""Media as JSON, in the vendor's names."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from rest_framework import serializers

from project.demo.fastpix.models import Media

INPUT_TYPES = ("video", "audio", "watermark", "subtitle")
ACCESS_POLICIES = ("public", "private", "drm")
MOST_INPUTS = 10
MOST_METADATA = 10


class MetadataField(serializers.DictField):
    """Names and texts of the caller's own."""

    child = serializers.CharField(max_length=255, allow_blank=True)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        metadata = super().to_internal_value(data)
        if len(metadata) > MOST_METADATA or any(len(name) > 255 for name in metadata):
            raise serializers.ValidationError("Use at most 10 entries of 255 characters each.")
        if any(not name.isprintable() for name in metadata):
            raise serializers.ValidationError("Use names without control characters.")
        return metadata


class InputSerializer(serializers.Serializer):
    """One input: what it is and where it lies. The address is checked and never fetched."""

    type = serializers.ChoiceField(choices=INPUT_TYPES)
    url = serializers.CharField(max_length=2048)

    def validate_url(self, url: str) -> str:
        try:
            parts = urlsplit(url)
            whole = parts.scheme in ("http", "https") and bool(parts.hostname)
            _ = parts.port
        except ValueError:
            whole = False
        if not whole or not url.isascii() or any(c.isspace() for c in url):
            raise serializers.ValidationError("Enter an http or https URL.")
        return url


class MediaSerializer(serializers.ModelSerializer):
    """One media record."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    workspaceId = serializers.CharField(source="workspace.slug", read_only=True)  # noqa: N815
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)  # noqa: N815
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)  # noqa: N815
    inputs = serializers.ListField(
        child=InputSerializer(), allow_empty=False, max_length=MOST_INPUTS
    )
    accessPolicy = serializers.ChoiceField(  # noqa: N815
        source="access_policy", choices=ACCESS_POLICIES
    )
    metadata = MetadataField(required=False)

    class Meta:
        model = Media
        fields = (
            "id",
            "workspaceId",
            "status",
            "trial",
            "createdAt",
            "updatedAt",
            "inputs",
            "accessPolicy",
            "metadata",
        )
        read_only_fields = ("status", "trial")

    def to_representation(self, instance: Media) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if not instance.metadata:
            del shown["metadata"]
        return shown

    def create(self, validated_data: Any) -> Media:
        return Media.objects.create(**validated_data)


class MediaChangeSerializer(serializers.Serializer):
    """What of a media record can be changed."""

    metadata = MetadataField()


class ListSerializer(serializers.Serializer):
    """How a list is asked for; `offset` counts pages from 1, as the vendor's does."""

    limit = serializers.IntegerField(min_value=1, max_value=50, default=10)
    offset = serializers.IntegerField(min_value=1, max_value=1_000_000, default=1)
    orderBy = serializers.ChoiceField(choices=("desc", "asc"), default="desc")  # noqa: N815


EXAMPLE = {
    "inputs": [{"type": "video", "url": "https://static.example.org/sample.mp4"}],
    "accessPolicy": "public",
    "metadata": {"chapter": "1"},
}


class MediaAnswerSerializer(serializers.Serializer):
    """The envelope of one record."""

    success = serializers.BooleanField()
    data = MediaSerializer()  # type: ignore[assignment]  # a member, not the attribute


class PaginationSerializer(serializers.Serializer):
    """Where in the list a page lies."""

    totalRecords = serializers.IntegerField()  # noqa: N815
    currentOffset = serializers.IntegerField()  # noqa: N815
    offsetCount = serializers.IntegerField()  # noqa: N815


class MediaPageSerializer(serializers.Serializer):
    """The envelope of a page of records."""

    success = serializers.BooleanField()
    data = MediaSerializer(many=True)  # type: ignore[assignment]
    pagination = PaginationSerializer()


class MediaDeletedSerializer(serializers.Serializer):
    """What is left to say of a record that is gone."""

    success = serializers.BooleanField()
