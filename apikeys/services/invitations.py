"""Invite by e-mail, resend, withdraw, and join through the link that the mail carries.

The link is signed (``django.core.signing``), names the invitation and nothing else, and works once,
for seven days. It proves one thing: who holds it reads that mailbox. So it lets in the account of
that address, after its own log-in, or makes that account when nobody has it. It never logs anybody
in to an account that exists, sets no password of one, and lets no other address in.

Whether an account exists is told to the mailbox alone: inviting gives the same answer and sends the
same mail either way.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apikeys import emails
from apikeys.models import Invitation, Membership, Organization
from apikeys.models.organizations import InvitationState, Role
from apikeys.services import accounts, audit
from apikeys.services.actors import Actor
from apikeys.services.audit import Action
from apikeys.services.authorization import require_admin
from apikeys.services.errors import Conflict, Invalid, NotAllowed
from apikeys.services.invitation_mail import send_after_commit
from apikeys.services.locks import lock_organization
from apikeys.services.members import join, withdraw_unchecked
from apikeys.services.transactions import atomic

LIFETIME: Final = timedelta(days=7)
RESEND_AFTER: Final = timedelta(minutes=5)
# Mails to strangers in our name: enough for any team, too few for a spammer.
MOST_PER_DAY: Final = 100
SALT: Final = "apikeys.invitation"

PageUrl = Callable[[str], str]
"""Takes a link's text and returns the whole address of the page that reads it."""


@atomic
def invite(
    *,
    actor: Actor,
    organization: Organization,
    email: str,
    role: str = Role.MEMBER,
    page_url: PageUrl,
) -> Invitation:
    """Offer somebody to join; the mail leaves when the transaction is through.

    Args:
        actor: an admin.
        organization: which one to join.
        email: where the link goes, and the address that the account must have.
        role: what the person becomes.
        page_url: makes the address of the page that accepts.

    Raises:
        NotAllowed: the actor is no admin.
        Invalid: no address, no such role, or a member has the address.
        Conflict: ``invitation.open`` or ``invitation.too_many``.
    """
    organization = lock_organization(organization)
    require_admin(actor, organization)
    email = _address(email)
    if role not in Role.values:
        raise Invalid("role.unknown", _("Choose a role: admin or member."), field="role")
    alike = Membership.objects.filter(accounts.having(email, "user__"), organization=organization)
    if any(accounts.is_called(found.user, email) for found in alike.select_related("user")):
        raise Invalid("member.exists", _("A member has this address already."), field="email")
    _require_not_invited(actor, organization, email)
    _require_few(organization)
    invitation = Invitation.objects.create(
        organization=organization,
        email=email,
        role=role,
        expires_at=timezone.now() + LIFETIME,
        **_answered_for_by(actor),
    )
    audit.record(
        actor,
        Action.INVITATION_CREATED,
        organization=organization,
        target=email,
        role=str(role),
    )
    send_after_commit(invitation, inviter=actor.label, url=page_url(link_of(invitation)))
    return invitation


@atomic
def resend_invitation(*, actor: Actor, invitation: Invitation, page_url: PageUrl) -> Invitation:
    """Send a new link, good for seven days from now; who sends it answers for it from then on.

    Raises:
        NotAllowed: the actor is no admin.
        Conflict: ``invitation.accepted``, ``invitation.withdrawn`` or ``invitation.void``;
            ``invitation.just_sent`` within five minutes.
    """
    organization = lock_organization(invitation.organization)
    require_admin(actor, organization)
    invitation = _current(invitation)
    _require_unanswered(invitation)
    _require_not_void(invitation)
    now = timezone.now()
    # That of a clock that was ahead is no reason to wait until its moment comes.
    if abs(now - (invitation.expires_at - LIFETIME)) < RESEND_AFTER:
        raise Conflict(
            "invitation.just_sent", _("This was sent a moment ago. Wait five minutes to resend it.")
        )
    changes = {
        "created_at": min(invitation.created_at, now),
        "expires_at": now + LIFETIME,
        **_answered_for_by(actor),
    }
    for name, value in changes.items():
        setattr(invitation, name, value)
    invitation.save(update_fields=list(changes))
    audit.record(
        actor,
        Action.INVITATION_RESENT,
        organization=organization,
        target=invitation.email,
        role=invitation.role,
    )
    send_after_commit(invitation, inviter=actor.label, url=page_url(link_of(invitation)))
    return invitation


@atomic
def withdraw_invitation(*, actor: Actor, invitation: Invitation) -> Invitation:
    """Take an invitation back; its links stop working.

    Raises:
        NotAllowed: the actor is no admin.
        Conflict: ``invitation.accepted`` or ``invitation.withdrawn``.
    """
    organization = lock_organization(invitation.organization)
    require_admin(actor, organization)
    _require_unanswered(_current(invitation))
    withdraw_unchecked(actor=actor, invitations=Invitation.objects.filter(pk=invitation.pk))
    return _current(invitation)


def link_of(invitation: Invitation) -> str:
    """Return the text that stands in the link."""
    return TimestampSigner(salt=SALT).sign(invitation.public_id.hex)


def read_link(link: str) -> Invitation:
    """Return the open invitation that a link names.

    Raises:
        Invalid: ``invitation.unknown``: it was changed, cut off, or signed by another site.
        Conflict: ``invitation.accepted``, ``invitation.withdrawn``, ``invitation.expired``, or
            ``invitation.void``: who sent it is no active admin of the organization any more.
    """
    signer = TimestampSigner(salt=SALT)
    stale = False
    try:
        try:
            # The signature knows whole seconds; the row knows the exact end.
            name = signer.unsign(link, max_age=LIFETIME + timedelta(seconds=1))
        except SignatureExpired:
            stale, name = True, signer.unsign(link)
        rows = Invitation.objects.select_related("organization").with_inviters()
        invitation = rows.get(public_id=uuid.UUID(name))
    except (BadSignature, ValueError, Invitation.DoesNotExist):
        raise Invalid(
            "invitation.unknown",
            _("This link is not complete or was changed. Open it from the e-mail again."),
        ) from None
    _require_unanswered(invitation)
    _require_not_void(invitation)
    if stale or invitation.state is InvitationState.EXPIRED:
        raise Conflict(
            "invitation.expired",
            _("This invitation has expired. Ask an admin of the organization to send it again."),
        )
    return invitation


@atomic
def accept_invitation(*, actor: Actor, link: str) -> Membership:
    """Let the logged-in person in, whose address is the invited one.

    Raises:
        Invalid, Conflict: as ``read_link``; ``member.exists``.
        NotAllowed: ``invitation.other_address``: the account has another address.
    """
    invitation = _locked(link)
    if actor.kind != "user" or not accounts.has_address(actor.user, invitation.email):
        raise NotAllowed(
            "invitation.other_address",
            _("This invitation is for another e-mail address than your account's."),
        )
    return _accept(actor, invitation)


@atomic
def sign_up_and_accept(*, link: str, password: str, address: str | None = None) -> Any:
    """Make the account of the invited address and let it in.

    Args:
        link: what the mail carried.
        password: chosen by the person; the site's password validators judge it.
        address: where the request came from.

    Returns:
        The new user.

    Raises:
        Invalid, Conflict: as ``read_link``; Invalid on ``password``; Conflict
            ``invitation.account_exists``: its owner must log in.
    """
    invitation = _locked(link)
    user = accounts.create(email=invitation.email, password=password)
    _accept(Actor.person(user, address=address), invitation)
    return user


def _accept(actor: Actor, invitation: Invitation) -> Membership:
    if invitation.organization.memberships.filter(user=actor.user).exists():
        raise Conflict("member.exists", _("You are a member already."))
    invitation.accepted_at = timezone.now()
    invitation.save(update_fields=["accepted_at"])
    membership = join(
        actor=actor,
        organization=invitation.organization,
        user=actor.user,
        role=invitation.role,
    )
    audit.record(
        actor,
        Action.INVITATION_ACCEPTED,
        organization=invitation.organization,
        target=invitation.email,
        role=invitation.role,
        invited_by=invitation.inviter,
    )
    return membership


def _locked(link: str) -> Invitation:
    """Return the link's invitation with its organization locked, so that it works once."""
    lock_organization(read_link(link).organization)
    return read_link(link)


def _current(invitation: Invitation) -> Invitation:
    rows = Invitation.objects.select_related("organization").with_inviters()
    return rows.get(pk=invitation.pk)


def _answered_for_by(actor: Actor) -> dict[str, Any]:
    """Return the columns that say who sent an invitation."""
    return {
        "invited_by": actor.user,
        "inviter_kind": actor.kind,
        "inviter_id": actor.id,
        "inviter_label": actor.label[:255],
    }


def _require_unanswered(invitation: Invitation) -> None:
    if invitation.state is InvitationState.ACCEPTED:
        raise Conflict("invitation.accepted", _("This invitation was used already."))
    if invitation.state is InvitationState.WITHDRAWN:
        raise Conflict(
            "invitation.withdrawn", _("This invitation was withdrawn by the organization.")
        )


def _require_not_void(invitation: Invitation) -> None:
    if invitation.state is InvitationState.VOID:
        raise Conflict(
            "invitation.void",
            _(
                "This invitation is no longer valid: who sent it may not invite any more. "
                "A new one is needed."
            ),
        )


def _require_not_invited(actor: Actor, organization: Organization, email: str) -> None:
    unanswered = (
        Invitation.objects.unanswered()
        .filter(organization=organization, email__iexact=email)
        .with_inviters()
    )
    if any(found.state is InvitationState.OPEN for found in unanswered):
        raise Conflict(
            "invitation.open",
            _("This address is invited already. Resend or withdraw that invitation."),
            field="email",
        )
    # One that ran out or is void makes place for the new one.
    withdraw_unchecked(actor=actor, invitations=unanswered)


def _require_few(organization: Organization) -> None:
    # Not those of a clock that was ahead: they would count until their moment has come and gone.
    now = timezone.now()
    day = (now - timedelta(days=1), now)
    recent = Invitation.objects.filter(organization=organization, created_at__range=day)
    if recent.count() >= MOST_PER_DAY:
        raise Conflict(
            "invitation.too_many",
            ngettext(
                "At most %(most)d invitation can be sent in 24 hours. Try again tomorrow.",
                "At most %(most)d invitations can be sent in 24 hours. Try again tomorrow.",
                MOST_PER_DAY,
            )
            % {"most": MOST_PER_DAY},
            field="email",
        )


def _address(email: str) -> str:
    try:
        email = emails.canonical(email)
        validate_email(email)
        Invitation._meta.get_field("email").run_validators(email)
    except ValidationError:
        raise Invalid("email.invalid", _("Enter an e-mail address."), field="email") from None
    except ValueError as error:
        raise Invalid("email.invalid", str(error), field="email") from None
    return email
