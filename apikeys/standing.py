"""What a row says about its token, whoever presents it and whenever.

Worked out once for a row and kept with it. Knows no request.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from django.db.models.query_utils import DeferredAttribute
from django.utils import timezone

from apikeys.models.prototypes import Prototype
from apikeys.models.tokens import Kind
from apikeys.refusals import Reason

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides about a token.

    Attributes:
        token_id, pk, digest, previous_digest, previous_expires_at, expires_at: the token's.
        environment, dialect: the workspace's.
        networks: the lists, of token and organization, that the address must be in.
        reason_before_expiry: why it can't be used, where that is judged before its expiry is.
        reason_after_expiry: the same, judged after it.
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
    asked_owner: Prototype | None

    def refusal_reason(self, now: datetime | None = None) -> Reason | None:
        """Return why the token can't be used at that moment; None where it can.

        Args:
            now: the moment; the application's clock when not given.
        """
        if self.reason_before_expiry is not None:
            return self.reason_before_expiry
        if self.expires_at is not None and self.expires_at <= (now or timezone.now()):
            return Reason.EXPIRED
        if self.reason_after_expiry is None and self.asked_owner is not None:
            active = self.asked_owner.copy().is_active
            return None if active else Reason.OWNER_INACTIVE
        return self.reason_after_expiry

    def has_overlap(self, now: datetime | None = None) -> bool:
        """Whether the secret before the last rotation is still accepted at that moment."""
        ends = self.previous_expires_at
        return ends is not None and ends > (now or timezone.now())


def of(row: Prototype) -> Standing:
    """Return what a row of the lookup says."""
    return row.standing or _work_out(row)


def _work_out(row: Prototype) -> Standing:
    token = row.values
    workspace = _joined(row, "workspace")
    organization = _joined(workspace, "organization")
    owner = row.related["owner"]
    active = None if owner is None else _fixed_activity(owner)
    lists = (token["allowed_networks"], organization.values["allowed_networks"])
    standing = Standing(
        token_id=token["token_id"],
        pk=token["id"],
        digest=token["digest"],
        previous_digest=token["previous_digest"],
        previous_expires_at=token["previous_expires_at"],
        expires_at=token["expires_at"],
        environment=workspace.values["environment"],
        dialect=workspace.values["dialect"],
        networks=tuple(tuple(map(str, allowed)) for allowed in lists if allowed),
        reason_before_expiry=_reason_before_expiry(token, workspace.values),
        reason_after_expiry=_reason_after_expiry(token, organization.values, owner, active),
        asked_owner=owner if active is None else None,
    )
    row.standing = standing
    return standing


def _joined(row: Prototype, name: str) -> Prototype:
    found = row.related[name]
    assert found is not None  # noqa: S101 - these foreign keys can't be NULL
    return found


def _fixed_activity(owner: Prototype) -> bool | None:
    """Return the owner's ``is_active`` where it is a column or, as in ``AbstractBaseUser``, one
    value for all; None where a host's user model works it out."""
    attribute = _is_active_of(owner.model)
    if isinstance(attribute, DeferredAttribute):
        return bool(owner.values[attribute.field.attname])
    return attribute if isinstance(attribute, bool) else None


@cache
def _is_active_of(user_model: type) -> object:
    return inspect.getattr_static(user_model, "is_active", None)


def _reason_before_expiry(token: Values, workspace: Values) -> Reason | None:
    if token["revoked_at"] is not None:
        return Reason.REVOKED
    if workspace["archived_at"] is not None:
        return Reason.WORKSPACE_ARCHIVED
    if token["disabled_at"] is not None:
        return Reason.DISABLED
    return None


def _reason_after_expiry(
    token: Values, organization: Values, owner: Prototype | None, active: bool | None
) -> Reason | None:
    if organization["suspended_at"] is not None:
        return Reason.ORGANIZATION_SUSPENDED
    if token["kind"] == Kind.PERSONAL:
        if owner is None or not token["owner_is_member"]:
            return Reason.OWNER_GONE
        if active is False:
            return Reason.OWNER_INACTIVE
    return None
