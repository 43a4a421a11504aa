"""Who owns tokens: organizations, their workspaces, the people in them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apikeys import dialects
from apikeys.models import admins, people
from apikeys.models.pickles import WithoutPeople
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


class Workspace(WithoutPeople):
    """A part of an organization with its own data and tokens, speaking one dialect.

    Archiving is terminal: its tokens are revoked with it. ``service_account`` is the user that its
    automation tokens act as, where ``AUTOMATION_USER`` says so.
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
    service_account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("service account"),
    )

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


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Questions about many memberships."""

    def admins(self) -> MembershipQuerySet:
        """Return those of admins, whether or not they can log in."""
        return self.filter(role=Role.ADMIN)

    def of_active_people(self) -> MembershipQuerySet:
        """Return those of people who may act, as far as a column says so."""
        return self.filter(people.active("user__"))

    def some_active(self) -> bool:
        """Whether one of them is of somebody who may act, as the database has it now."""
        found = self.of_active_people()
        if people.is_known_to_queries():
            return found.exists()
        return bool(found.active())

    def active(self) -> list[Membership]:
        """Return those of people who may act, as the database has it now, with their users."""
        found = self.of_active_people().select_related("user")
        return [one for one in found if people.is_active(one.user)]


class Membership(WithoutPeople):
    """One user in one organization.

    The last one of an admin who can log in is neither saved as anything less nor deleted, alone or
    with its user: ``admins.LastAdminError``.
    """

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.PROTECT, related_name="memberships", verbose_name=_("organization")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        admins.with_their_memberships,
        related_name="apikeys_memberships",
        verbose_name=_("user"),
    )
    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.MEMBER)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = WriterManager.from_queryset(MembershipQuerySet)()

    # A service deletes it and has done what goes with that; no column.
    ends_by_service = False
    # Why it can't go with its user, for the page that was asked to delete them; no column.
    blocked_because = ""

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
        said = f"{self.user} · {self.organization} · {self.role}"
        return f"{said}: {self.blocked_because}" if self.blocked_because else said

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        """Save, unless that would take the last admin who can log in.

        Raises:
            LastAdminError: it would.
        """
        using = admins.database_of(self, kwargs.get("using"))
        with transaction.atomic(using=using):
            admins.require_another_if_it_ends(self, kwargs.get("update_fields"), using)
            super().save_base(*args, **kwargs)

    @property
    def is_admin(self) -> bool:
        """Whether this person manages the organization."""
        return self.role == Role.ADMIN


class InvitationState(models.TextChoices):
    """What became of an invitation. Computed, never stored."""

    OPEN = "open", _("open")
    ACCEPTED = "accepted", _("accepted")
    WITHDRAWN = "withdrawn", _("withdrawn")
    VOID = "void", _("void")
    EXPIRED = "expired", _("expired")


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Questions about many invitations."""

    def unanswered(self) -> InvitationQuerySet:
        """Return those neither accepted nor withdrawn, expired ones included."""
        return self.filter(accepted_at__isnull=True, withdrawn_at__isnull=True)

    def with_inviters(self) -> InvitationQuerySet:
        """Return them with what their state asks of who sent them, in the same query."""
        rows = Membership.objects.admins().filter(
            organization=OuterRef("organization"), user=OuterRef("invited_by")
        )
        return self.select_related("invited_by").annotate(inviter_is_admin=Exists(rows))


class Invitation(WithoutPeople):
    """An offer to join, sent by e-mail as a signed link that names ``public_id``.

    Who sent it last answers for it: it is void while that person is no active admin of the
    organization, whatever code changed that. ``inviter_kind``, ``inviter_id`` and
    ``inviter_label`` are the actor's, as in an audit event, and stay when the account is gone.
    """

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="invitations", verbose_name=_("organization")
    )
    email = models.EmailField(_("e-mail"))
    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.MEMBER)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("invited by"),
    )
    inviter_kind = models.CharField(
        _("inviter kind"), max_length=16, default="user", db_default="user"
    )
    inviter_id = models.CharField(
        _("inviter id"), max_length=255, blank=True, default="", db_default=""
    )
    inviter_label = models.CharField(
        _("invited by"), max_length=255, blank=True, default="", db_default=""
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires at"))
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)

    # Not stored: whether this object's last mail could not be sent, where that is known by now.
    mail_failed = False

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
    def inviter(self) -> str:
        """How people call who sent it, also after that account is gone."""
        return self.inviter_label or str(self.invited_by.get_username() if self.invited_by else "")

    @property
    def inviter_stands(self) -> bool:
        """Whether who sent it may still: the system, or an active admin of the organization."""
        if self.inviter_kind == "system":
            return True
        if self.invited_by is None or not people.is_active(self.invited_by):
            return False
        if (known := getattr(self, "inviter_is_admin", None)) is not None:
            return bool(known)
        rows = Membership.objects.filter(organization=self.organization_id, user=self.invited_by)
        return rows.admins().exists()

    @property
    def state(self) -> InvitationState:
        """What this invitation is at this moment."""
        return self.state_at(timezone.now())

    def state_at(self, now: datetime) -> InvitationState:
        """What this invitation is at ``now``; ``expires_at <= now`` is expired."""
        if self.accepted_at is not None:
            return InvitationState.ACCEPTED
        if self.withdrawn_at is not None:
            # One that had run out before a new one replaced it was not taken back.
            late = self.withdrawn_at >= self.expires_at
            return InvitationState.EXPIRED if late else InvitationState.WITHDRAWN
        if not self.inviter_stands:
            return InvitationState.VOID
        return InvitationState.EXPIRED if self.expires_at <= now else InvitationState.OPEN
