"""Workspaces of an organization: list, create, rename, archive."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from apikeys.models import AccessToken, Organization, Workspace
from apikeys.services import workspaces as services

from ..access import actor_of, admin_page, recent_password
from ..form_pages import render_form, submit
from ..forms.workspaces import ArchiveForm, NameForm, WorkspaceForm
from ..pages import render_page
from . import policy

FORM: Final = ["GET", "HEAD", "POST"]
MOST_TOKENS_SHOWN: Final = 100


@require_safe
@admin_page
def workspaces(request: HttpRequest, organization: Organization) -> HttpResponseBase:
    """List the workspaces with what each is for and how many tokens live in it."""
    live = AccessToken.objects.live().filter(workspace=OuterRef("pk")).order_by()
    counted = live.values("workspace").annotate(live=Count("pk")).values("live")
    found = (
        Workspace.objects.filter(organization=organization)
        .annotate(live_tokens=Coalesce(Subquery(counted), 0))
        .order_by("name", "pk")
    )
    context = {
        "open": [workspace for workspace in found if workspace.archived_at is None],
        "archived": [workspace for workspace in found if workspace.archived_at is not None],
    }
    return render_page(request, "apikeys_dashboard/workspaces/list.html", context)


@require_http_methods(FORM)
@admin_page
@recent_password
def create(request: HttpRequest, organization: Organization) -> HttpResponseBase:
    """Add a workspace."""
    form = WorkspaceForm(_posted(request), request=request)
    status: int | None = None
    if request.method == "POST":
        status = submit(
            form,
            lambda: services.create_workspace(
                actor=actor_of(request), organization=organization, **form.cleaned_data
            ),
        )
        if status is None:
            said = _("Workspace %s was created.") % form.cleaned_data["name"]
            messages.success(request, said)
            return redirect("apikeys_dashboard:workspaces", organization.slug)
    return render_form(request, "apikeys_dashboard/workspaces/new.html", form, status=status)


@require_http_methods(FORM)
@admin_page
def rename(request: HttpRequest, organization: Organization, workspace: str) -> HttpResponseBase:
    """Change the name people read."""
    found = _open_workspace(organization, workspace)
    form = NameForm(_posted(request), initial={"name": found.name})
    status: int | None = None
    if request.method == "POST":
        status = submit(
            form,
            lambda: services.rename_workspace(
                actor=actor_of(request), workspace=found, name=form.cleaned_data["name"]
            ),
        )
        if status is None:
            messages.success(request, _("The name was changed."))
            return redirect("apikeys_dashboard:workspaces", organization.slug)
    context = {"workspace": found}
    return render_form(
        request, "apikeys_dashboard/workspaces/rename.html", form, context, status=status
    )


@require_http_methods(FORM)
@admin_page
@recent_password
def archive(request: HttpRequest, organization: Organization, workspace: str) -> HttpResponseBase:
    """Show what archiving revokes, then archive; the name must be typed."""
    found = _open_workspace(organization, workspace)
    form = ArchiveForm(_posted(request), request=request, workspace=found)
    status: int | None = None
    if request.method == "POST":
        actor = actor_of(request)
        status = submit(form, lambda: services.archive_workspace(actor=actor, workspace=found))
        if status is None:
            messages.success(request, _("Workspace %s is archived.") % found.name)
            return redirect("apikeys_dashboard:workspaces", organization.slug)
    tokens = AccessToken.objects.filter(workspace=found).live().order_by("name", "pk")
    context = {
        "workspace": found,
        "tokens": tokens[:MOST_TOKENS_SHOWN],
        "count": (count := tokens.count()),
        "more": max(0, count - MOST_TOKENS_SHOWN),
    }
    return render_form(
        request, "apikeys_dashboard/workspaces/archive.html", form, context, status=status
    )


def _posted(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _open_workspace(organization: Organization, slug: str) -> Workspace:
    """Return the workspace; one that is archived can't be changed and has no pages.

    Raises:
        Http404: the organization has no such open workspace.
    """
    workspace = (
        Workspace.objects.select_related("organization")
        .filter(organization=organization, slug=slug, archived_at__isnull=True)
        .first()
    )
    if workspace is None:
        raise Http404
    return workspace


urlpatterns = [
    path("<slug:organization>/workspaces", workspaces, name="workspaces"),
    path("<slug:organization>/workspaces/new", create, name="workspace-new"),
    path("<slug:organization>/workspaces/<slug:workspace>/rename", rename, name="workspace-rename"),
    path(
        "<slug:organization>/workspaces/<slug:workspace>/archive",
        archive,
        name="workspace-archive",
    ),
    *policy.urlpatterns,
]
