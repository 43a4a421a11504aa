"""The way in: the person's organizations, and the start page of one."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_safe

from apikeys.models import Organization

from ..access import admins_of, member_page
from ..log_ins import log_in_required
from ..pages import memberships_of, render_page


@require_safe
@log_in_required
def home(request: HttpRequest) -> HttpResponseBase:
    """List the organizations the person is in; the only one is opened at once."""
    memberships = memberships_of(request)
    if len(memberships) == 1:
        return redirect("apikeys_dashboard:organization", memberships[0].organization.slug)
    return render_page(request, "apikeys_dashboard/home/home.html")


@require_safe
@log_in_required
def api_keys(request: HttpRequest) -> HttpResponseBase:
    """Lead to the tokens of the only organization the person manages, or to the choice.

    The address without an organization that a host's documentation can link to.
    """
    managed = [m.organization.slug for m in memberships_of(request) if m.is_admin]
    if len(managed) == 1:
        return redirect("apikeys_dashboard:tokens", managed[0])
    return redirect("apikeys_dashboard:home")


@require_safe
@member_page
def organization(request: HttpRequest, organization: Organization) -> HttpResponseBase:
    """Show a member the organization and who its admins are; admins go on to the tokens."""
    if request.membership.is_admin:  # type: ignore[attr-defined]
        return redirect("apikeys_dashboard:tokens", organization.slug)
    context = {"admins": admins_of(organization)}
    return render_page(request, "apikeys_dashboard/home/organization.html", context)


urlpatterns = [
    path("", home, name="home"),
    path("api-keys", api_keys, name="api-keys"),
    path("<slug:organization>", organization, name="organization"),
]
