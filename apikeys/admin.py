"""Django admin for operators: everything to see, nothing to forge, no digest anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db import router, transaction
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apikeys import networks
from apikeys.admin_search import SearchMixin
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
from apikeys.services import members
from apikeys.services.actors import Actor

__all__ = ["DeletesPeople"]

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(SearchMixin, ModelAdmin):
    """Look, do not touch: changes go through the services, which write the audit event."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class DeletesPeople:
    """Put it before the class of a host's user admin: who deletes somebody there is the actor.

    The memberships end with it either way. Without it the audit log names the system for them, and
    Django's own log entry names the person.
    """

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with self._naming(request, [obj]):
            super().delete_model(request, obj)  # type: ignore[misc]

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        with self._naming(request, queryset):
            super().delete_queryset(request, queryset)  # type: ignore[misc]

    @contextmanager
    def _naming(self, request: HttpRequest, people: Iterable[Any]) -> Iterator[None]:
        """End the people's memberships in the transaction of the deletion that follows."""
        address = networks.address_of(request)
        actor = Actor.person(request.user, address=address)
        with transaction.atomic(using=router.db_for_write(Membership)):
            for user in people:
                members.remove_from_all(actor=actor, user=user)
            yield


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin):
    list_display = ("slug", "name", "credits", "suspended_at", "created_at")
    search_fields = ("slug", "name")


@admin.register(Workspace)
class WorkspaceAdmin(ReadOnlyAdmin):
    list_display = ("slug", "organization", "environment", "dialect", "archived_at")
    list_filter = ("environment", "dialect")
    list_select_related = ("organization",)
    readonly_fields = ("service_account",)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    """A membership may go with its user, so the page that deletes a user is told yes."""

    list_display = ("user", "organization", "role", "created_at")
    list_select_related = ("user", "organization")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        match = request.resolver_match
        asked_by = getattr(match.func, "model_admin", None) if match else None
        if asked_by is None or issubclass(asked_by.model, Membership):
            return False
        # Past ReadOnlyAdmin: what Django says, the permission apikeys.delete_membership.
        return admin.ModelAdmin.has_delete_permission(self, request, obj)


@admin.register(AccessToken)
class AccessTokenAdmin(ReadOnlyAdmin):
    list_display = ("token_id", "name", "workspace", "kind", "status", "expires", "revoked_at")
    search_fields = ("token_id", "name")
    search_help_text = _("A part of the name, the beginning of a token ID, or a whole key.")
    exclude = ("digest", "previous_digest", "expires_at", "name_key")
    readonly_fields = ("status", "expires")

    def get_queryset(self, request: HttpRequest) -> Any:
        tokens: Any = super().get_queryset(request)
        return tokens.for_status()

    @admin.display(description=_("status"))
    def status(self, token: AccessToken) -> str:
        """What the token is now."""
        return str(token.status.label)

    @admin.display(description=_("expires at"), ordering="expires_at", empty_value="-")
    def expires(self, token: AccessToken) -> datetime | str | None:
        """Return the expiry; one that lies beyond year 9999 in the site's zone, in UTC."""
        if token.expires_at is None:
            return None
        try:
            return timezone.localtime(token.expires_at)
        except OverflowError:
            return f"{token.expires_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@admin.register(SecretIssue)
class SecretIssueAdmin(ReadOnlyAdmin):
    list_display = ("creation_id", "organization", "token", "created_at")
    list_select_related = ("organization", "token")
    exclude = ("fingerprint",)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = (
        "email",
        "organization",
        "role",
        "inviter_label",
        "expires_at",
        "accepted_at",
        "withdrawn_at",
    )
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
