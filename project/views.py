"""Addresses that browsers ask for by themselves."""

from __future__ import annotations

from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Lead to the icon; pages that are not ours, such as Django's admin, name none."""
    return redirect(staticfiles_storage.url("dashboard/icon.svg"))
