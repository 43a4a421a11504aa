"""The dashboard's start page: the person's organizations."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apikeys.models import Membership


@login_required
def start(request: HttpRequest) -> HttpResponse:
    """List the organizations the person is in, with the role in each."""
    memberships = Membership.objects.filter(user=request.user.pk).select_related("organization")
    return render(request, "dashboard/home.html", {"memberships": memberships})
