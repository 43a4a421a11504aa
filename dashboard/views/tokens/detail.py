"""One token: what it is, what happened to it, what may be changed of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apikeys.models import AccessToken, AuditEvent, Organization
from apikeys.models.status import ENDED
from apikeys.scopes import MANAGE
from apikeys.services import tokens as services

from ...access import actor_of, admin_page
from ...charts import token_chart
from ...form_pages import press, render_form, submit
from ...forms.tokens import EditForm
from ...pages import render_page
from .shared import snippets_for, to_token, token_or_404

EVENTS: Final = 20


@admin_page
@require_safe
def token(request: HttpRequest, organization: Organization, token_id: str) -> HttpResponse:
    """Show the token."""
    found = token_or_404(organization, token_id)
    dialect = found.workspace.speaks
    descriptions = {MANAGE: _("Manage tokens of its workspace"), **dialect.scopes}
    context = {
        **token_chart(found),
        "token": found,
        "chosen_workspace": found.workspace,
        "revoked": found.revoked_at is not None,
        "usable": found.is_usable,
        # What is refused anyway can still be kept from coming back.
        "can_switch": found.obstacle() is None
        or (found.disabled_at is None and found.status not in ENDED),
        "overlap": found.has_overlap(),
        "scopes": [(name, descriptions.get(name, "")) for name in found.scopes],
        "events": _events(found),
        "snippets": snippets_for(request, found),
    }
    return render_page(request, "apikeys_dashboard/tokens/token.html", context)


@admin_page
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, organization: Organization, token_id: str) -> HttpResponse:
    """Change what may be changed."""
    found = token_or_404(organization, token_id)
    posted = request.POST if request.method == "POST" else None
    form = EditForm(posted, token=found, request=request)
    if posted is not None:
        refused = submit(
            form,
            lambda: services.update_token(actor=actor_of(request), token=found, **form.changes()),
        )
        if refused is None:
            messages.success(request, _("Saved."))
            return to_token(found)
    context = {"token": found, "chosen_workspace": found.workspace}
    return render_form(request, "apikeys_dashboard/tokens/edit.html", form, context)


@admin_page
@require_POST
def disable(request: HttpRequest, organization: Organization, token_id: str) -> HttpResponse:
    """Stop the token until it is enabled again."""
    done = _("Disabled. Requests with this token fail until you enable it again.")
    return _act(request, organization, token_id, services.disable_token, done)


@admin_page
@require_POST
def enable(request: HttpRequest, organization: Organization, token_id: str) -> HttpResponse:
    """Let a disabled token work again."""
    found = token_or_404(organization, token_id)
    return press(
        request,
        lambda: services.enable_token(actor=actor_of(request), token=found),
        done=_("Enabled."),
        back=to_token(found),
        heading=_("Enable %s") % found.name,
        button=_("Enable token"),
    )


@admin_page
@require_POST
def end_overlap(request: HttpRequest, organization: Organization, token_id: str) -> HttpResponse:
    """Stop accepting the secret before the last rotation."""
    done = _("Ended. Only the newest secret works now.")
    return _act(request, organization, token_id, services.end_overlap, done)


def _act(
    request: HttpRequest,
    organization: Organization,
    token_id: str,
    service: Callable[..., AccessToken],
    done: str,
) -> HttpResponse:
    found = token_or_404(organization, token_id)
    return press(
        request,
        lambda: service(actor=actor_of(request), token=found),
        done=done,
        back=to_token(found),
    )


def _events(token: AccessToken) -> list[AuditEvent]:
    return list(
        AuditEvent.objects.filter(
            organization_id=token.organization.pk, token_id=token.token_id
        ).order_by("-created_at", "-id")[:EVENTS]
    )
