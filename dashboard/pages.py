"""One way to answer with a page: the frame's context, and headers that hold for every page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language

from apikeys.models import Membership, Workspace

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
PAGE_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-store, private",
    # Not "no-referrer": browsers then send "Origin: null", and CSRF checks refuse the form.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def render_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """Render a page inside the dashboard's frame.

    Args:
        request: a request of a logged-in person; ``request.membership`` names the organization.
        template: extends ``apikeys_dashboard/base.html``.
        context: the page's own variables.
        status: HTTP status.
    """
    own = context or {}
    response = render(request, template, {**_frame(request, own), **own}, status=status)
    # Or LocaleMiddleware names the language that was asked for, which the page may not be in.
    response.headers["Content-Language"] = get_language() or "en"
    return protect(response)


def protect(response: HttpResponse) -> HttpResponse:
    """Add the headers that every page has."""
    for name, value in PAGE_HEADERS.items():
        response.headers[name] = value
    return response


def memberships_of(request: HttpRequest) -> list[Membership]:
    """Return the person's memberships by name of the organization, read once a request."""
    found: list[Membership] | None = getattr(request, "memberships", None)
    if found is None:
        memberships = Membership.objects.filter(user=request.user.pk)
        found = list(memberships.select_related("organization").order_by("organization__name"))
        request.memberships = found  # type: ignore[attr-defined]
    return found


def _frame(request: HttpRequest, own: Mapping[str, Any]) -> dict[str, Any]:
    membership: Membership | None = getattr(request, "membership", None)
    organization = membership.organization if membership else None
    workspaces: list[Workspace] = []
    if membership is not None and membership.is_admin and "workspaces" not in own:
        open_ones = Workspace.objects.filter(organization=organization, archived_at__isnull=True)
        workspaces = list(open_ones.order_by("name"))
    slug = request.GET.get("workspace", "")
    return {
        "membership": membership,
        "organization": organization,
        "memberships": memberships_of(request),
        "workspaces": workspaces,
        "chosen_workspace": next((w for w in workspaces if w.slug == slug), None),
    }
