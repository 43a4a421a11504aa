"""The list of tokens. Reads a page's worth of rows, however many tokens there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apikeys.addresses import search_by_post
from apikeys.models import AccessToken, Organization, Workspace
from apikeys.models.tokens import AccessTokenQuerySet, Status
from apikeys.queries import keyset, reports
from apikeys.queries.filters import TokenFilter, sortable

from ...access import admin_page
from ...pages import render_page
from ...permissions import summary
from .shared import is_token_id

PAGE_SIZE: Final = 25
# A banner counts no further: "more than 99" says as much, and costs the same in any organization.
MOST_COUNTED: Final = 99
DAYS: Final = 7
FILTERS: Final = ("q", "status", "unused")


@dataclass(frozen=True, slots=True)
class Row:
    """One token of the list, and what is said about it."""

    token: AccessToken
    permissions: str
    requests: tuple[int, ...]

    @property
    def total(self) -> int:
        """Requests of all the days."""
        return sum(self.requests)


@admin_page
@search_by_post
@require_safe
def tokens(request: HttpRequest, organization: Organization) -> HttpResponse:
    """Show a page of tokens, filtered and sorted as the address says."""
    workspaces = list(Workspace.objects.filter(organization=organization))
    for workspace in workspaces:
        workspace.organization = organization
    chosen = _chosen(request, workspaces)
    filters = _filters(request, organization)
    # An id is looked for everywhere, or an admin would take a leaked key for somebody else's.
    listed = [chosen] if chosen and not filters.exact else workspaces
    page = _page(request, organization, filters, listed)
    counts = reports.requests_by_token(page.rows, days=DAYS)
    narrowed = chosen is not None or any(filters.choice(name) for name in FILTERS)
    first = page.before is None
    context = {
        "chosen_workspace": chosen,
        "workspaces": [each for each in workspaces if each.archived_at is None],
        "all_workspaces": workspaces,
        "filters": filters.form,
        "rows": [
            Row(token, summary(token.workspace.speaks, token.scopes), counts[token.pk])
            for token in page.rows
        ],
        "sorted_by": filters.choice("ordering"),
        "before": page.before,
        "after": page.after,
        "expiring": _expiring(listed) if first and not filters.exact else 0,
        "unused": _unused(listed) if first and not filters.exact else 0,
        "most_counted": MOST_COUNTED,
        "narrowed": narrowed,
        "exact": filters.exact,
        "has_tokens": bool(page.rows) or _has_tokens(workspaces),
    }
    return render_page(request, "apikeys_dashboard/tokens/list.html", context)


def _chosen(request: HttpRequest, workspaces: Sequence[Workspace]) -> Workspace | None:
    slug = request.GET.get("workspace", "")
    if not slug:
        return None
    for workspace in workspaces:
        if workspace.slug == slug:
            return workspace
    raise Http404


def _filters(request: HttpRequest, organization: Organization) -> TokenFilter:
    data = request.GET.copy()
    # The workspace decides which parts are read; see ``_page``.
    data.pop("workspace", None)
    return TokenFilter(data, queryset=AccessToken.objects.in_organization(organization))


def _page(
    request: HttpRequest,
    organization: Organization,
    filters: TokenFilter,
    workspaces: Sequence[Workspace],
) -> keyset.Page[AccessToken]:
    found: Any = filters.qs if filters.is_valid() else sortable(AccessToken.objects.current())
    limits = {
        name: sortable(AccessToken.objects.in_organization(organization))
        .filter(token_id=request.GET[name])
        .first()
        for name in ("after", "before")
        if is_token_id(request.GET.get(name, ""))
    }
    if len(limits) > 1:
        limits.pop("before")
    parts = [Q(workspace=workspace) for workspace in workspaces]
    found = found.for_status().select_related(None).select_related("owner")
    page = keyset.page(found.order_by(), filters.order, parts=parts, size=PAGE_SIZE, **limits)
    by_key = {workspace.pk: workspace for workspace in workspaces}
    for token in page.rows:
        token.workspace = by_key[token.workspace_id]
    return page


def _expiring(workspaces: Sequence[Workspace]) -> int:
    expiring = AccessToken.objects.with_status(Status.EXPIRING)
    return _count(expiring.filter(workspace__in=workspaces))


def _unused(workspaces: Sequence[Workspace]) -> int:
    return _count(AccessToken.objects.unused().filter(workspace__in=workspaces))


def _count(found: AccessTokenQuerySet) -> int:
    return found.order_by()[: MOST_COUNTED + 1].count()


def _has_tokens(workspaces: Sequence[Workspace]) -> bool:
    return AccessToken.objects.filter(workspace__in=workspaces).exists()
