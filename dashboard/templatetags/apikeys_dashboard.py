"""Tags and filters of the dashboard's templates: times, statuses, addresses of the frame."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django import template
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

import apikeys
from apikeys import urlconfs
from apikeys.models import AccessToken
from apikeys.models.tokens import Status

from .. import times

register = template.Library()

NAMESPACE: Final = "apikeys_dashboard"
SECTIONS: Final = (
    (gettext_noop("Access tokens"), "tokens", ("token",)),
    (gettext_noop("Usage"), "usage", ("usage",)),
    (gettext_noop("Audit log"), "audit", ("audit",)),
    (gettext_noop("Members"), "members", ("member", "invitation")),
    (gettext_noop("Workspaces"), "workspaces", ("workspace",)),
    (gettext_noop("Policy"), "settings", ("settings",)),
)
# The sections that ``?workspace=`` narrows.
BY_WORKSPACE: Final = frozenset({"tokens", "usage", "audit"})
# The host may describe its API under a name of its own; else there are the library's pages.
DOCS: Final = ("api-docs", "apikeys:docs")


@dataclass(frozen=True, slots=True)
class Section:
    """One link of the left column."""

    label: str
    url: str
    current: bool


@register.simple_tag
def version() -> str:
    """Return the version of the library."""
    return apikeys.__version__


@register.simple_tag(takes_context=True)
def sections(context: dict[str, Any]) -> list[Section]:
    """Return the sections of the organization, the present one marked."""
    request: HttpRequest = context["request"]
    here = _page(request)
    chosen = context.get("chosen_workspace")
    found = []
    for label, name, prefixes in SECTIONS:
        url = reverse(f"{NAMESPACE}:{name}", args=[context["organization"].slug])
        if chosen is not None and name in BY_WORKSPACE:
            url += f"?workspace={chosen.slug}"
        found.append(Section(_(label), url, here.startswith(prefixes)))
    if (docs := urlconfs.link_to(*DOCS)) is not None:
        found.append(Section(_("API docs"), docs, current=False))
    return found


@register.simple_tag(takes_context=True)
def workspace_url(context: dict[str, Any], slug: str) -> str:
    """Return where choosing the workspace leads; an empty slug means all of them.

    A page that ``?workspace=`` narrows keeps its other parameters; others lead to the tokens.
    """
    request: HttpRequest = context["request"]
    if _page(request) in BY_WORKSPACE:
        return f"{request.path}?{query_replace(context, workspace=slug)}"
    url = reverse(f"{NAMESPACE}:tokens", args=[context["organization"].slug])
    return f"{url}?workspace={slug}" if slug else url


@register.simple_tag(takes_context=True)
def query_replace(context: dict[str, Any], **changes: Any) -> str:
    """Return the present query string with some parameters replaced.

    An empty value takes a parameter away. Whatever changes, the first page comes next, so
    ``page``, ``after`` and ``before`` are left out unless given.
    """
    query = context["request"].GET.copy()
    for name in ("page", "after", "before"):
        query.pop(name, None)
    for name, value in changes.items():
        if value in ("", None):
            query.pop(name, None)
        else:
            query[name] = str(value)
    return str(query.urlencode())


def _page(request: HttpRequest) -> str:
    """Return the name of the present page among the addresses; empty for pages of others."""
    match = request.resolver_match
    return match.url_name or "" if match is not None and NAMESPACE in match.app_names else ""


@register.filter
def utc_iso(value: datetime) -> str:
    """Return the time as RFC 3339 in UTC, to the second."""
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@register.filter
def utc(value: datetime) -> str:
    """Return the exact time as people read it, such as ``20 Nov 2026, 10:15:02 UTC``."""
    return times.exact(value)


@register.filter
def relative_time(value: datetime) -> str:
    """Return how long ago or how far ahead a time is, in its largest whole unit."""
    return times.relative(value)


@register.simple_tag
def moment(value: datetime | None, never: str = "") -> str:
    """Show a time, relative in text and exact in the title.

    A tag, so that a sentence can have it in its midst: ``{% moment token.expires_at as when %}``.

    Args:
        value: the time, where there is one.
        never: the text where there is none.
    """
    if not value:
        return never or _("Never")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        utc_iso(value),
        times.exact(value),
        times.relative(value),
    )


@register.filter
def status_text(token: AccessToken) -> str:
    """Return what a token is now, in words: ``Expiring in 5 days``."""
    status = token.status
    if status is Status.EXPIRING and token.expires_at is not None:
        return _("Expiring %s") % times.relative(token.expires_at)
    return str(status.label)


@register.inclusion_tag("apikeys_dashboard/inc/badge_status.html")
def status_badge(token: AccessToken) -> dict[str, AccessToken]:
    """Show what a token is now."""
    return {"token": token}
