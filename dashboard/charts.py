"""Reports as charts: the same numbers for the script that draws and for the table beside it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

from django.utils.translation import gettext as _

from apikeys.models import AccessToken
from apikeys.models.activity import Period
from apikeys.queries import reports
from apikeys.queries.reports import RANGES, Range, Usage

from . import labels, times

TOKEN_RANGE: Final = RANGES["30d"]


class Series(NamedTuple):
    """One colour of the bars; ``name`` is the outcome and the CSS class."""

    name: str
    label: str
    total: int
    values: list[int]


class Cell(NamedTuple):
    """One number of the table; ``label`` names its column."""

    label: str
    requests: int


class Row(NamedTuple):
    """One bar in words and numbers; the cells are in the order of the series."""

    label: str
    cells: list[Cell]
    total: int


def chart(usage: Usage) -> dict[str, Any]:
    """Return what ``apikeys_dashboard/usage/chart.html`` needs to show a report.

    Returns:
        ``series`` and ``rows`` for the legend and the table, ``chart`` for the script.
    """
    names = list(usage.totals.by_outcome)
    rows = [
        Row(
            _label(step.started_at, usage.range),
            [Cell(labels.outcome(n), step.counts.by_outcome.get(n, 0)) for n in names],
            step.counts.total,
        )
        for step in usage.steps
    ]
    series = [
        Series(
            name,
            labels.outcome(name),
            usage.totals.by_outcome[name],
            [row.cells[index].requests for row in rows],
        )
        for index, name in enumerate(names)
    ]
    by_hour = usage.range.step is Period.HOUR
    return {
        "usage": usage,
        "series": series,
        "rows": rows,
        "step_label": _("Hour (UTC)") if by_hour else _("Day (UTC)"),
        "chart_label": _("Requests per hour by outcome")
        if by_hour
        else _("Requests per day by outcome"),
        "chart": {
            "labels": [row.label for row in rows],
            "series": [{"name": s.name, "label": s.label, "values": s.values} for s in series],
        },
    }


def token_chart(token: AccessToken) -> dict[str, Any]:
    """Return what ``apikeys_dashboard/usage/token_chart.html`` needs: 30 days of one token.

    A page that includes it also includes ``apikeys_dashboard/usage/scripts.html`` in its scripts.
    """
    return chart(reports.usage(token.organization, TOKEN_RANGE, token=token))


def _label(moment: datetime, chosen: Range) -> str:
    return times.day_and_hour(moment) if chosen.step is Period.HOUR else times.day(moment)
