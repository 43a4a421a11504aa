"""Access tokens. The secret is not here: only its digest is."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, cast

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apikeys.credentials.keys import KeyShape
from apikeys.models import people
from apikeys.models.digest_field import DigestField
from apikeys.models.names import ComparedField
from apikeys.models.organizations import Membership, Organization, Workspace
from apikeys.models.pickles import WithoutPeople
from apikeys.models.status import (
    ENDED,
    EXPIRING_WITHIN,
    OBSTACLES,
    USABLE,
    Circumstances,
    Kind,
    Status,
    condition,
    none_of,
    owner_is_member,
    status_of,
)
from apikeys.models.writer import WriterManager

__all__ = ["EXPIRING_WITHIN", "AccessToken", "AccessTokenQuerySet", "Kind", "Status"]

UNUSED_AFTER: Final = timedelta(days=90)


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    """Questions about many tokens."""

    def update(self, **kwargs: Any) -> int:
        if "name" in kwargs:
            kwargs.setdefault("name_key", self.name_key_of(kwargs["name"]))
        return super().update(**kwargs)

    def bulk_update(
        self, objs: Iterable[AccessToken], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        objs, fields = tuple(objs), list(fields)
        if "name" in fields:
            for token in objs:
                token.name_key = self.name_key_of(token.name)
            fields = [*fields, "name_key"] if "name_key" not in fields else fields
        return super().bulk_update(objs, fields, batch_size)

    def bulk_create(self, *args: Any, **kwargs: Any) -> list[AccessToken]:
        if "name" in (written := kwargs.get("update_fields") or ()):
            kwargs["update_fields"] = [*written, "name_key"]
        return super().bulk_create(*args, **kwargs)

    def name_key_of(self, name: object) -> str:
        """Return the form in which that name is compared; empty where only the database knows."""
        key: str = self.model._meta.get_field("name_key").made_from(name)
        return key

    def in_organization(self, organization: Organization) -> AccessTokenQuerySet:
        """Return the tokens of all workspaces of the organization."""
        return self.filter(workspace__organization=organization)

    def for_status(self) -> AccessTokenQuerySet:
        """Return the tokens with all that ``AccessToken.status`` asks for, in the same query."""
        return self.select_related("workspace__organization", "owner").annotate(
            owner_is_member=owner_is_member()
        )

    def current(self, now: datetime | None = None) -> AccessTokenQuerySet:
        """Return tokens that are neither revoked nor expired: those that need looking after."""
        now = now or timezone.now()
        return self.filter(*none_of((Status.REVOKED, Status.EXPIRED), now))

    def live(self, now: datetime | None = None) -> AccessTokenQuerySet:
        """Return tokens that could still be used, now or when a pause of theirs has ended."""
        return self.filter(*none_of(ENDED, now or timezone.now()))

    def with_status(self, wanted: str, now: datetime | None = None) -> AccessTokenQuerySet:
        """Return the tokens whose computed status is ``wanted``."""
        return self.filter(*condition(Status(wanted), now or timezone.now()))

    def unused(self, now: datetime | None = None) -> AccessTokenQuerySet:
        """Return live tokens older than 90 days that nobody has used for as long."""
        since = (now or timezone.now()) - UNUSED_AFTER
        return self.live(now).filter(
            Q(last_used_at__lt=since) | Q(last_used_at__isnull=True), created_at__lt=since
        )


class AccessToken(WithoutPeople):
    """A credential of one workspace.

    ``token_id`` is public; ``digest`` is all that is kept of the secret. After a rotation
    ``previous_digest`` is accepted until ``previous_expires_at``. ``parent`` is the token that
    made this one. ``scopes`` and ``allowed_networks`` hold canonical text; an empty list of
    scopes means nothing, an empty list of networks means no restriction.
    """

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    token_id = models.CharField(_("token id"), max_length=64, unique=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, models.PROTECT, related_name="tokens", verbose_name=_("workspace")
    )
    name = models.CharField(_("name"), max_length=255)
    # The database's default is for processes of an earlier release beside this one.
    name_key = ComparedField(
        _("name key"), source="name", max_length=255, db_default="", editable=False
    )
    description = models.CharField(_("description"), max_length=500, blank=True)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices, default=Kind.AUTOMATION)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="access_tokens",
        verbose_name=_("owner"),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("created by"),
    )
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("parent"),
    )
    scopes = models.JSONField(_("scopes"), default=list, blank=True)
    allowed_networks = models.JSONField(_("allowed networks"), default=list, blank=True)

    digest = DigestField(_("digest"), max_length=255, editable=False)
    previous_digest = DigestField(_("previous digest"), max_length=255, blank=True, editable=False)
    previous_expires_at = models.DateTimeField(
        _("previous expires at"), null=True, blank=True, editable=False
    )
    previous_last_used_at = models.DateTimeField(
        _("previous last used at"), null=True, blank=True, editable=False
    )

    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)
    rotated_at = models.DateTimeField(_("rotated at"), null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    disabled_at = models.DateTimeField(_("disabled at"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True, editable=False)
    revoked_by = models.CharField(_("revoked by"), max_length=255, blank=True, editable=False)
    revoke_reason = models.CharField(_("reason"), max_length=255, blank=True, editable=False)

    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True, editable=False)
    last_used_address = models.GenericIPAddressField(
        _("last used address"), null=True, blank=True, editable=False
    )
    last_used_agent = models.CharField(
        _("last used agent"), max_length=255, blank=True, editable=False
    )

    objects = WriterManager.from_queryset(AccessTokenQuerySet)()

    # Verification says so when the secret before the last rotation was presented; no column.
    used_previous_secret = False

    class Meta:
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")
        indexes = [
            models.Index(fields=("workspace", "-created_at", "-id"), name="apikeys_token_listing"),
            # One for each order of the list, so that its length does not matter.
            models.Index(
                fields=("workspace", "-created_at", "-id", "expires_at"),
                condition=Q(revoked_at__isnull=True),
                name="apikeys_token_by_age",
            ),
            models.Index(
                "workspace",
                Lower("name"),
                "id",
                condition=Q(revoked_at__isnull=True),
                name="apikeys_token_by_name",
            ),
            models.Index(
                fields=("workspace", "expires_at", "id"),
                condition=Q(revoked_at__isnull=True),
                name="apikeys_token_by_expiry",
            ),
            models.Index(
                fields=("workspace", "last_used_at", "created_at", "id"),
                condition=Q(revoked_at__isnull=True),
                name="apikeys_token_by_last_use",
            ),
            models.Index(fields=("owner",), name="apikeys_token_owner"),
            models.Index(
                fields=("workspace", "name_key"),
                condition=Q(revoked_at__isnull=True),
                name="apikeys_token_by_name_key",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                "workspace",
                Lower("name"),
                condition=Q(revoked_at__isnull=True, kind="automation"),
                name="apikeys_token_name_unique",
            ),
            models.CheckConstraint(
                condition=Q(kind="personal") | Q(kind="automation", owner__isnull=True),
                name="apikeys_token_kind_owner",
            ),
            models.CheckConstraint(
                condition=Q(previous_digest="", previous_expires_at__isnull=True)
                | (~Q(previous_digest="") & Q(previous_expires_at__isnull=False)),
                name="apikeys_token_previous_whole",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")),
                name="apikeys_token_expires_later",
            ),
            models.CheckConstraint(condition=~Q(digest=""), name="apikeys_token_has_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.token_id})"

    def __getstate__(self) -> dict[str, Any]:
        # A pickled token goes to caches and queues, where no digest belongs.
        state = dict(super().__getstate__())
        for name in ("digest", "previous_digest"):
            state.pop(name, None)
        return state

    def save(self, *args: Any, **kwargs: Any) -> None:
        names = kwargs.get("update_fields")
        if names is not None and "name" in names:
            kwargs["update_fields"] = {*names, "name_key"}
        super().save(*args, **kwargs)

    @property
    def organization(self) -> Organization:
        """The organization of the workspace."""
        return self.workspace.organization

    @property
    def status(self) -> Status:
        """What this token is at this moment."""
        return self.status_at(timezone.now())

    def status_at(self, now: datetime) -> Status:
        """What this token is at ``now``; ``expires_at <= now`` is expired.

        Asks for workspace, organization, owner and membership where ``for_status`` or the read
        path did not bring them.
        """
        return status_of(self._circumstances(), now)

    @property
    def is_usable(self) -> bool:
        """Whether requests with this token are let in at this moment."""
        return self.status in USABLE

    def _circumstances(self) -> Circumstances:
        personal = self.kind == Kind.PERSONAL
        owner = self.owner if personal else None
        return Circumstances(
            revoked_at=self.revoked_at,
            archived_at=self.workspace.archived_at,
            expires_at=self.expires_at,
            personal=personal,
            owner_is_member=owner is not None and self._knows_membership(),
            suspended_at=self.organization.suspended_at,
            owner_is_active=owner is not None and people.is_active(owner),
            disabled_at=self.disabled_at,
        )

    def _knows_membership(self) -> bool:
        brought = self.__dict__.get("owner_is_member")
        if brought is not None:
            return cast(bool, brought)
        return Membership.objects.filter(
            organization=self.workspace.organization_id, user=self.owner_id
        ).exists()

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Read the row anew, and forget what came with it of the owner."""
        self.__dict__.pop("owner_is_member", None)
        super().refresh_from_db(*args, **kwargs)

    def has_overlap(self, now: datetime | None = None) -> bool:
        """Whether the secret before the last rotation is still accepted."""
        ends = self.previous_expires_at
        return ends is not None and ends > (now or timezone.now())

    @property
    def key_shape(self) -> KeyShape | None:
        """The shape of this token's keys; None when the dialect knows it no longer."""
        shapes = self.workspace.speaks.accepted_key_shapes
        return next((shape for shape in shapes if shape.fits(self.token_id)), None)

    def obstacle(self) -> str | None:
        """Return the code of why every request is refused, with any secret; None when not."""
        return OBSTACLES.get(self.status)

    def rotation_refused(self) -> str | None:
        """Return the code of why this token gets no new secret now; None when it does."""
        if (obstacle := self.obstacle()) is not None:
            return obstacle
        if self.has_overlap():
            return "token.overlap_running"
        return "token.shape_unknown" if self.key_shape is None else None

    def held_scopes(self) -> frozenset[str]:
        """Every scope that the granted ones cover, in the dialect of the workspace."""
        return self.workspace.speaks.held_scopes(self.scopes)
