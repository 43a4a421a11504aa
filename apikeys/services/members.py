"""Who is in an organization: add, change the role, remove, leave; the last admin stays.

Every change locks the organization first, then counts: two admins who remove each other at the
same moment would otherwise leave nobody. Demoting or removing an admin withdraws the invitations
they sent: otherwise they could rejoin through a second address of their own. What ends with a
membership ends here also where other code deletes it, or its user (``departures``).
"""

from __future__ import annotations

from typing import Any

from django.db import router
from django.utils import timezone
from django.utils.translation import gettext as _

from apikeys.models import AccessToken, Invitation, Membership, Organization, admins, people
from apikeys.models.organizations import Role
from apikeys.models.tokens import Kind
from apikeys.services import accounts, audit
from apikeys.services.actors import Actor
from apikeys.services.audit import Action
from apikeys.services.authorization import require_admin
from apikeys.services.errors import Conflict, Invalid, NotAllowed
from apikeys.services.locks import lock_organization, lock_tokens
from apikeys.services.tokens import revoke_unchecked
from apikeys.services.transactions import atomic


@atomic
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
        raise Conflict("member.exists", _("This person is a member already."))
    membership = Membership.objects.create(organization=organization, user=user, role=role)
    # Whoever ended an earlier membership past these services left them behind.
    left_behind = lock_tokens(personal_tokens(membership))
    revoke_unchecked(actor=actor, tokens=left_behind, reason="Its owner had left")
    audit.record(
        actor,
        Action.MEMBER_ADDED,
        organization=organization,
        target=str(user.get_username()),
        role=str(role),
    )
    return membership


@atomic
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
        if role != Role.ADMIN:
            withdraw_unchecked(actor=actor, invitations=sent_invitations(membership))
    return membership


@atomic
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
    return _end(actor, Action.MEMBER_REMOVED, membership, reason="Member removed")


@atomic
def leave_organization(*, actor: Actor, organization: Organization) -> list[AccessToken]:
    """Take the actor out of the organization and revoke their personal tokens there.

    Returns:
        The tokens that were revoked.

    Raises:
        NotAllowed: the actor is no person or not in it.
        Conflict: ``member.last_admin``.
    """
    organization = lock_organization(organization)
    membership = (
        Membership.objects.select_related("user", "organization")
        .filter(organization=organization, user=actor.user)
        .first()
        if actor.kind == "user"
        else None
    )
    if membership is None:
        raise NotAllowed("member.not_you", _("You are not a member of this organization."))
    _require_another_admin(membership)
    return _end(actor, Action.MEMBER_LEFT, membership, reason="Member left")


@atomic
def remove_from_all(*, actor: Actor, user: Any) -> None:
    """End all memberships of somebody whose account is about to be deleted; asks no permission.

    Args:
        actor: who deletes the account.
        user: whose.

    Raises:
        LastAdminError: an organization would be left without an admin who can log in.
    """
    using = router.db_for_write(Membership)
    memberships = Membership.objects.filter(user=user).order_by("organization")
    admins.require_another(memberships, using)
    for membership in memberships.select_related("user", "organization"):
        _end(actor, Action.MEMBER_REMOVED, membership, reason="User deleted")


def end_with_its_row(*, actor: Actor, membership: Membership, using: str) -> None:
    """End a membership that other code is deleting, in the transaction of that.

    Args:
        actor: who is named for it.
        membership: the row that is about to go.
        using: the database of the deletion.

    Raises:
        LastAdminError: the organization would be left without an admin who can log in.
    """
    rows = Membership.objects.using(using)
    # All of this person's at once and in order: their other memberships may be next.
    admins.hold(
        set(rows.filter(user=membership.user_id).values_list("organization", flat=True)), using
    )
    found = rows.filter(pk=membership.pk)
    current = found.select_related("user", "organization").first()
    if current is not None:
        admins.require_another(found, using)
        _end(actor, Action.MEMBER_REMOVED, current, reason=actor.label.capitalize())


def _end(actor: Actor, action: Action, membership: Membership, *, reason: str) -> list[AccessToken]:
    """Delete the membership with what hangs on it; the organization is locked."""
    tokens = lock_tokens(personal_tokens(membership))
    revoke_unchecked(actor=actor, tokens=tokens, reason=reason)
    withdraw_unchecked(actor=actor, invitations=sent_invitations(membership))
    membership.ends_by_service = True
    membership.delete()
    audit.record(
        actor,
        action,
        organization=membership.organization,
        target=str(membership.user.get_username()),
        revoked_tokens=[token.token_id for token in tokens],
    )
    return tokens


def withdraw_unchecked(*, actor: Actor, invitations: Any) -> None:
    """Take unanswered invitations back as part of a change that was allowed already.

    Args:
        actor: who makes that change.
        invitations: a queryset within the organization that is locked.
    """
    now = timezone.now()
    for invitation in invitations.select_related("organization").order_by("pk"):
        invitation.withdrawn_at = now
        invitation.save(update_fields=["withdrawn_at"])
        audit.record(
            actor,
            Action.INVITATION_WITHDRAWN,
            organization=invitation.organization,
            target=invitation.email,
            role=invitation.role,
        )


def sent_invitations(membership: Membership) -> Any:
    """Return the unanswered invitations that would be withdrawn with this person's power."""
    return Invitation.objects.unanswered().filter(
        organization=membership.organization, invited_by=membership.user
    )


def known_people(*, actor: Actor, organization: Organization) -> Any:
    """Return memberships in other organizations that the actor manages, of people not in this one.

    These accounts the actor sees anyway, so offering them tells nobody that an account exists.
    """
    managed = Membership.objects.filter(user=actor.user, role=Role.ADMIN).exclude(
        organization=organization
    )
    found = (
        Membership.objects.select_related("user", "organization")
        .filter(organization__in=managed.values("organization"))
        .of_active_people()
        .exclude(user__in=Membership.objects.filter(organization=organization).values("user"))
        .order_by("organization__name", "pk")
    )
    if people.is_known_to_queries():
        return found
    return found.filter(pk__in=[one.pk for one in found if people.is_active(one.user)])


def personal_tokens(membership: Membership) -> Any:
    """Return the personal tokens that removing this member would revoke."""
    return AccessToken.objects.in_organization(membership.organization).filter(
        kind=Kind.PERSONAL, owner=membership.user, revoked_at__isnull=True
    )


def is_last_admin(membership: Membership) -> bool:
    """Whether this is the only admin of the organization who can log in."""
    return bool(admins.last_among([membership], router.db_for_write(Membership)))


def known_user(*, actor: Actor, organization: Organization, name: str) -> Any:
    """Return the account of that log-in name, out of the organization and ``known_people``.

    Raises:
        Invalid: ``user.unknown``: nobody has the name, or nobody the actor knows. One answer for
            both, or an admin could ask for each address whether it has an account.
    """
    known = known_people(actor=actor, organization=organization)
    members = Membership.objects.select_related("user").filter(organization=organization)
    for memberships in (known, members):
        for found in memberships.filter(accounts.named(name, "user__")):
            if accounts.is_called(found.user, name):
                return found.user
    raise Invalid(
        "user.unknown",
        _("You manage nobody of this name in another organization. Invite them by e-mail instead."),
        field="user",
    )


def _require_another_admin(membership: Membership) -> None:
    if is_last_admin(membership):
        raise Conflict(
            "member.last_admin",
            _("This is the last admin. Make somebody else an admin first."),
        )


def _require_role(role: str) -> None:
    if role not in Role.values:
        raise Invalid("role.unknown", _("Choose a role: admin or member."), field="role")


def _current(membership: Membership) -> Membership:
    try:
        return Membership.objects.select_related("user", "organization").get(pk=membership.pk)
    except Membership.DoesNotExist:
        raise Conflict("member.gone", _("This person is no longer a member.")) from None
