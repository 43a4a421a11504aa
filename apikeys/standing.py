"""What a row says about its token, whoever presents it and whenever.

Worked out once for a row and kept with it. Knows no request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

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
    workspace = token.workspace
    organization = workspace.organization
    lists = (token.allowed_networks, organization.allowed_networks)
    row.standing = standing = Standing(
        token_id=token.token_id,
        pk=token.pk,
        digest=token.digest,
        previous_digest=token.previous_digest,
        previous_expires_at=token.previous_expires_at,
        expires_at=token.expires_at,
        environment=workspace.environment,
        dialect=workspace.dialect,
        networks=tuple(tuple(allowed) for allowed in lists if allowed),
        reason_before_expiry=_reason_before_expiry(token, workspace),
        reason_after_expiry=_reason_after_expiry(token, organization),
    )
    return standing


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
