"""Create, narrow, disable, enable and revoke access tokens, each with its audit event.

Keyword-only, the actor first, one transaction, the event last. Every change locks the organization
first and then asks who the actor is, so that nobody's change follows the end of their power.
Secrets leave as return values and stay nowhere. Making secrets is in ``issuing``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from apikeys.models import AccessToken, Organization, Workspace
from apikeys.models.tokens import Kind
from apikeys.scopes import is_narrower
from apikeys.services import audit, validation
from apikeys.services.actors import Actor
from apikeys.services.audit import Action
from apikeys.services.authorization import require_token_manager, require_within_parent
from apikeys.services.errors import Invalid, NotAllowed
from apikeys.services.issuing import (
    JUST_ROTATED,
    IssuedToken,
    create_token,
    end_overlap,
    rotate_token,
)
from apikeys.services.locks import lock_organization, lock_token, lock_tokens
from apikeys.services.obstacles import conflict, require_no_obstacle
from apikeys.services.transactions import atomic
from apikeys.services.unset import UNSET, Unset
from apikeys.services.widening import require_recent_password, token_widens

__all__ = [
    "JUST_ROTATED",
    "IssuedToken",
    "create_token",
    "disable_token",
    "enable_token",
    "end_overlap",
    "revoke_all",
    "revoke_own",
    "revoke_token",
    "revoke_tokens",
    "rotate_token",
    "update_token",
]


@atomic
def update_token(
    *,
    actor: Actor,
    token: AccessToken,
    name: str | Unset = UNSET,
    description: str | Unset = UNSET,
    scopes: Sequence[str] | Unset = UNSET,
    allowed_networks: Iterable[object] | Unset = UNSET,
    expires_at: datetime | Unset | None = UNSET,
) -> AccessToken:
    """Change what is given and leave the rest as it is in the database now.

    Scopes can only be narrowed and the expiry only be brought forward: more power is a new token.

    Raises:
        NotAllowed: the actor may not manage this token, or the change widens it and the actor's
            password was not checked a moment ago.
        Conflict: it is revoked.
        Invalid: a value breaks a rule; ``field`` says which.
    """
    # A new name is tested and written as one step only under the organization's lock.
    lock_organization(token.workspace.organization)
    token = lock_token(token)
    require_token_manager(actor, token.workspace, token)
    _require_not_revoked(token)
    changes: dict[str, Any] = {}
    if name is not UNSET:
        changes["name"] = validation.token_name(
            str(name), workspace=token.workspace, kind=token.kind, excluding=token
        )
    if description is not UNSET:
        changes["description"] = validation.description(str(description))
    if scopes is not UNSET:
        changes["scopes"] = _narrower_scopes(token, scopes)
    if allowed_networks is not UNSET:
        changes["allowed_networks"] = validation.networks(allowed_networks)
    if expires_at is not UNSET:
        changes["expires_at"] = _earlier_expiry(token, expires_at)
    before = {field: _for_json(getattr(token, field)) for field in changes}
    widens = token_widens(before, changes)
    if widens:
        require_recent_password(actor)
    for field, value in changes.items():
        setattr(token, field, value)
    if actor.token is not None and token.parent_id == actor.token.pk:
        _require_still_within(AccessToken.objects.get(pk=actor.token.pk), token)
    if widens and actor.token is not None and token.pk == actor.token.pk:
        raise NotAllowed(
            "token.exceeds_parent",
            _("A token can't widen itself."),
            field="allowed_networks",
            exceeds=["allowed_networks"],
        )
    changed = {f: _for_json(getattr(token, f)) for f in changes}
    changed = {f: value for f, value in changed.items() if value != before[f]}
    if changed:
        # One that a clock far ahead has made expires no earlier than that, says the database.
        token.created_at = min(token.created_at, timezone.now())
        token.save(update_fields=[*changed, "created_at", "updated_at"])
        _record(
            actor,
            Action.TOKEN_UPDATED,
            token,
            before={f: before[f] for f in changed},
            after=changed,
        )
    return token


@atomic
def disable_token(*, actor: Actor, token: AccessToken) -> AccessToken:
    """Stop the token until it is enabled again; does nothing to a disabled one.

    Raises:
        NotAllowed, Conflict: as ``update_token``.
    """
    lock_organization(token.workspace.organization)
    token = lock_token(token)
    require_token_manager(actor, token.workspace, token)
    _require_not_revoked(token)
    if token.disabled_at is None:
        token.disabled_at = timezone.now()
        token.save(update_fields=["disabled_at", "updated_at"])
        _record(actor, Action.TOKEN_DISABLED, token)
    return token


@atomic
def enable_token(*, actor: Actor, token: AccessToken) -> AccessToken:
    """Let a disabled token work again; does nothing to an enabled one.

    Raises:
        NotAllowed: as ``update_token``; enabling always widens.
        Conflict: it is revoked, or its requests would be refused all the same.
    """
    lock_organization(token.workspace.organization)
    token = lock_token(token)
    require_token_manager(actor, token.workspace, token)
    require_no_obstacle(token)
    if token.disabled_at is not None:
        require_recent_password(actor)
        token.disabled_at = None
        token.save(update_fields=["disabled_at", "updated_at"])
        _record(actor, Action.TOKEN_ENABLED, token)
    return token


@atomic
def revoke_token(*, actor: Actor, token: AccessToken, reason: str = "") -> AccessToken:
    """End the token for ever, both secrets of a rotation included; a revoked one stays as it is.

    Whoever holds a token may end it: no scope is needed to make a leaked secret worthless.

    Raises:
        NotAllowed: the actor may not manage this token.
    """
    lock_organization(token.workspace.organization)
    token = lock_token(token)
    _require_may_revoke(actor, token)
    _revoke(actor, [token], reason)
    return token


@atomic
def revoke_own(*, actor: Actor, token: AccessToken) -> AccessToken:
    """Revoke the token that carries the request: whoever holds a token may end it.

    Raises:
        NotAllowed: the actor is not this token.
    """
    lock_organization(token.workspace.organization)
    token = lock_token(token)
    if actor.token is None or actor.token.pk != token.pk:
        raise NotAllowed("token.not_yours", _("A token can revoke itself here, and no other."))
    _revoke(actor, [token], "Revoked by itself")
    return token


@atomic
def revoke_tokens(
    *, actor: Actor, organization: Organization, token_ids: Iterable[str], reason: str = ""
) -> list[AccessToken]:
    """Revoke several tokens of one organization, all or none.

    Returns:
        The tokens that this call revoked; those revoked before are left out.

    Raises:
        Invalid: one of the ids names no token of the organization.
        NotAllowed: the actor may not manage one of them.
    """
    lock_organization(organization)
    wanted = set(token_ids)
    tokens = lock_tokens(
        AccessToken.objects.in_organization(organization).filter(token_id__in=wanted)
    )
    if len(tokens) != len(wanted):
        raise Invalid("token.unknown", _("One of the tokens does not exist."), field="token_ids")
    for token in tokens:
        _require_may_revoke(actor, token)
    return _revoke(actor, tokens, reason)


@atomic
def revoke_all(
    *, actor: Actor, workspace: Workspace, owner: Any = None, reason: str = ""
) -> list[AccessToken]:
    """Revoke all tokens of a workspace, or only one person's personal ones in it.

    Returns:
        The tokens that this call revoked.

    Raises:
        NotAllowed: the actor may not manage one of them.
    """
    lock_organization(workspace.organization)
    tokens = AccessToken.objects.filter(workspace=workspace, revoked_at__isnull=True)
    if owner is not None:
        tokens = tokens.filter(kind=Kind.PERSONAL, owner=owner)
    locked = lock_tokens(tokens)
    if owner is None or owner != actor.user:
        require_token_manager(actor, workspace, None)
    for token in locked:
        require_token_manager(actor, workspace, token)
    return _revoke(actor, locked, reason)


def revoke_unchecked(*, actor: Actor, tokens: Iterable[AccessToken], reason: str) -> None:
    """Revoke tokens as part of a change that was allowed already, inside its transaction.

    Args:
        actor: who makes that change.
        tokens: rows that ``lock_tokens`` returned.
        reason: why, for the page and the audit event.
    """
    _revoke(actor, tokens, reason)


def _require_may_revoke(actor: Actor, token: AccessToken) -> None:
    if actor.token is None or actor.token.pk != token.pk:
        require_token_manager(actor, token.workspace, token)


def _revoke(actor: Actor, tokens: Iterable[AccessToken], reason: str) -> list[AccessToken]:
    now = timezone.now()
    reason = validation.reason(reason)
    revoked = []
    for token in tokens:
        if token.revoked_at is not None:
            continue
        token.revoked_at = now
        token.revoked_by = actor.label[:255]
        token.revoke_reason = reason
        token.save(update_fields=["revoked_at", "revoked_by", "revoke_reason", "updated_at"])
        _record(actor, Action.TOKEN_REVOKED, token, reason=reason)
        revoked.append(token)
    return revoked


def _record(actor: Actor, action: Action, token: AccessToken, **details: Any) -> None:
    audit.record(actor, action, organization=token.organization, token=token, **details)


def _require_not_revoked(token: AccessToken) -> None:
    if token.revoked_at is not None:
        raise conflict("token.revoked")


def _narrower_scopes(token: AccessToken, scopes: Sequence[str]) -> list[str]:
    dialect = token.workspace.speaks
    names = validation.scopes(scopes, dialect)
    if not is_narrower(names, token.scopes, dialect.available_scopes, dialect.implies):
        raise Invalid(
            "token.scopes_widened",
            _("Scopes can only be taken away. Generate a new token to grant more."),
            field="scopes",
        )
    return names


def _earlier_expiry(token: AccessToken, expires_at: datetime | None) -> datetime | None:
    if expires_at == token.expires_at:
        return expires_at
    if expires_at is None or (token.expires_at is not None and expires_at > token.expires_at):
        raise Invalid(
            "token.expiry_extended",
            _("The expiry can only be brought forward. Generate a new token to have more time."),
            field="expires_at",
        )
    return validation.expiry(expires_at, organization=token.organization)


def _require_still_within(parent: AccessToken, child: AccessToken) -> None:
    require_within_parent(
        parent,
        workspace=child.workspace,
        scopes=child.scopes,
        expires_at=child.expires_at,
        allowed_networks=child.allowed_networks,
    )


def _for_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
