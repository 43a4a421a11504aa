"""One audit event as programs read it back: over the REST API and in both files of the dashboard.

Knows neither the form of an answer nor that of a file.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any, Final

from apikeys.models import AuditEvent

COLUMNS: Final = (
    "public_id",
    "created_at",
    "organization",
    "workspace",
    "action",
    "actor_kind",
    "actor",
    "token_id",
    "target",
    "address",
    "request_id",
    "details",
)


def record(event: AuditEvent) -> dict[str, Any]:
    """Return an event as values for JSON, in the order of ``COLUMNS``; no primary key is in it.

    Args:
        event: a stored event.
    """
    created_at = event.created_at.astimezone(UTC).isoformat(timespec="microseconds")
    values = (
        str(event.public_id),
        created_at.replace("+00:00", "Z"),
        event.organization_slug,
        event.workspace_slug,
        event.action,
        event.actor_kind,
        event.actor_label,
        event.token_id,
        event.target_label,
        event.address,
        event.request_id,
        event.details,
    )
    return dict(zip(COLUMNS, values, strict=True))
