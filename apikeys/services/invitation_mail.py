"""The mail that carries an invitation's link. Knows no rule of who may invite whom.

It is in the language that the person who invites reads: of who is invited nothing is known but an
address.
"""

from __future__ import annotations

import email.policy
import inspect
import logging
from functools import partial
from typing import Any

from django.core.mail import EmailMessage
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
    after_commit(partial(_send, invitation, context, spoken()))


class _Mail(EmailMessage):
    """A mail whose lines stay whole.

    From Django 6.1 on a line of more than 78 characters, such as the link, would be cut in two by
    an encoding that mail programs undo and a console does not. RFC 5322 allows 998 (section 2.1.1).
    """

    def message(self, *args: Any, **kwargs: Any) -> Any:
        """Return it for the transport, with the longest lines there may be."""
        if "policy" in inspect.signature(EmailMessage.message).parameters:
            policy = args[0] if args else kwargs.get("policy", email.policy.default)
            return super().message(policy=policy.clone(max_line_length=998))
        return super().message(*args, **kwargs)


def _send(invitation: Invitation, context: dict[str, Any], language: str) -> None:
    with translation.override(language):
        subject = render_to_string("apikeys/mail/invitation_subject.txt", context)
        body = render_to_string("apikeys/mail/invitation.txt", context)
    try:
        _Mail(" ".join(subject.split()), body, None, [invitation.email]).send()
    except Exception as error:
        # Whatever a backend raises: the invitation stands and the page offers to resend it. What
        # the mail server said is worth logging, the link is not.
        invitation.mail_failed = True
        said = " ".join(str(error).split())
        logger.error("invitation could not be sent error=%s: %s", type(error).__name__, said)
