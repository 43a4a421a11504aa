"""What a workspace keeps in FastCMS: collections with a schema, their records, files."""

from __future__ import annotations

import uuid

from django.db import models

from apikeys.models import Workspace


class Collection(models.Model):
    """A kind of records. ``schema`` lists its fields: name, type, required."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=63)
    schema = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                fields=("workspace", "name"), name="fastcms_collection_name_unique"
            ),
        )

    def __str__(self) -> str:
        return self.name


class Record(models.Model):
    """One entry of a collection; ``data`` fits the collection's schema."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="records")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=("collection", "-created_at", "-id"), name="fastcms_record_list"),
        )

    def __str__(self) -> str:
        return str(self.public_id)


class File(models.Model):
    """An uploaded file, small enough to lie in the database."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)
    content_type = models.CharField(max_length=127)
    size = models.PositiveIntegerField()
    content = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=("workspace", "-created_at", "-id"), name="fastcms_file_list"),
        )

    def __str__(self) -> str:
        return self.name
