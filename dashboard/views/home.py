"""The way in: the person's organizations, and the start page of one."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_safe

from apikeys.models import Membership, Organization
from dashboard.access import admins_of, member_page
from dashboard.pages import render_page


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponseBase:
    """List the organizations the person is in; the only one is opened at once."""
    slugs = _slugs(request)
    if len(slugs) == 1:
        return redirect("dashboard:organization", slugs[0])
    return render_page(request, "dashboard/home/home.html")


@require_safe
@member_page
def organization(request: HttpRequest, organization: Organization) -> HttpResponseBase:
    """Show the organization and who its admins are."""
    context = {"admins": admins_of(organization)}
    return render_page(request, "dashboard/home/organization.html", context)


def _slugs(request: HttpRequest) -> list[str]:
    memberships = Membership.objects.filter(user=request.user.pk)
    return list(
        memberships.order_by("organization__name").values_list("organization__slug", flat=True)
    )


urlpatterns = [
    path("", home, name="home"),
    path("<slug:organization>", organization, name="organization"),
]
