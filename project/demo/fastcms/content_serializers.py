"""Collections, records and files as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from project.demo.fastcms.models import Collection, File, Record
from project.demo.fastcms.schemas import NAME, checked_record, checked_schema


class CollectionSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id", read_only=True)
    name = serializers.CharField(max_length=63)
    schema = serializers.JSONField(default=list)  # type: ignore[arg-type]  # it is a list

    class Meta:
        model = Collection
        fields = ("id", "name", "schema", "created_at", "updated_at")

    def validate_name(self, value: str) -> str:
        if self.instance is not None and value != self.instance.name:
            raise serializers.ValidationError("A collection keeps its name.")
        if not NAME.fullmatch(value):
            raise serializers.ValidationError(
                "A name is made of a-z, 0-9 and _ and begins with a letter."
            )
        return value

    def validate_schema(self, value: Any) -> list[dict[str, Any]]:
        return checked_schema(value)


class RecordSerializer(serializers.ModelSerializer):
    """One record; ``context["collection"]`` is its collection."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    collection = serializers.CharField(source="collection.name", read_only=True)
    data = serializers.JSONField()  # type: ignore[assignment]  # a member, not the attribute

    class Meta:
        model = Record
        fields = ("id", "collection", "data", "created_at", "updated_at")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "data" in attrs:
            attrs["data"] = checked_record(
                attrs["data"], self.context["collection"].schema, partial=self.partial
            )
        return attrs


class FileSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id", read_only=True)

    class Meta:
        model = File
        fields = ("id", "name", "content_type", "size", "created_at")
        read_only_fields = fields
