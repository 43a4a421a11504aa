"""Where processes in the mode ``CACHE = "host"`` hear of changes, so that each one finds them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class EpochPlace(models.Model):
    """A file in some host's shared memory; known while a process that remembers renews it.

    Attributes:
        identity: the file's own, 32 hexadecimal digits.
        user: the number of the Unix user whose processes map it.
        host: the host's name, for people.
        seen_at: when a process last renewed it, by the database's clock.
    """

    identity = models.CharField(_("identity"), max_length=32, unique=True)
    user = models.BigIntegerField(_("user"))
    host = models.CharField(_("host"), max_length=255)
    seen_at = models.DateTimeField(_("seen at"))

    class Meta:
        verbose_name = _("epoch place")
        verbose_name_plural = _("epoch places")

    def __str__(self) -> str:
        return f"user {self.user} on {self.host}"
