"""Which secrets were made, so that a repeated request makes none. Knows no secret."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apikeys.models.organizations import Organization
from apikeys.models.tokens import AccessToken
from apikeys.models.writer import WriterManager


class SecretIssue(models.Model):
    """That a secret was made, once: ``creation_id`` is unique to its caller in an organization.

    A repeated POST finds its id here and makes nothing. ``fingerprint`` tells a retry from
    another request that reuses the id. ``caller`` is who chose the id; empty in rows of an
    earlier release, where an id was the whole organization's. Nothing here helps to guess the
    secret.
    """

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="+", verbose_name=_("organization")
    )
    caller = models.CharField(_("caller"), max_length=300, db_default="", default="")
    creation_id = models.CharField(_("creation id"), max_length=255)
    fingerprint = models.CharField(_("fingerprint"), max_length=64)
    token = models.ForeignKey(
        AccessToken, models.CASCADE, related_name="+", verbose_name=_("token")
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    objects = WriterManager()

    class Meta:
        verbose_name = _("secret issue")
        verbose_name_plural = _("secret issues")
        constraints = [
            models.UniqueConstraint(
                fields=("organization", "caller", "creation_id"),
                name="apikeys_creation_id_of_caller",
            ),
        ]

    def __str__(self) -> str:
        return self.creation_id
