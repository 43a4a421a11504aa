"""A note as JSON."""

from __future__ import annotations

from rest_framework import serializers

from tests.support.notes.models import Note


class NoteSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id", read_only=True)
    text = serializers.CharField(max_length=10_000)

    class Meta:
        model = Note
        fields = ("id", "text", "created_at")
