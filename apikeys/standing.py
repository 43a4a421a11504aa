"""What a row says about its token, whoever presents it and whenever.

Worked out once for a row and noted there. Knows no request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from apikeys.models import AccessToken, Organization, Workspace
from apikeys.models.moulds import Mould
from apikeys.models.tokens import Kind
from apikeys.refusals import Reason


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides about a token.

    Attributes:
        token_id, pk, digest, previous_digest, previous_expires_at, expires_at: the token's.
        environment, dialect: the workspace's.
        networks: the lists, of token and organization, that the address must be in.
        ended: why the token is at an end, if it is.
        suspended: why it could not be used now even if it were not, if so.
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
    ended: Reason | None
    suspended: Reason | None

    def reason(self, now: datetime | None = None) -> Reason | None:
        """Return why the token can't be used at that moment; None where it can.

        Args:
            now: the moment; the application's clock when not given.
        """
        if self.ended is not None:
            return self.ended
        if self.expires_at is not None and self.expires_at <= (now or timezone.now()):
            return Reason.EXPIRED
        return self.suspended


def of(row: Mould) -> Standing:
    """Return what a row of the lookup says."""
    return row.note or _note(row)


def _note(row: Mould) -> Standing:
    token: AccessToken = row.pattern
    workspace = token.workspace
    organization = workspace.organization
    lists = (token.allowed_networks, organization.allowed_networks)
    row.note = standing = Standing(
        token_id=token.token_id,
        pk=token.pk,
        digest=token.digest,
        previous_digest=token.previous_digest,
        previous_expires_at=token.previous_expires_at,
        expires_at=token.expires_at,
        environment=workspace.environment,
        dialect=workspace.dialect,
        networks=tuple(tuple(allowed) for allowed in lists if allowed),
        ended=_ended(token, workspace),
        suspended=_suspended(token, organization),
    )
    return standing


def _ended(token: AccessToken, workspace: Workspace) -> Reason | None:
    if token.revoked_at is not None:
        return Reason.REVOKED
    if workspace.archived_at is not None:
        return Reason.WORKSPACE_ARCHIVED
    if token.disabled_at is not None:
        return Reason.DISABLED
    return None


def _suspended(token: AccessToken, organization: Organization) -> Reason | None:
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
