"""What all token pages need: the token of the address, and what a call with it looks like."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone

from apikeys import conf, urlconfs
from apikeys.models import AccessToken, Organization, UsageCounter, Workspace

from ...snippets import Snippet, env_file_name, snippets

DAY: Final = timedelta(hours=24)


def is_token_id(text: str) -> bool:
    """Whether the text could be a token id; other text is not looked up."""
    return text.isascii() and text.isalnum()


def token_or_404(organization: Organization, token_id: str) -> AccessToken:
    """Return the organization's token of that id.

    Raises:
        Http404: it has none; another organization's token is as unknown as any.
    """
    if not is_token_id(token_id):
        raise Http404
    found = (
        AccessToken.objects.in_organization(organization)
        .for_status()
        .select_related("workspace__organization", "owner", "created_by", "parent")
        .filter(token_id=token_id)
        .first()
    )
    if found is None:
        raise Http404
    return found


def to_token(token: AccessToken) -> HttpResponseRedirect:
    """Lead to the token's page."""
    return redirect("apikeys_dashboard:token", token.organization.slug, token.token_id)


def snippets_for(request: HttpRequest, token: AccessToken) -> tuple[Snippet, ...]:
    """Return calls in the way of the token's dialect; none where nothing is known to answer."""
    dialect = token.workspace.speaks
    path = dialect.example_path
    if path:
        url = path if "://" in path else urlconfs.address_of_path(request, path)
    else:
        url = urlconfs.address_of(request, "apikeys:token-self") or ""
    if not url:
        return ()
    return snippets(dialect, url=url, env_file=env_file_name(token.token_id))


def typed_name(workspace: Workspace, name: str) -> str:
    """Return what has to be typed before something of the workspace is revoked; may be empty."""
    when = conf.get().confirm_revoke
    needed = when == "always" or (when == "production" and workspace.is_production)
    return name if needed else ""


def requests_in_a_day(token: AccessToken) -> int:
    """Return how many requests the token has made in the last 24 hours, whole hours counted."""
    since = timezone.now() - DAY
    counted = UsageCounter.objects.filter(token=token, started_at__gte=since)
    return int(counted.aggregate(total=Sum("count"))["total"] or 0)
