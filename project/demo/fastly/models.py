"""What a workspace keeps at Fastly: services and the objects cached for them."""

from __future__ import annotations

import uuid

from django.db import models

from apikeys.models import Workspace


class Service(models.Model):
    """A site in front of which things are cached. ``version`` counts its changes."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)
    comment = models.CharField(max_length=1000, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("created_at", "id")
        indexes = (models.Index(fields=("workspace", "created_at"), name="fastly_service_list"),)

    def __str__(self) -> str:
        return self.name


class CachedObject(models.Model):
    """A stored answer. ``name`` is the address it is cached for: host, path and query."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="objects_cached")
    name = models.CharField(max_length=512)
    content = models.BinaryField()
    content_type = models.CharField(max_length=127)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("service", "name"), name="fastly_object_unique"),
        )
        indexes = (models.Index(fields=("name",), name="fastly_object_by_name"),)

    def __str__(self) -> str:
        return self.name


class SurrogateKey(models.Model):
    """A word that several cached objects share, so that they can be purged together."""

    cached = models.ForeignKey(CachedObject, on_delete=models.CASCADE, related_name="surrogates")
    key = models.CharField(max_length=255)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("cached", "key"), name="fastly_surrogate_unique"),
        )
        indexes = (models.Index(fields=("key",), name="fastly_surrogate_by_key"),)

    def __str__(self) -> str:
        return self.key
