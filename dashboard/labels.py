"""What the pages call the closed lists of the library: outcomes, reasons, facts of events."""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from apikeys.models.activity import Outcome
from apikeys.models.organizations import Environment, Role
from apikeys.models.tokens import Kind
from apikeys.refusals import Reason

REASONS: Final[dict[str, Promise]] = {
    Reason.MISSING: _("No API key"),
    Reason.AMBIGUOUS: _("More than one credential"),
    Reason.MALFORMED: _("Malformed API key"),
    Reason.UNKNOWN: _("Unknown API key"),
    Reason.WRONG_SECRET: _("Wrong secret"),
    Reason.OTHER_DIALECT: _("Token of another API"),
    Reason.ADDRESS_NOT_ALLOWED: _("Address not on the list"),
    Reason.TOO_MANY_FAILURES: _("Too many failures from one address"),
    Reason.EXPIRED: _("Token expired"),
    Reason.DISABLED: _("Token disabled"),
    Reason.REVOKED: _("Token revoked"),
    Reason.WORKSPACE_ARCHIVED: _("Workspace archived"),
    Reason.ORGANIZATION_SUSPENDED: _("Organization suspended"),
    Reason.OWNER_INACTIVE: _("Owner inactive"),
    Reason.OWNER_GONE: _("Owner gone"),
    Reason.PLAIN_HTTP: _("Not sent over HTTPS"),
    Reason.FOREIGN_ORIGIN: _("Browser on another site"),
    Reason.RESTRICTED: _("A rule of the API"),
    Reason.SCOPE_INSUFFICIENT: _("Scope missing"),
    Reason.SCOPE_UNDECLARED: _("Endpoint without scopes"),
    Reason.RATE_LIMITED: _("Over the limit"),
}

# Keys of the details of audit events, in the page's words.
DETAILS: Final[dict[str, Promise]] = {
    "admin": _("Admin"),
    "allowed_networks": _("Allowed networks"),
    "amount": _("Amount"),
    "credits": _("Credits"),
    "description": _("Description"),
    "dialect": _("Dialect"),
    "environment": _("Environment"),
    "expires_at": _("Expires at"),
    "filters": _("Filters"),
    "format": _("Format"),
    "invited_by": _("Invited by"),
    "kind": _("Kind"),
    "limits": _("Limits"),
    "max_lifetime_days": _("Max lifetime days"),
    "name": _("Name"),
    "overlap_seconds": _("Overlap seconds"),
    "reason": _("Reason"),
    "revoked_tokens": _("Revoked tokens"),
    "role": _("Role"),
    "scopes": _("Scopes"),
    "user_id": _("User id"),
    "where": _("Where"),
}
# Details whose values are a closed list too.
CHOICES: Final[dict[str, type[TextChoices]]] = {
    "role": Role,
    "kind": Kind,
    "environment": Environment,
}
# Who makes changes, beside people.
ACTORS: Final[dict[str, Promise]] = {"token": _("token"), "system": _("system")}


def detail(name: str) -> str:
    """Return what a fact about an event is called; one of a later version is made of its code."""
    return str(DETAILS.get(name) or capfirst(name.replace("_", " ")))


def value(name: str, value: str) -> str:
    """Return what the value of a fact is called, where it is one of a closed list."""
    choices = CHOICES.get(name)
    return str(choices(value).label) if choices and value in choices.values else value


def actor(kind: str) -> str:
    """Return what makes a change that no person makes."""
    return str(ACTORS.get(kind, kind))


def reason(value: str) -> str:
    """Return what a reason is called; one of a later version keeps its code."""
    return str(REASONS.get(value, value))


def outcome(value: str) -> str:
    """Return what an outcome is called; one of a later version keeps its code."""
    return str(capfirst(Outcome(value).label) if value in Outcome.values else value)
