"""Django admin for operators: everything to see, nothing to forge, no digest anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from apikeys.models import (
    AccessToken,
    AuditEvent,
    EpochPlace,
    Invitation,
    Membership,
    Organization,
    RefusalCounter,
    SecretIssue,
    UsageCounter,
    Workspace,
)

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """Look, do not touch: changes go through the services, which write the audit event."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin):
    list_display = ("slug", "name", "credits", "suspended_at", "created_at")
    search_fields = ("slug", "name")


@admin.register(Workspace)
class WorkspaceAdmin(ReadOnlyAdmin):
    list_display = ("slug", "organization", "environment", "dialect", "archived_at")
    list_filter = ("environment", "dialect")
    list_select_related = ("organization",)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("user", "organization", "role", "created_at")
    list_select_related = ("user", "organization")


@admin.register(AccessToken)
class AccessTokenAdmin(ReadOnlyAdmin):
    list_display = ("token_id", "name", "workspace", "kind", "expires_at", "revoked_at")
    list_select_related = ("workspace",)
    search_fields = ("token_id", "name")
    exclude = ("digest", "previous_digest")


@admin.register(SecretIssue)
class SecretIssueAdmin(ReadOnlyAdmin):
    list_display = ("creation_id", "organization", "token", "created_at")
    list_select_related = ("organization", "token")
    exclude = ("fingerprint",)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = ("email", "organization", "role", "expires_at", "accepted_at", "withdrawn_at")
    list_select_related = ("organization",)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "organization_slug", "actor_label", "action", "target_label")
    list_filter = ("action",)


@admin.register(UsageCounter)
class UsageCounterAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "period", "token", "outcome", "count")
    list_select_related = ("token",)


@admin.register(RefusalCounter)
class RefusalCounterAdmin(ReadOnlyAdmin):
    list_display = ("minute", "reason", "dialect", "address", "token_id", "count")


@admin.register(EpochPlace)
class EpochPlaceAdmin(ReadOnlyAdmin):
    list_display = ("host", "user", "seen_at")
