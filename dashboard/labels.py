"""What the pages call the closed lists of the library: outcomes and reasons."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from apikeys.models.activity import Outcome
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


def reason(value: str) -> str:
    """Return what a reason is called; one of a later version keeps its code."""
    return str(REASONS.get(value, value))


def outcome(value: str) -> str:
    """Return what an outcome is called; one of a later version keeps its code."""
    return str(capfirst(Outcome(value).label) if value in Outcome.values else value)
