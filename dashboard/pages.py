"""One way to answer with a page: the frame's context, and headers that hold for every page."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

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
        template: extends ``dashboard/base.html``.
        context: the page's own variables.
        status: HTTP status.
    """
    response = render(request, template, {**_frame(request), **(context or {})}, status=status)
    return protect(response)


def protect(response: HttpResponse) -> HttpResponse:
    """Add the headers every page has; not ``no-referrer``, which would break CSRF checks."""
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Cache-Control"] = "no-store, private"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _frame(request: HttpRequest) -> dict[str, Any]:
    membership: Membership | None = getattr(request, "membership", None)
    organization = membership.organization if membership else None
    return {
        "membership": membership,
        "organization": organization,
        "memberships": Membership.objects.filter(user=request.user.pk)
        .select_related("organization")
        .order_by("organization__name"),
        "workspaces": Workspace.objects.filter(organization=organization, archived_at__isnull=True)
        if organization
        else (),
    }
