"""The mail that carries an invitation's link. Knows no rule of who may invite whom.

It is in the language that the person who invites reads: of who is invited nothing is known but an
address.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation

from apikeys.languages import spoken
from apikeys.models import Invitation
from apikeys.services.transactions import after_commit

logger = logging.getLogger("apikeys.invitations")


def send_after_commit(invitation: Invitation, *, inviter: str, url: str) -> None:
    """Send the mail when the transaction is through.

    Args:
        invitation: whose address gets it.
        inviter: the person who answers for it, by name.
        url: the address of the page that accepts, link included.
    """
    context = {
        "organization": invitation.organization.name,
        "inviter": inviter,
        "role": invitation.role,
        "url": url,
        "expires_at": invitation.expires_at,
    }
    # Asked now: the transaction may end after the view has, and another language be active.
    after_commit(partial(_send, invitation.email, context, spoken()))


def _send(email: str, context: dict[str, Any], language: str) -> None:
    with translation.override(language):
        subject = render_to_string("apikeys/mail/invitation_subject.txt", context)
        body = render_to_string("apikeys/mail/invitation.txt", context)
    try:
        send_mail(" ".join(subject.split()), body, None, [email])
    except OSError as error:
        # The invitation stands and the page offers to resend it. What the mail server said is
        # worth logging, the link is not.
        said = " ".join(str(error).split())
        logger.error("invitation could not be sent error=%s: %s", type(error).__name__, said)
