"""What a row says about its token, whoever presents it and whenever.

Worked out once for a row and kept with it, where it lasts. Knows no request.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from django.db.models.query_utils import DeferredAttribute
from django.utils import timezone

from apikeys.models import AccessToken, Organization, Workspace
from apikeys.models.prototypes import Prototype
from apikeys.models.tokens import Kind
from apikeys.refusals import Reason


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides about a token.

    Attributes:
        token_id, pk, digest, previous_digest, previous_expires_at, expires_at: the token's.
        environment, dialect: the workspace's.
        networks: the lists, of token and organization, that the address must be in.
        reason_before_expiry: why it can't be used, where that is judged before its expiry is.
        reason_after_expiry: the same, judged after it.
        lasts: the same row says the same at any time; not where a host's user model works out
            ``is_active`` for itself.
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
    lasts: bool

    def refusal_reason(self, now: datetime | None = None) -> Reason | None:
        """Return why the token can't be used at that moment; None where it can.

        Args:
            now: the moment; the application's clock when not given.
        """
        if self.reason_before_expiry is not None:
            return self.reason_before_expiry
        if self.expires_at is not None and self.expires_at <= (now or timezone.now()):
            return Reason.EXPIRED
        return self.reason_after_expiry


def of(row: Prototype) -> Standing:
    """Return what a row of the lookup says."""
    return row.standing or _work_out(row)


def _work_out(row: Prototype) -> Standing:
    token: AccessToken = row.instance
    lasts = token.owner is None or _is_fixed(type(token.owner))
    if not lasts:
        token = row.copy()  # what its owner remembers of itself must not last either
    workspace = token.workspace
    organization = workspace.organization
    lists = (token.allowed_networks, organization.allowed_networks)
    standing = Standing(
        token_id=token.token_id,
        pk=token.pk,
        digest=token.digest,
        previous_digest=token.previous_digest,
        previous_expires_at=token.previous_expires_at,
        expires_at=token.expires_at,
        environment=workspace.environment,
        dialect=workspace.dialect,
        networks=tuple(tuple(map(str, allowed)) for allowed in lists if allowed),
        reason_before_expiry=_reason_before_expiry(token, workspace),
        reason_after_expiry=_reason_after_expiry(token, organization),
        lasts=lasts,
    )
    if lasts:
        row.standing = standing
    return standing


@cache
def _is_fixed(user_model: type) -> bool:
    """Whether ``is_active`` is a column or, as in ``AbstractBaseUser``, one value for all."""
    return isinstance(
        inspect.getattr_static(user_model, "is_active", None), (bool, DeferredAttribute)
    )


def _reason_before_expiry(token: AccessToken, workspace: Workspace) -> Reason | None:
    if token.revoked_at is not None:
        return Reason.REVOKED
    if workspace.archived_at is not None:
        return Reason.WORKSPACE_ARCHIVED
    if token.disabled_at is not None:
        return Reason.DISABLED
    return None


def _reason_after_expiry(token: AccessToken, organization: Organization) -> Reason | None:
    if organization.suspended_at is not None:
        return Reason.ORGANIZATION_SUSPENDED
    if token.kind == Kind.PERSONAL:
        is_member = token.owner_is_member  # type: ignore[attr-defined]  # the query adds it
        owner = token.owner
        if owner is None or not is_member:
            return Reason.OWNER_GONE
        if not owner.is_active:
            return Reason.OWNER_INACTIVE
    return None
