"""How much the tokens of an organization are used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.defaultfilters import floatformat
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from apikeys import conf
from apikeys.addresses import search_by_post
from apikeys.models import Organization
from apikeys.models.activity import Outcome
from apikeys.queries import reports
from apikeys.queries.reports import Usage

from .. import charts, labels
from ..access import admin_page, chosen_workspace
from ..exports import csv_lines, download
from ..forms.usage import UsageForm
from ..pages import render_page

RANGE_LABELS = {"24h": _("24 hours"), "7d": _("7 days"), "30d": _("30 days"), "90d": _("90 days")}


@admin_page
@search_by_post
@require_safe
def usage(request: HttpRequest, organization: Organization) -> HttpResponse:
    """Show requests by outcome, the busiest tokens, and why requests were refused."""
    workspace = chosen_workspace(request, organization)
    form = UsageForm(request.GET, organization=organization)
    context = {"form": form, "chosen_workspace": workspace, "ranges": RANGE_LABELS.items()}
    if form.is_valid():
        context |= _reports(organization, form)
    return render_page(request, "apikeys_dashboard/usage/usage.html", context)


@require_safe
@admin_page
def usage_csv(request: HttpRequest, organization: Organization) -> HttpResponseBase:
    """Answer with the numbers of the chart as CSV, for the same query string."""
    form = UsageForm(request.GET, organization=organization)
    if not form.is_valid():
        # The page says what is wrong with the query string.
        url = reverse("apikeys_dashboard:usage", args=[organization.slug])
        return redirect(f"{url}?{request.GET.urlencode()}")
    report = reports.usage(organization, form.chosen_range, **form.asked)
    head = ["started_at", *report.totals.by_outcome, "total"]
    return download(
        request,
        lambda taken: csv_lines(head, _csv_rows(report)),
        organization=organization,
        name="usage",
        kind="csv",
        filters=form.fields,
    )


def _reports(organization: Organization, form: UsageForm) -> dict[str, Any]:
    chosen, asked = form.chosen_range, form.asked
    report = reports.usage(organization, chosen, **asked)
    kept_days = conf.get().retention["refusals"]
    return {
        "range": chosen.name,
        "tiles": _tiles(report),
        "top_tokens": reports.top_tokens(organization, chosen, **asked),
        "refused": [
            (labels.reason(row.reason), row.requests)
            for row in reports.refused_by_reason(organization, chosen, **asked)
        ],
        # Refusals are counted by the minute and kept for less time than the longest range.
        "refusals_kept_days": kept_days if _days(report) > kept_days else None,
        **charts.chart(report),
    }


def _csv_rows(report: Usage) -> Iterator[list[object]]:
    for step in report.steps:
        counts = [step.counts.by_outcome.get(name, 0) for name in report.totals.by_outcome]
        yield [f"{step.started_at:%Y-%m-%dT%H:%M:%SZ}", *counts, step.counts.total]


def _days(report: Usage) -> float:
    moments = [step.started_at for step in report.steps]
    return (moments[-1] - moments[0]).total_seconds() / 86400


def _tiles(report: Usage) -> list[dict[str, Any]]:
    totals = report.totals
    errors = 100 * totals.errors / totals.total if totals.total else 0
    share = gettext("%s %%") % floatformat(errors, 1)
    return [
        {"label": _("Requests"), "value": totals.total},
        {"label": _("Errors"), "value": totals.errors, "share": share},
        {"label": _("Limited"), "value": totals.by_outcome[Outcome.LIMITED.value]},
        {"label": _("Refused"), "value": totals.by_outcome[Outcome.REFUSED.value]},
    ]


urlpatterns: list[URLPattern] = [
    path("<slug:organization>/usage", usage, name="usage"),
    path("<slug:organization>/usage.csv", usage_csv, name="usage-csv"),
]
