"""Who is in an organization: add, change the role, remove; the last admin stays.

Every change locks the organization first, then counts: two admins who remove each other at the
same moment would otherwise leave nobody.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from apikeys.models import AccessToken, Membership, Organization
from apikeys.models.organizations import Role
from apikeys.models.tokens import Kind
from apikeys.services import audit
from apikeys.services.actors import Actor
from apikeys.services.audit import Action
from apikeys.services.authority import require_admin
from apikeys.services.errors import Conflict, Invalid
from apikeys.services.locks import lock_organization, lock_tokens
from apikeys.services.tokens import revoke_unchecked


@transaction.atomic
def add_member(
    *, actor: Actor, organization: Organization, user: Any, role: str = Role.MEMBER
) -> Membership:
    """Put an existing user into the organization.

    Raises:
        NotAllowed: the actor is no admin.
        Invalid: no such role.
        Conflict: the user is in it already.
    """
    organization = lock_organization(organization)
    require_admin(actor, organization)
    return join(actor=actor, organization=organization, user=user, role=role)


def join(*, actor: Actor, organization: Organization, user: Any, role: str) -> Membership:
    """Add the membership as part of a change that was allowed already, inside its transaction."""
    _require_role(role)
    if Membership.objects.filter(organization=organization, user=user).exists():
        raise Conflict("member.exists", "This person is a member already.")
    membership = Membership.objects.create(organization=organization, user=user, role=role)
    audit.record(
        actor,
        Action.MEMBER_ADDED,
        organization=organization,
        target=str(user.get_username()),
        role=str(role),
    )
    return membership


@transaction.atomic
def change_role(*, actor: Actor, membership: Membership, role: str) -> Membership:
    """Make a member an admin, or an admin a member.

    Raises:
        NotAllowed: the actor is no admin.
        Invalid: no such role.
        Conflict: ``member.last_admin``.
    """
    organization = lock_organization(membership.organization)
    require_admin(actor, organization)
    _require_role(role)
    membership = _current(membership)
    if role != membership.role:
        if role != Role.ADMIN:
            _require_another_admin(membership)
        before, membership.role = membership.role, role
        membership.save(update_fields=["role"])
        audit.record(
            actor,
            Action.MEMBER_ROLE_CHANGED,
            organization=organization,
            target=str(membership.user.get_username()),
            before={"role": str(before)},
            after={"role": str(role)},
        )
    return membership


@transaction.atomic
def remove_member(*, actor: Actor, membership: Membership) -> list[AccessToken]:
    """Take a person out of the organization and revoke their personal tokens there.

    Returns:
        The tokens that were revoked. Adding the person again revives none of them.

    Raises:
        NotAllowed: the actor is no admin.
        Conflict: ``member.last_admin``.
    """
    organization = lock_organization(membership.organization)
    require_admin(actor, organization)
    membership = _current(membership)
    _require_another_admin(membership)
    tokens = lock_tokens(personal_tokens(membership))
    revoke_unchecked(actor=actor, tokens=tokens, reason="Member removed")
    membership.delete()
    audit.record(
        actor,
        Action.MEMBER_REMOVED,
        organization=organization,
        target=str(membership.user.get_username()),
        revoked_tokens=[token.token_id for token in tokens],
    )
    return tokens


def personal_tokens(membership: Membership) -> Any:
    """Return the personal tokens that removing this member would revoke."""
    return AccessToken.objects.in_organization(membership.organization).filter(
        kind=Kind.PERSONAL, owner=membership.user, revoked_at__isnull=True
    )


def is_last_admin(membership: Membership) -> bool:
    """Tell whether nobody else who can log in manages the organization."""
    return (
        membership.role == Role.ADMIN
        and not Membership.objects.filter(
            organization=membership.organization, role=Role.ADMIN, user__is_active=True
        )
        .exclude(pk=membership.pk)
        .exists()
    )


def _require_another_admin(membership: Membership) -> None:
    if is_last_admin(membership):
        raise Conflict(
            "member.last_admin",
            "This is the last admin. Make somebody else an admin first.",
        )


def _require_role(role: str) -> None:
    if role not in Role.values:
        raise Invalid("role.unknown", "Choose a role: admin or member.", field="role")


def _current(membership: Membership) -> Membership:
    try:
        return Membership.objects.select_related("user", "organization").get(pk=membership.pk)
    except Membership.DoesNotExist:
        raise Conflict("member.gone", "This person is no longer a member.") from None
