"""Media records. Every one belongs to a workspace; the views never look past the caller's."""

from __future__ import annotations

import uuid

from django.db import models

from apikeys.models import Workspace


class Media(models.Model):
    """A video that somebody asked to have taken in. Its inputs are kept and never fetched."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=16, default="created")
    trial = models.BooleanField(default=False)
    inputs = models.JSONField()
    access_policy = models.CharField(max_length=16)
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "media"
        indexes = (
            models.Index(
                fields=("workspace", "-created_at", "-id"), name="fastpix_media_by_workspace"
            ),
        )

    def __str__(self) -> str:
        return str(self.public_id)
