"""One model that belongs to a workspace."""

from __future__ import annotations

import uuid

from django.db import models

from apikeys.models import Workspace


class Note(models.Model):
    """A text of a workspace."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return str(self.public_id)
