"""Small charts made on the server: no script, no inline style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

from .apikeys_numbers import grouped

register = template.Library()

WIDTH: Final = 80
HEIGHT: Final = 20


@register.simple_tag
def sparkline(counts: Sequence[int]) -> SafeString:
    """Draw requests per day as bars, in an SVG that says in words what it shows.

    Args:
        counts: one number a day, oldest first, as ``reports.requests_by_token`` gives them.
    """
    if not counts:
        return SafeString("")
    highest = max(counts)
    step = WIDTH / len(counts)
    bars = (
        # A day without requests keeps a line, so that it is seen to be empty and not missing.
        (f"{index * step:.1f}", HEIGHT - height, f"{max(step - 2, 1):.1f}", height)
        for index, count in enumerate(counts)
        for height in (max(round(count / highest * HEIGHT) if highest else 0, 1),)
    )
    return format_html(
        '<svg class="sparkline" width="{}" height="{}" viewBox="0 0 {} {}" role="img" '
        'aria-label="{}" fill="currentColor">{}</svg>',
        WIDTH,
        HEIGHT,
        WIDTH,
        HEIGHT,
        summary(counts),
        format_html_join("", '<rect x="{}" y="{}" width="{}" height="{}"/>', bars),
    )


def summary(counts: Sequence[int]) -> str:
    """Say what a sparkline shows."""
    days = len(counts)
    if not any(counts):
        return ngettext("No requests in %d day", "No requests in %d days", days) % days
    total = sum(counts)
    text = ngettext(
        "%(total)s request in %(days)d days, at most %(most)s a day",
        "%(total)s requests in %(days)d days, at most %(most)s a day",
        total,
    )
    return text % {"total": grouped(total), "days": days, "most": grouped(max(counts))}
