"""What a token is now: one ordered list of rules, for one row and for many.

The first rule that holds gives the status. ``validity`` judges a request by the same list, so that
what is shown is what a request meets; endings come before pauses. Computed, never stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from apikeys.models import people
from apikeys.models.organizations import Membership

EXPIRING_WITHIN: Final = timedelta(days=14)


class Kind(models.TextChoices):
    """Whose a token is: its workspace's (it survives people) or one person's."""

    AUTOMATION = "automation", _("automation")
    PERSONAL = "personal", _("personal")


class Status(models.TextChoices):
    """What a token is now. Requests are let in while it is active or expiring."""

    ACTIVE = "active", _("Active")
    EXPIRING = "expiring", _("Expiring")
    EXPIRED = "expired", _("Expired")
    DISABLED = "disabled", _("Disabled")
    REVOKED = "revoked", _("Revoked")
    ARCHIVED = "archived", _("Archived")
    SUSPENDED = "suspended", _("Suspended")
    OWNER_INACTIVE = "owner_inactive", _("Owner inactive")
    OWNER_GONE = "owner_gone", _("Owner gone")


USABLE: Final = (Status.ACTIVE, Status.EXPIRING)
# Nothing brings such a token back.
ENDED: Final = (Status.REVOKED, Status.ARCHIVED, Status.EXPIRED, Status.OWNER_GONE)
# Why a token of that status gets no secret and is not enabled: every request with it would be
# refused. A disabled one has no obstacle: who manages it can enable it.
OBSTACLES: Final[Mapping[Status, str]] = {
    Status.REVOKED: "token.revoked",
    Status.ARCHIVED: "workspace.archived",
    Status.EXPIRED: "token.expired",
    Status.OWNER_GONE: "token.owner_gone",
    Status.SUSPENDED: "organization.suspended",
    Status.OWNER_INACTIVE: "token.owner_inactive",
}


class Circumstances(NamedTuple):
    """What decides about one token.

    Attributes:
        revoked_at, expires_at, disabled_at: the token's.
        archived_at: the workspace's.
        suspended_at: the organization's.
        personal: the token is one person's.
        owner_is_member: that person exists and is in the organization.
        owner_is_active: and may still act.
    """

    revoked_at: datetime | None
    archived_at: datetime | None
    expires_at: datetime | None
    personal: bool
    owner_is_member: bool
    suspended_at: datetime | None
    owner_is_active: bool
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rule:
    """When a token has a status, given that no earlier rule holds.

    Attributes:
        status: the status.
        holds: asks it of one token, at a moment.
        met, unmet: ask it of many.
    """

    status: Status
    holds: Callable[[Circumstances, datetime], bool]
    met: Callable[[datetime], Q]
    unmet: Callable[[datetime], Q]


def owner_is_member() -> Exists:
    """Return what tells of a row of tokens whether its owner is in the organization."""
    return Exists(
        Membership.objects.filter(
            organization=OuterRef("workspace__organization"), user=OuterRef("owner")
        )
    )


_PERSONAL: Final = Q(kind=Kind.PERSONAL)

RULES: Final = (
    Rule(
        Status.REVOKED,
        lambda token, now: token.revoked_at is not None,
        lambda now: Q(revoked_at__isnull=False),
        lambda now: Q(revoked_at__isnull=True),
    ),
    Rule(
        Status.ARCHIVED,
        lambda token, now: token.archived_at is not None,
        lambda now: Q(workspace__archived_at__isnull=False),
        lambda now: Q(workspace__archived_at__isnull=True),
    ),
    Rule(
        Status.EXPIRED,
        lambda token, now: token.expires_at is not None and token.expires_at <= now,
        lambda now: Q(expires_at__lte=now),
        lambda now: ~Q(expires_at__lte=now),
    ),
    Rule(
        Status.OWNER_GONE,
        lambda token, now: token.personal and not token.owner_is_member,
        lambda now: _PERSONAL & ~Q(owner_is_member()),
        lambda now: ~_PERSONAL | Q(owner_is_member()),
    ),
    Rule(
        Status.SUSPENDED,
        lambda token, now: token.suspended_at is not None,
        lambda now: Q(workspace__organization__suspended_at__isnull=False),
        lambda now: Q(workspace__organization__suspended_at__isnull=True),
    ),
    Rule(
        Status.OWNER_INACTIVE,
        lambda token, now: token.personal and not token.owner_is_active,
        lambda now: _PERSONAL & ~people.active("owner__"),
        lambda now: ~_PERSONAL | people.active("owner__"),
    ),
    Rule(
        Status.DISABLED,
        lambda token, now: token.disabled_at is not None,
        lambda now: Q(disabled_at__isnull=False),
        lambda now: Q(disabled_at__isnull=True),
    ),
    Rule(
        Status.EXPIRING,
        lambda token, now: (
            token.expires_at is not None and token.expires_at <= now + EXPIRING_WITHIN
        ),
        lambda now: Q(expires_at__lte=now + EXPIRING_WITHIN),
        lambda now: ~Q(expires_at__lte=now + EXPIRING_WITHIN),
    ),
)
_BY_STATUS: Final = [rule.status for rule in RULES]
BEFORE_EXPIRY: Final = RULES[: _BY_STATUS.index(Status.EXPIRED)]
AFTER_EXPIRY: Final = RULES[
    _BY_STATUS.index(Status.EXPIRED) + 1 : _BY_STATUS.index(Status.EXPIRING)
]


def status_of(token: Circumstances, now: datetime, rules: Iterable[Rule] = RULES) -> Status:
    """Return the status that the first of the rules gives that holds; active when none does."""
    return next((rule.status for rule in rules if rule.holds(token, now)), Status.ACTIVE)


def condition(status: Status, now: datetime) -> list[Q]:
    """Return what rows of that status meet, one condition after the other."""
    found: list[Q] = []
    for rule in RULES:
        if rule.status is status:
            return [*found, rule.met(now)]
        found.append(rule.unmet(now))
    return found


def none_of(statuses: Iterable[Status], now: datetime) -> list[Q]:
    """Return what rows meet for which none of these rules holds."""
    return [rule.unmet(now) for rule in RULES if rule.status in statuses]
