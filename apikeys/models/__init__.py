"""Organizations, tokens, and what happened to them. Knows no HTTP."""

from apikeys.models.activity import AuditEvent, RefusalCounter, UsageCounter
from apikeys.models.epoch_places import EpochPlace
from apikeys.models.organizations import Invitation, Membership, Organization, Workspace
from apikeys.models.secret_issues import SecretIssue
from apikeys.models.tokens import AccessToken

__all__ = [
    "AccessToken",
    "AuditEvent",
    "EpochPlace",
    "Invitation",
    "Membership",
    "Organization",
    "RefusalCounter",
    "SecretIssue",
    "UsageCounter",
    "Workspace",
]
