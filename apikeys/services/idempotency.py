"""Each creation id makes one secret: a repeated request finds its id here and makes nothing.

An id is its caller's own: another person's or token's use of the same text is another id.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from django.utils.translation import gettext as _

from apikeys.models import AccessToken, Organization, SecretIssue
from apikeys.services.actors import Actor
from apikeys.services.errors import AlreadyIssued, Invalid

LONGEST_CREATION_ID: Final = 255


def fingerprint_of(*parts: Any) -> str:
    """Return what tells a repeat of a request from another request with the same id."""
    text = json.dumps(parts, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def require_new(
    actor: Actor, organization: Organization, creation_id: str | None, fingerprint: str
) -> None:
    """Refuse an id that has made a secret; call it under the organization's lock.

    Raises:
        Invalid: the id can't be one, or belongs to another request.
        AlreadyIssued: this very request was made before.
    """
    if creation_id is None:
        return
    printable = creation_id.isascii() and creation_id.isprintable()
    if not creation_id or len(creation_id) > LONGEST_CREATION_ID or not printable:
        raise Invalid(
            "creation_id.invalid",
            _("Use 1 to %(longest)d printable ASCII characters.")
            % {"longest": LONGEST_CREATION_ID},
            field="creation_id",
        )
    # Rows without a caller are of an earlier release, when an id was the whole organization's.
    issue = (
        SecretIssue.objects.filter(
            organization=organization, caller__in=(_caller(actor), ""), creation_id=creation_id
        )
        .select_related("token")
        .order_by("-caller")
        .first()
    )
    if issue is None:
        return
    if issue.fingerprint != fingerprint:
        raise Invalid(
            "creation_id.reused", _("This id was used for another request."), field="creation_id"
        )
    raise AlreadyIssued(
        "creation_id.used",
        _("This secret was made before and can't be shown again."),
        token_id=issue.token.token_id,
    )


def remember(
    actor: Actor,
    organization: Organization,
    creation_id: str | None,
    fingerprint: str,
    token: AccessToken,
) -> None:
    """Note that the id has made a secret of the token."""
    if creation_id is not None:
        SecretIssue.objects.create(
            organization=organization,
            caller=_caller(actor),
            creation_id=creation_id,
            fingerprint=fingerprint,
            token=token,
        )


def _caller(actor: Actor) -> str:
    return f"{actor.kind}:{actor.id}"
