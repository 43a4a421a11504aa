"""Who owns tokens: organizations, their workspaces, the people in them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apikeys import dialects
from apikeys.models.writer import WriterManager


class OrganizationQuerySet(models.QuerySet["Organization"]):
    """Questions about many organizations."""

    def of(self, user: Any) -> OrganizationQuerySet:
        """Return the organizations the user is in."""
        return self.filter(memberships__user=user)


class Organization(models.Model):
    """A tenant: what is one organization's is invisible to every other.

    ``slug`` is its public name and never changes. ``suspended_at`` stops all its tokens,
    reversibly. ``allowed_networks`` holds for all its tokens besides their own list.
    ``limits`` replaces rates of its views, limit name to rate. ``max_lifetime_days`` may shorten
    the site's ``MAX_LIFETIME``.
    """

    slug = models.SlugField(_("slug"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=255)
    allowed_networks = models.JSONField(_("allowed networks"), default=list, blank=True)
    max_lifetime_days = models.PositiveIntegerField(_("longest lifetime"), null=True, blank=True)
    limits = models.JSONField(_("limits"), default=dict, blank=True)
    credits = models.BigIntegerField(_("credits"), default=0)
    suspended_at = models.DateTimeField(_("suspended at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = WriterManager.from_queryset(OrganizationQuerySet)()

    class Meta:
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")
        ordering = ("slug",)
        constraints = [
            models.CheckConstraint(
                condition=Q(credits__gte=0), name="apikeys_credits_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(max_lifetime_days__isnull=True) | Q(max_lifetime_days__gte=1),
                name="apikeys_max_lifetime_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Environment(models.TextChoices):
    """What a workspace is for; it chooses the key prefix and the friction of its pages."""

    DEVELOPMENT = "development", _("development")
    STAGING = "staging", _("staging")
    PRODUCTION = "production", _("production")


class Workspace(models.Model):
    """A part of an organization with its own data and tokens, speaking one dialect.

    Archiving is terminal: its tokens are revoked with it.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="workspaces", verbose_name=_("organization")
    )
    slug = models.SlugField(_("slug"), max_length=64)
    name = models.CharField(_("name"), max_length=255)
    environment = models.CharField(_("environment"), max_length=32, choices=Environment.choices)
    dialect = models.CharField(_("dialect"), max_length=64, default="default")
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = WriterManager()

    class Meta:
        verbose_name = _("workspace")
        verbose_name_plural = _("workspaces")
        ordering = ("organization", "slug")
        constraints = [
            models.UniqueConstraint(
                fields=("organization", "slug"), name="apikeys_workspace_slug_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_production(self) -> bool:
        """Whether mistakes here hurt."""
        return self.environment == Environment.PRODUCTION

    @property
    def speaks(self) -> dialects.Dialect:
        """The dialect object of this workspace."""
        return dialects.get(self.dialect)


class Role(models.TextChoices):
    """What a member may do: admins manage tokens, members do not see them."""

    ADMIN = "admin", _("admin")
    MEMBER = "member", _("member")


class Membership(models.Model):
    """One user in one organization."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="memberships", verbose_name=_("organization")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="apikeys_memberships",
        verbose_name=_("user"),
    )
    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.MEMBER)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = WriterManager()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint(
                fields=("organization", "user"), name="apikeys_membership_unique"
            ),
            models.CheckConstraint(
                condition=Q(role__in=("admin", "member")), name="apikeys_membership_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.organization} · {self.role}"

    @property
    def is_admin(self) -> bool:
        """Whether this person manages the organization."""
        return self.role == Role.ADMIN


class InvitationState(models.TextChoices):
    """What became of an invitation. Computed, never stored."""

    OPEN = "open", _("open")
    ACCEPTED = "accepted", _("accepted")
    WITHDRAWN = "withdrawn", _("withdrawn")
    EXPIRED = "expired", _("expired")


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Questions about many invitations."""

    def unanswered(self) -> InvitationQuerySet:
        """Return those neither accepted nor withdrawn, expired ones included."""
        return self.filter(accepted_at__isnull=True, withdrawn_at__isnull=True)


class Invitation(models.Model):
    """An offer to join, sent by e-mail as a signed link that names ``public_id``."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="invitations", verbose_name=_("organization")
    )
    email = models.EmailField(_("e-mail"))
    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.MEMBER)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires at"))
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)

    objects = WriterManager.from_queryset(InvitationQuerySet)()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("email"),
                condition=Q(accepted_at__isnull=True, withdrawn_at__isnull=True),
                name="apikeys_invitation_open_unique",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="apikeys_invitation_expires_later"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} → {self.organization}"

    @property
    def state(self) -> InvitationState:
        """What this invitation is at this moment."""
        return self.state_at(timezone.now())

    def state_at(self, now: datetime) -> InvitationState:
        """What this invitation is at ``now``; ``expires_at <= now`` is expired."""
        if self.accepted_at is not None:
            return InvitationState.ACCEPTED
        # One that had run out before a new one replaced it was not taken back.
        if self.withdrawn_at is not None and self.withdrawn_at < self.expires_at:
            return InvitationState.WITHDRAWN
        return InvitationState.EXPIRED if self.expires_at <= now else InvitationState.OPEN
