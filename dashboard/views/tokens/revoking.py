"""Revoking one token, several, or all of a workspace: consequences first, then a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from apikeys.models import AccessToken, Organization, Workspace
from apikeys.services.tokens import revoke_all, revoke_token, revoke_tokens

from ...access import actor_of, admin_page, recent_password
from ...form_pages import render_form, submit
from ...forms.revoking import BulkRevokeForm, RevokeForm
from .shared import (
    is_token_id,
    requests_in_a_day,
    to_token,
    token_or_404,
    typed_name,
)

FORM_METHODS: Final = ("GET", "HEAD", "POST")
SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be revoked: the ticked tokens, or all of one workspace.

    Attributes:
        tokens: those shown on the page, not more than ``SHOWN``.
        count: how many are to be revoked.
        workspace: set when all its tokens are meant.
        confirm: what has to be typed.
    """

    tokens: Sequence[AccessToken]
    count: int
    workspace: Workspace | None
    confirm: str


@admin_page
@require_http_methods(FORM_METHODS)
def revoke(request: HttpRequest, organization: Organization, token_id: str) -> HttpResponse:
    """Say what revoking this token means; ask why; revoke it."""
    token = token_or_404(organization, token_id)
    confirm = typed_name(token.workspace, token.name)
    form = RevokeForm(request.POST if request.method == "POST" else None, confirm=confirm)
    possible = token.revoked_at is None
    if possible and request.method == "POST":
        refused = submit(
            form, lambda: revoke_token(actor=actor_of(request), token=token, reason=form.why)
        )
        if refused is None:
            messages.success(request, _("%s is revoked.") % token.name)
            return to_token(token)
    context = {
        "token": token,
        "possible": possible,
        "requests": requests_in_a_day(token),
        "made": token.children.live().order_by("name", "pk")[:SHOWN],
        "chosen_workspace": token.workspace,
    }
    return render_form(request, "apikeys_dashboard/tokens/revoke.html", form, context)


@admin_page
@recent_password
@require_http_methods(FORM_METHODS)
def revoke_several(request: HttpRequest, organization: Organization) -> HttpResponse:
    """Revoke the tokens that were ticked in the list, or all of ``?all=<workspace>``."""
    posted = request.method == "POST"
    selection = _selection(request.POST if posted else request.GET, organization)
    if not selection.count:
        messages.warning(request, _("No tokens to revoke: tick some that are not revoked yet."))
        return redirect("apikeys_dashboard:tokens", organization.slug)
    form = BulkRevokeForm(
        request.POST if posted else None, confirm=selection.confirm, request=request
    )
    revoked: list[AccessToken] = []
    if posted:
        refused = submit(
            form, lambda: revoked.extend(_revoke(request, organization, selection, form.why))
        )
        if refused is None:
            text = ngettext("%d token is revoked.", "%d tokens are revoked.", len(revoked))
            messages.success(request, text % len(revoked))
            return redirect("apikeys_dashboard:tokens", organization.slug)
    context = {"selection": selection, "shown": SHOWN}
    return render_form(request, "apikeys_dashboard/tokens/revoke_several.html", form, context)


def _selection(data: QueryDict, organization: Organization) -> Selection:
    unrevoked = (
        AccessToken.objects.in_organization(organization)
        .filter(revoked_at__isnull=True)
        .for_status()
        .order_by("name", "pk")
    )
    if slug := data.get("all", ""):
        by_slug = {each.slug: each for each in organization.workspaces.all()}
        workspace = by_slug.get(slug)
        if workspace is None:
            raise Http404
        found = unrevoked.filter(workspace=workspace)
        return Selection(list(found[:SHOWN]), found.count(), workspace, workspace.name)
    wanted = list(filter(is_token_id, data.getlist("token_ids")))[:SHOWN]
    tokens = list(unrevoked.filter(token_id__in=wanted))
    workspaces = {token.workspace.name for token in tokens}
    confirm = workspaces.pop() if len(workspaces) == 1 else organization.name
    return Selection(tokens, len(tokens), None, confirm)


def _revoke(
    request: HttpRequest, organization: Organization, selection: Selection, reason: str
) -> list[AccessToken]:
    actor = actor_of(request)
    if selection.workspace is not None:
        return revoke_all(actor=actor, workspace=selection.workspace, reason=reason)
    token_ids = [token.token_id for token in selection.tokens]
    return revoke_tokens(actor=actor, organization=organization, token_ids=token_ids, reason=reason)
