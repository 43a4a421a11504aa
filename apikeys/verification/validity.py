"""The part of a token's validity that does not depend on the request.

Computed once for each row and kept with it. Knows no request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from django.db.models.query_utils import DeferredAttribute
from django.utils import timezone

from apikeys.lookup.snapshots import Snapshot
from apikeys.models.people import declared_activity as _is_active_of
from apikeys.models.people import is_active
from apikeys.models.status import (
    AFTER_EXPIRY,
    BEFORE_EXPIRY,
    Circumstances,
    Kind,
    Rule,
    Status,
    status_of,
)
from apikeys.refusals import Reason

# Why a token of that status is refused; of the others it is let in.
REASONS: Final[Mapping[Status, Reason]] = {
    Status.REVOKED: Reason.REVOKED,
    Status.ARCHIVED: Reason.WORKSPACE_ARCHIVED,
    Status.EXPIRED: Reason.EXPIRED,
    Status.OWNER_GONE: Reason.OWNER_GONE,
    Status.SUSPENDED: Reason.ORGANIZATION_SUSPENDED,
    Status.OWNER_INACTIVE: Reason.OWNER_INACTIVE,
    Status.DISABLED: Reason.DISABLED,
}
# For rules that look at no clock.
_NO_MOMENT: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Validity:
    """What decides about a token.

    Attributes:
        token_id, pk, digest, previous_digest, previous_expires_at, expires_at: the token's.
        environment, dialect: the workspace's.
        networks: the lists, of token and organization, that the address must be in.
        reason_before_expiry: why it can't be used, where that is judged before its expiry is.
        reason_after_expiry: the same, judged after it; the owner counts as active unless it is
            known to be inactive.
        reason_if_inactive: what it would be with an inactive owner.
        asked_owner: the owner, where a host's user model works out ``is_active`` for itself.
    """

    token_id: str
    pk: int
    digest: str = field(repr=False)
    previous_digest: str = field(repr=False)
    previous_expires_at: datetime | None
    expires_at: datetime | None
    environment: str
    dialect: str
    networks: tuple[tuple[str, ...], ...]
    reason_before_expiry: Reason | None
    reason_after_expiry: Reason | None
    reason_if_inactive: Reason | None
    asked_owner: Snapshot | None

    def refusal_reason(self, now: datetime | None = None) -> Reason | None:
        """Return why the token can't be used at that moment; None where it can.

        Args:
            now: the moment; the application's clock when not given.
        """
        if self.reason_before_expiry is not None:
            return self.reason_before_expiry
        if self.expires_at is not None and self.expires_at <= (now or timezone.now()):
            return Reason.EXPIRED
        if self.asked_owner is not None and not is_active(self.asked_owner.copy()):
            return self.reason_if_inactive
        return self.reason_after_expiry

    def has_overlap(self, now: datetime | None = None) -> bool:
        """Whether the secret before the last rotation is still accepted at that moment."""
        ends = self.previous_expires_at
        return ends is not None and ends > (now or timezone.now())


def of(row: Snapshot) -> Validity:
    """Return what a row of the lookup says."""
    return row.validity or _work_out(row)


def _work_out(row: Snapshot) -> Validity:
    token = row.values
    workspace = _joined(row, "workspace")
    organization = _joined(workspace, "organization")
    owner = row.related["owner"]
    active = True if owner is None else _fixed_activity(owner)
    circumstances = Circumstances(
        revoked_at=token["revoked_at"],
        archived_at=workspace.values["archived_at"],
        expires_at=None,  # the one that time decides
        personal=token["kind"] == Kind.PERSONAL,
        owner_is_member=owner is not None and bool(token["owner_is_member"]),
        suspended_at=organization.values["suspended_at"],
        owner_is_active=active is not False,
        disabled_at=token["disabled_at"],
    )
    if_inactive = circumstances._replace(owner_is_active=False)
    lists = (token["allowed_networks"], organization.values["allowed_networks"])
    validity = Validity(
        token_id=token["token_id"],
        pk=token["id"],
        digest=token["digest"],
        previous_digest=token["previous_digest"],
        previous_expires_at=token["previous_expires_at"],
        expires_at=token["expires_at"],
        environment=workspace.values["environment"],
        dialect=workspace.values["dialect"],
        networks=tuple(tuple(map(str, allowed)) for allowed in lists if allowed),
        reason_before_expiry=_reason(circumstances, BEFORE_EXPIRY),
        reason_after_expiry=_reason(circumstances, AFTER_EXPIRY),
        reason_if_inactive=_reason(if_inactive, AFTER_EXPIRY),
        asked_owner=owner if active is None else None,
    )
    row.validity = validity
    return validity


def _reason(circumstances: Circumstances, rules: Iterable[Rule]) -> Reason | None:
    return REASONS.get(status_of(circumstances, _NO_MOMENT, rules))


def _joined(row: Snapshot, name: str) -> Snapshot:
    found = row.related[name]
    assert found is not None  # noqa: S101 - these foreign keys can't be NULL
    return found


def _fixed_activity(owner: Snapshot) -> bool | None:
    """Return the owner's ``is_active`` where it is a column or, as in ``AbstractBaseUser``, one
    value for all; None where a host's user model works it out."""
    attribute = _is_active_of(owner.model)
    if isinstance(attribute, DeferredAttribute):
        return bool(owner.values[attribute.field.attname])
    return attribute if isinstance(attribute, bool) else None
