"""What happened: audit events, use per hour, refusals per minute.

Audit events point at nothing: organization, token and actor stay readable after they are gone.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import connections, models, transaction
from django.db.models import F
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apikeys.models.tokens import AccessToken
from apikeys.models.writer import WriterManager


class AppendOnlyError(TypeError):
    """Audit events are neither changed nor deleted; ``prune_activity`` drops old ones."""


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """Questions about many audit events, and no way to change them."""

    def update(self, **kwargs: Any) -> int:
        raise AppendOnlyError("Audit events can't be changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError("Audit events can't be deleted.")

    def bulk_create(self, *args: Any, **kwargs: Any) -> list[AuditEvent]:
        if kwargs.get("update_conflicts"):
            raise AppendOnlyError("Audit events can't be changed.")
        return super().bulk_create(*args, **kwargs)

    def prune(self) -> int:
        """Delete these events and return how many; for ``prune_activity`` alone.

        On PostgreSQL a trigger refuses any other deletion: it looks for this variable.
        """
        with transaction.atomic(using=self.db):
            self._let_through("on")
            deleted = self._raw_delete(self.db)
            self._let_through("off")
        return deleted

    def _let_through(self, value: str) -> None:
        connection = connections[self.db]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('apikeys.pruning', %s, true)", [value])


class AuditEvent(models.Model):
    """One change somebody answers for, written in the transaction of the change."""

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(_("time"), default=timezone.now)
    organization_id = models.BigIntegerField(_("organization"))
    organization_slug = models.CharField(_("organization slug"), max_length=64)
    workspace_slug = models.CharField(_("workspace"), max_length=64, blank=True)
    action = models.CharField(_("action"), max_length=64)
    actor_kind = models.CharField(_("actor kind"), max_length=16)
    actor_id = models.CharField(_("actor id"), max_length=255, blank=True)
    actor_label = models.CharField(_("actor"), max_length=255)
    token_id = models.CharField(_("token id"), max_length=64, blank=True)
    target_label = models.CharField(_("target"), max_length=255, blank=True)
    address = models.GenericIPAddressField(_("address"), null=True, blank=True)
    request_id = models.CharField(_("request id"), max_length=64, blank=True)
    details = models.JSONField(_("details"), default=dict)

    objects = WriterManager.from_queryset(AuditEventQuerySet)()

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ("-created_at", "-id")
        # One for each filter of the log: a rare actor among a million events is found at once.
        indexes = [
            models.Index(
                fields=("organization_id", "-created_at", "-id"), name="apikeys_audit_listing"
            ),
            models.Index(
                F("organization_id"),
                Lower("actor_label"),
                F("created_at").desc(),
                F("id").desc(),
                name="apikeys_audit_actor",
            ),
            models.Index(
                fields=("organization_id", "action", "-created_at", "-id"),
                name="apikeys_audit_action",
            ),
            models.Index(
                fields=("organization_id", "token_id", "-created_at", "-id"),
                name="apikeys_audit_token",
            ),
            models.Index(
                fields=("organization_id", "workspace_slug", "-created_at", "-id"),
                name="apikeys_audit_workspace",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M:%S} {self.actor_label} {self.action}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError("Audit events can't be changed.")
        # Or Django would try an UPDATE first for an event made with the primary key of another.
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError("Audit events can't be deleted.")


class Outcome(models.TextChoices):
    """How a request with a proven token ended."""

    SUCCESS = "success", _("success")
    CLIENT_ERROR = "client_error", _("client error")
    SERVER_ERROR = "server_error", _("server error")
    LIMITED = "limited", _("limited")
    REFUSED = "refused", _("refused")


class Period(models.TextChoices):
    """The length of time one usage counter stands for."""

    HOUR = "hour", _("hour")
    DAY = "day", _("day")


class UsageCounter(models.Model):
    """Requests of one token with one outcome in one hour (rolled up: one day)."""

    token = models.ForeignKey(
        AccessToken, models.CASCADE, related_name="usage_counters", verbose_name=_("token")
    )
    period = models.CharField(
        _("period"), max_length=8, choices=Period.choices, default=Period.HOUR
    )
    started_at = models.DateTimeField(_("started at"))
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome.choices)
    count = models.PositiveBigIntegerField(_("count"), default=0)

    objects = WriterManager()

    class Meta:
        verbose_name = _("usage counter")
        verbose_name_plural = _("usage counters")
        constraints = [
            models.UniqueConstraint(
                fields=("token", "period", "started_at", "outcome"), name="apikeys_usage_unique"
            ),
        ]
        indexes = [models.Index(fields=("period", "started_at"), name="apikeys_usage_age")]

    def __str__(self) -> str:
        return f"{self.token_id} {self.started_at:%Y-%m-%d %H} {self.outcome} {self.count}"


class RefusalCounter(models.Model):
    """Refused requests from one address for one reason in one minute.

    ``token_id`` is set when a token of the presented id exists.
    """

    minute = models.DateTimeField(_("minute"))
    address = models.CharField(_("address"), max_length=64, blank=True)
    reason = models.CharField(_("reason"), max_length=64)
    dialect = models.CharField(_("dialect"), max_length=64)
    token_id = models.CharField(_("token id"), max_length=64, blank=True)
    count = models.PositiveBigIntegerField(_("count"), default=0)

    objects = WriterManager()

    class Meta:
        verbose_name = _("refusal counter")
        verbose_name_plural = _("refusal counters")
        constraints = [
            models.UniqueConstraint(
                fields=("minute", "address", "reason", "dialect", "token_id"),
                name="apikeys_refusal_unique",
            ),
        ]
        indexes = [models.Index(fields=("token_id", "minute"), name="apikeys_refusal_token")]

    def __str__(self) -> str:
        return f"{self.minute:%Y-%m-%d %H:%M} {self.address} {self.reason} {self.count}"
