"""Data that leaves as a file: who took it, in the log and as an event of the organization."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from apikeys.logs import printable
from apikeys.models import AuditEvent, Organization
from apikeys.services import audit
from apikeys.services.actors import Actor
from apikeys.services.audit import Action

logger = logging.getLogger("apikeys.exports")


def record_export(
    *,
    actor: Actor,
    organization: Organization,
    name: str,
    kind: str,
    filters: Sequence[str] = (),
) -> AuditEvent:
    """Write down that somebody downloads many rows; call it before the first one leaves.

    Args:
        actor: who downloads them.
        organization: whose rows.
        name: what they are, ``audit`` or ``usage``: with ".exported" it is an ``Action``.
        kind: the file's format, such as ``csv``.
        filters: the names of the filters that narrow it; their values may hold a pasted key.
    """
    action = Action(f"{name}.exported")
    logger.info(
        "exported %s as %s organization=%s address=%s actor=%s",
        name,
        kind,
        organization.slug,
        actor.address or "-",
        printable(actor.label),
    )
    return audit.record(
        actor,
        action,
        organization=organization,
        target=organization.name,
        format=kind,
        filters=list(filters),
    )
