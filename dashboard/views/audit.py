"""The audit log: who did what, when and from where. Nothing here changes it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apikeys import conf
from apikeys.addresses import search_by_post
from apikeys.models import AuditEvent, Membership, Organization
from apikeys.queries.events import COLUMNS
from apikeys.queries.filters import AuditEventFilter
from apikeys.services.audit import Action, action_label

from .. import events
from ..access import admin_page, chosen_workspace
from ..exports import csv_lines, download
from ..pages import render_page

PAGE_SIZE: Final = 50


@admin_page
@search_by_post
@require_safe
def audit(request: HttpRequest, organization: Organization) -> HttpResponse:
    """Show the events, newest first, as the query string narrows them."""
    workspace = chosen_workspace(request, organization)
    found = _filter(request, organization)
    page = None
    if found.is_valid():
        after = _neighbour(request, organization, "after")
        before = None if after else _neighbour(request, organization, "before")
        page = events.page(found.qs, size=PAGE_SIZE, after=after, before=before)
    context = {
        "form": found.form,
        "chosen_workspace": workspace,
        "all_workspaces": organization.workspaces.order_by("name"),
        "filtered": any(request.GET.get(name) for name in found.filters),
        "people": _people(organization),
        "page": page,
        "rows": [events.row(event) for event in page.rows] if page else [],
        "kept_days": conf.get().retention["audit"],
    }
    return render_page(request, "apikeys_dashboard/audit/audit.html", context)


@require_safe
@admin_page
def audit_csv(request: HttpRequest, organization: Organization) -> HttpResponseBase:
    """Answer with the events of the query string as CSV."""
    found = _filter(request, organization)
    if not found.is_valid():
        return _back(request, organization)

    def lines(taken: AuditEvent | None) -> Iterable[str]:
        return csv_lines(COLUMNS, events.csv_rows(_without(taken, found.qs)))

    return download(
        request,
        lines,
        organization=organization,
        name="audit",
        kind="csv",
        filters=found.filters,
    )


@require_safe
@admin_page
def audit_jsonl(request: HttpRequest, organization: Organization) -> HttpResponseBase:
    """Answer with the events of the query string as JSON lines."""
    found = _filter(request, organization)
    if not found.is_valid():
        return _back(request, organization)

    def lines(taken: AuditEvent | None) -> Iterable[str]:
        return events.json_lines(_without(taken, found.qs))

    return download(
        request,
        lines,
        organization=organization,
        name="audit",
        kind="jsonl",
        filters=found.filters,
    )


def _without(taken: AuditEvent | None, found: Any) -> Any:
    """Leave out the event of this very download: the file holds what was there before."""
    return found if taken is None else found.exclude(pk=taken.pk)


def _filter(request: HttpRequest, organization: Organization) -> Any:
    found = AuditEventFilter(request.GET, queryset=_events(organization))
    actions = [(action.value, action_label(action)) for action in Action]
    found.form.fields["action"].choices = [("", _("All")), *actions]
    return found


def _events(organization: Organization) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(organization_id=organization.pk)


def _neighbour(
    request: HttpRequest, organization: Organization, parameter: str
) -> AuditEvent | None:
    """Return the event a page continues from; an unknown one is none: the first page."""
    try:
        public_id = uuid.UUID(request.GET.get(parameter, ""))
    except ValueError:
        return None
    return _events(organization).filter(public_id=public_id).first()


def _people(organization: Organization) -> list[str]:
    members = Membership.objects.filter(organization=organization).select_related("user")
    return sorted(str(membership.user.get_username()) for membership in members[:200])


def _back(request: HttpRequest, organization: Organization) -> HttpResponseBase:
    """Go to the page that says what is wrong with the query string."""
    url = reverse("apikeys_dashboard:audit", args=[organization.slug])
    return redirect(f"{url}?{request.GET.urlencode()}")


urlpatterns: list[URLPattern] = [
    path("<slug:organization>/audit", audit, name="audit"),
    path("<slug:organization>/audit.csv", audit_csv, name="audit-csv"),
    path("<slug:organization>/audit.jsonl", audit_jsonl, name="audit-jsonl"),
]
