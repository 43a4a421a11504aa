"""Notes. Every one belongs to a workspace; the views never look past the caller's."""

from __future__ import annotations

import uuid

from django.db import models

from apikeys.models import Workspace


class Note(models.Model):
    """A text that somebody wanted kept."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (models.Index(fields=("workspace", "-created_at"), name="notes_by_workspace"),)

    def __str__(self) -> str:
        return str(self.public_id)
