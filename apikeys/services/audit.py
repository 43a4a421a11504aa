"""One audit event per change, written last in its transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apikeys.models import AccessToken, AuditEvent, Organization, Workspace
from apikeys.services.actors import Actor


class Action(StrEnum):
    """The closed list of what can be answered for. A retired name stays, for old rows."""

    ORGANIZATION_CREATED = "organization.created"
    ORGANIZATION_UPDATED = "organization.updated"
    ORGANIZATION_SUSPENDED = "organization.suspended"
    ORGANIZATION_RESUMED = "organization.resumed"
    WORKSPACE_CREATED = "workspace.created"
    WORKSPACE_UPDATED = "workspace.updated"
    WORKSPACE_ARCHIVED = "workspace.archived"
    MEMBER_ADDED = "member.added"
    MEMBER_ROLE_CHANGED = "member.role_changed"
    MEMBER_REMOVED = "member.removed"
    MEMBER_LEFT = "member.left"
    INVITATION_CREATED = "invitation.created"
    INVITATION_RESENT = "invitation.resent"
    INVITATION_ACCEPTED = "invitation.accepted"
    INVITATION_WITHDRAWN = "invitation.withdrawn"
    TOKEN_CREATED = "token.created"  # noqa: S105
    TOKEN_UPDATED = "token.updated"  # noqa: S105
    TOKEN_DISABLED = "token.disabled"  # noqa: S105
    TOKEN_ENABLED = "token.enabled"  # noqa: S105
    TOKEN_ROTATED = "token.rotated"  # noqa: S105
    TOKEN_OVERLAP_ENDED = "token.overlap_ended"  # noqa: S105
    TOKEN_REVOKED = "token.revoked"  # noqa: S105
    SERVICE_ACCOUNT_CREATED = "service_account.created"
    CREDITS_GRANTED = "credits.granted"
    MEMBER_LOGGED_IN = "member.logged_in"
    MEMBER_LOG_IN_FAILED = "member.log_in_failed"
    MEMBER_LOGGED_OUT = "member.logged_out"
    MEMBER_PASSWORD_CHANGED = "member.password_changed"  # noqa: S105
    AUDIT_EXPORTED = "audit.exported"
    USAGE_EXPORTED = "usage.exported"


LABELS: Final[Mapping[str, Promise]] = {
    Action.ORGANIZATION_CREATED: _("Organization created"),
    Action.ORGANIZATION_UPDATED: _("Organization updated"),
    Action.ORGANIZATION_SUSPENDED: _("Organization suspended"),
    Action.ORGANIZATION_RESUMED: _("Organization resumed"),
    Action.WORKSPACE_CREATED: _("Workspace created"),
    Action.WORKSPACE_UPDATED: _("Workspace updated"),
    Action.WORKSPACE_ARCHIVED: _("Workspace archived"),
    Action.MEMBER_ADDED: _("Member added"),
    Action.MEMBER_ROLE_CHANGED: _("Member role changed"),
    Action.MEMBER_REMOVED: _("Member removed"),
    Action.MEMBER_LEFT: _("Member left"),
    Action.INVITATION_CREATED: _("Invitation created"),
    Action.INVITATION_RESENT: _("Invitation resent"),
    Action.INVITATION_ACCEPTED: _("Invitation accepted"),
    Action.INVITATION_WITHDRAWN: _("Invitation withdrawn"),
    Action.TOKEN_CREATED: _("Token created"),
    Action.TOKEN_UPDATED: _("Token updated"),
    Action.TOKEN_DISABLED: _("Token disabled"),
    Action.TOKEN_ENABLED: _("Token enabled"),
    Action.TOKEN_ROTATED: _("Token rotated"),
    Action.TOKEN_OVERLAP_ENDED: _("Token overlap ended"),
    Action.TOKEN_REVOKED: _("Token revoked"),
    Action.SERVICE_ACCOUNT_CREATED: _("Service account created"),
    Action.CREDITS_GRANTED: _("Credits granted"),
    Action.MEMBER_LOGGED_IN: _("Member logged in"),
    Action.MEMBER_LOG_IN_FAILED: _("Member log in failed"),
    Action.MEMBER_LOGGED_OUT: _("Member logged out"),
    Action.MEMBER_PASSWORD_CHANGED: _("Member password changed"),
    Action.AUDIT_EXPORTED: _("Audit exported"),
    Action.USAGE_EXPORTED: _("Usage exported"),
}
"""How people read each action, in their language."""


def action_label(action: str) -> str:
    """Return how people read an action: ``member.role_changed`` is "Member role changed"."""
    if (label := LABELS.get(action)) is not None:
        return str(label)
    return str(action).replace(".", " ").replace("_", " ").capitalize()  # a later release's


def record(
    actor: Actor,
    action: Action,
    *,
    organization: Organization,
    workspace: Workspace | None = None,
    token: AccessToken | None = None,
    target: str = "",
    **details: Any,
) -> AuditEvent:
    """Write the event; call it inside the transaction of the change.

    Args:
        actor: who made the change.
        action: what was done.
        organization: where.
        workspace: in which workspace, when it was in one; the token's when not given.
        token: the token concerned.
        target: how people call what was changed; the token's name when not given.
        details: facts for the page "details", ready for JSON and without any secret.
    """
    if workspace is None and token is not None:
        workspace = token.workspace
    return AuditEvent.objects.create(
        organization_id=organization.pk,
        organization_slug=organization.slug,
        workspace_slug=workspace.slug if workspace else "",
        action=action.value,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label[:255],
        token_id=token.token_id if token else "",
        target_label=(target or (token.name if token else ""))[:255],
        address=actor.address,
        request_id=actor.request_id[:64],
        details=details,
    )


def record_in_each(
    actor: Actor,
    action: Action,
    *,
    user_pk: Any,
    target: str,
    at: datetime | None = None,
    **details: Any,
) -> None:
    """Write one event into each organization that a person is in; it names no other.

    Two statements, however many organizations they are.

    Args:
        actor: who made the change, or the attempt.
        action: what was done.
        user_pk: whose organizations.
        target: how people call the person.
        at: when; now when not given.
        details: as of ``record``.
    """
    when = {} if at is None else {"created_at": at}
    AuditEvent.objects.bulk_create(
        AuditEvent(
            organization_id=organization.pk,
            organization_slug=organization.slug,
            action=action.value,
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_label=actor.label[:255],
            target_label=target[:255],
            address=actor.address,
            request_id=actor.request_id[:64],
            details=details,
            **when,
        )
        for organization in Organization.objects.filter(memberships__user=user_pk).only("slug")
    )
