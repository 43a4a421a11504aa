"""Where secrets are made: creating and rotating tokens, each creation id once.

The secret is in the returned ``IssuedToken`` and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from apikeys.credentials import digests
from apikeys.dialects import Dialect
from apikeys.models import AccessToken, Membership, Workspace
from apikeys.models.tokens import Kind
from apikeys.refusals import Refusal
from apikeys.scopes import MANAGE
from apikeys.services import audit, service_accounts, validation
from apikeys.services.actors import Actor
from apikeys.services.audit import Action
from apikeys.services.authorization import (
    require_owner_choice,
    require_token_manager,
    require_within_parent,
)
from apikeys.services.errors import Conflict, Invalid, NotAllowed
from apikeys.services.idempotency import fingerprint_of, remember, require_new
from apikeys.services.locks import lock_organization, lock_token
from apikeys.services.obstacles import require_no_obstacle, require_rotatable
from apikeys.services.transactions import atomic, savepoint
from apikeys.services.unset import UNSET, Unset
from apikeys.verification import acting

ID_ATTEMPTS: Final = 8
LONGEST_OVERLAP: Final = timedelta(days=7)
# Requests that were sent at the same moment are through by then, whoever works them off.
JUST_ROTATED: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token with its secret, for the one response that shows it."""

    token: AccessToken
    secret: str = field(repr=False)
    api_key: str = field(repr=False)


@sensitive_variables()
@atomic
def create_token(
    *,
    actor: Actor,
    workspace: Workspace,
    name: str,
    scopes: Sequence[str],
    kind: str = Kind.AUTOMATION,
    owner: Any = None,
    expires_at: datetime | timedelta | None = None,
    allowed_networks: Iterable[object] = (),
    description: str = "",
    creation_id: str | None = None,
) -> IssuedToken:
    """Make a token and return it with its secret.

    Args:
        actor: who makes it.
        workspace: where it works; nowhere else.
        name: how people call it.
        scopes: names of the dialect's closed set; none means no access.
        kind: ``automation`` or ``personal``.
        owner: the person of a personal token.
        expires_at: aware moment, or a time from now (which a repeat repeats exactly), or None
            for no expiry.
        allowed_networks: addresses or CIDR networks; none means no restriction.
        description: what it is for.
        creation_id: makes a repeat of the same request by the same actor harmless.

    Raises:
        NotAllowed: the actor may not make this token.
        Conflict: every request with the token would be refused: the workspace is archived, the
            organization suspended, or the account inactive that it would act as.
        Invalid: a value breaks a rule; ``field`` says which.
        AlreadyIssued: this creation id made a secret before.
    """
    # The lock makes name and creation id exact under concurrency, and authority current.
    organization = lock_organization(workspace.organization)
    workspace = Workspace.objects.select_related("organization").get(pk=workspace.pk)
    require_token_manager(actor, workspace, None)
    if kind not in Kind.values:
        raise Invalid("kind.unknown", _("Choose automation or personal."), field="kind")
    require_owner_choice(actor, workspace, kind=kind, owner=owner)
    dialect = workspace.speaks
    allowed = validation.networks(allowed_networks)
    token = AccessToken(
        workspace=workspace,
        kind=Kind(kind),
        owner=owner if kind == Kind.PERSONAL else None,
        created_by=actor.user,
        parent=actor.token,
        description=validation.description(description),
        scopes=validation.scopes(scopes, dialect),
        allowed_networks=allowed,
    )
    fingerprint = fingerprint_of(
        "create",
        *(workspace.pk, name, token.scopes, kind, token.owner and token.owner.pk),
        *(expires_at, allowed, token.description),
    )
    require_new(actor, organization, creation_id, fingerprint)
    _require_personal_whole(token)
    require_no_obstacle(token)
    token.name = validation.token_name(name, workspace=workspace, kind=kind)
    token.expires_at = validation.expiry(expires_at, organization=organization)
    _require_within(actor, token)
    secret = _insert(token, dialect)
    _require_user(actor, token)
    remember(actor, organization, creation_id, fingerprint, token)
    audit.record(
        actor,
        Action.TOKEN_CREATED,
        organization=organization,
        token=token,
        scopes=token.scopes,
        kind=token.kind,
        allowed_networks=allowed,
        expires_at=token.expires_at.isoformat() if token.expires_at else None,
    )
    return _issued(token, secret)


@sensitive_variables()
@atomic
def rotate_token(
    *,
    actor: Actor,
    token: AccessToken,
    overlap: timedelta = timedelta(0),
    creation_id: str | None = None,
    seen_rotated_at: datetime | Unset | None = UNSET,
    unless_rotated_within: timedelta = timedelta(0),
) -> IssuedToken:
    """Give the token a new secret; the id stays and so does the expiry.

    Of rotations that were decided on the same state one is made: each of the others would end the
    secret that the one before has just handed out. To rotate again, look at the token again.

    Args:
        actor: who rotates it.
        token: the token as it was when this was decided.
        overlap: how long the present secret keeps working, at most seven days.
        creation_id: makes a repeat of the same request by the same actor harmless.
        seen_rotated_at: when it was last rotated, as the caller has seen it; None for never. Not
            given, it is what ``token`` says.
        unless_rotated_within: also refuse it so long after the last rotation; for edges whose
            callers may not say what they have seen.

    Raises:
        NotAllowed: the actor may not manage this token.
        Conflict: as ``AccessToken.rotation_refused`` says, or ``token.rotated_meanwhile``.
        Invalid: the overlap is out of range.
        AlreadyIssued: this creation id made a secret before.
    """
    seen = token.rotated_at if seen_rotated_at is UNSET else seen_rotated_at
    organization = lock_organization(token.workspace.organization)
    token = lock_token(token)
    require_token_manager(actor, token.workspace, token)
    fingerprint = fingerprint_of("rotate", token.pk, overlap.total_seconds())
    require_new(actor, organization, creation_id, fingerprint)
    require_rotatable(token)
    _require_seen(token, seen, unless_rotated_within)
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise Invalid("overlap.range", _("The overlap is between 0 and 7 days."), field="overlap")
    secret = _replace_secret(token, overlap)
    remember(actor, organization, creation_id, fingerprint, token)
    audit.record(
        actor,
        Action.TOKEN_ROTATED,
        organization=organization,
        token=token,
        overlap_seconds=int(overlap.total_seconds()),
    )
    return _issued(token, secret)


@atomic
def end_overlap(*, actor: Actor, token: AccessToken) -> AccessToken:
    """Stop accepting the secret before the last rotation, now.

    Raises:
        NotAllowed: the actor may not manage this token.
        Conflict: no overlap is running.
    """
    lock_organization(token.workspace.organization)
    token = lock_token(token)
    require_token_manager(actor, token.workspace, token)
    if not token.has_overlap():
        raise Conflict("token.no_overlap", _("No earlier secret is accepted any more."))
    token.previous_digest = ""
    token.previous_expires_at = None
    token.save(update_fields=["previous_digest", "previous_expires_at", "updated_at"])
    audit.record(actor, Action.TOKEN_OVERLAP_ENDED, organization=token.organization, token=token)
    return token


@sensitive_variables()
def _issued(token: AccessToken, secret: str) -> IssuedToken:
    workspace = token.workspace
    key = workspace.speaks.api_key(workspace.environment, token.token_id, secret)
    return IssuedToken(token, secret, key)


@sensitive_variables()
def _replace_secret(token: AccessToken, overlap: timedelta) -> str:
    """Write a new secret's digest and return the secret; the present one ends with the overlap."""
    shape = token.key_shape
    assert shape is not None  # noqa: S101 - `require_rotatable` has seen to it
    secret = shape.new_secret(token.token_id)
    now = timezone.now()
    ends = now + overlap
    if token.expires_at is not None:
        ends = min(ends, token.expires_at)
    changes = {
        "digest": digests.make(token.token_id, secret),
        "previous_digest": token.digest if overlap else "",
        "previous_expires_at": ends if overlap else None,
        "previous_last_used_at": None,
        "rotated_at": _stamp_after(token.rotated_at, now),
    }
    for field_name, value in changes.items():
        setattr(token, field_name, value)
    token.save(update_fields=[*changes, "updated_at"])
    return secret


def _stamp_after(last: datetime | None, now: datetime) -> datetime:
    """Return when a token was rotated, never twice the same: it says which rotation was seen.

    Later than the one before, but for that of a clock that was far ahead: to go on from there
    would keep rotations in the future.
    """
    if last is None or last - now >= JUST_ROTATED:
        return now
    return max(now, last + timedelta(microseconds=1))


@sensitive_variables()
def _insert(token: AccessToken, dialect: Dialect) -> str:
    """Insert the token under a new id and return its secret; a taken id is drawn again."""
    shape = dialect.key_shape
    for _attempt in range(ID_ATTEMPTS):
        token.token_id = shape.new_id()
        if AccessToken.objects.filter(token_id=token.token_id).exists():
            continue
        secret = shape.new_secret(token.token_id)
        token.digest = digests.make(token.token_id, secret)
        try:
            with savepoint():
                token.save(force_insert=True)
        except IntegrityError:
            if AccessToken.objects.filter(token_id=token.token_id).exists():
                continue
            raise
        return secret
    raise Conflict("token.no_free_id", _("No free token id was found. Try again."))


def _require_seen(token: AccessToken, seen: datetime | None, within: timedelta) -> None:
    last = token.rotated_at
    # Just ahead is just now by another host's clock; far ahead is no reason to wait for.
    if seen == last and (last is None or abs(timezone.now() - last) >= within):
        return
    raise Conflict(
        "token.rotated_meanwhile",
        _(
            "This token has just been rotated, and rotating it again would end the new secret. "
            "If you mean that, read the token again and say which rotated_at you have seen."
        ),
        rotated_at=last.isoformat() if last else None,
    )


def _require_personal_whole(token: AccessToken) -> None:
    if token.kind != Kind.PERSONAL:
        return
    if token.owner is None:
        raise Invalid("token.owner_required", _("A personal token has an owner."), field="owner")
    member = Membership.objects.filter(organization=token.organization, user=token.owner)
    if not member.exists():
        raise Invalid(
            "token.owner_no_member", _("The owner is not in the organization."), field="owner"
        )
    # It would go on managing after its owner has stopped being an admin.
    if MANAGE in token.scopes:
        raise NotAllowed(
            "scope.not_personal", _("A personal token can't hold %(scope)s.") % {"scope": MANAGE}
        )


def _require_user(actor: Actor, token: AccessToken) -> None:
    """Have whoever the token acts as made now, where it is a row, and not by the first request."""
    if token.kind == Kind.PERSONAL:
        return
    try:
        with service_accounts.made_by(actor):
            acting.user_of(token)
    except Refusal:
        raise Conflict(
            "token.owner_inactive",
            _(
                "The service account of this workspace is inactive: its tokens are refused until "
                "that account is active again."
            ),
        ) from None


def _require_within(actor: Actor, token: AccessToken) -> None:
    if actor.token is not None:
        require_within_parent(
            lock_token(actor.token),
            workspace=token.workspace,
            scopes=token.scopes,
            expires_at=token.expires_at,
            allowed_networks=token.allowed_networks,
        )
