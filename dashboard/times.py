"""Moments as people read them, in their language: exact in UTC, or how far away. Knows no models.

What programs read is written where it is sent.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from django.utils import dateformat, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy, pgettext

_AHEAD: Final[dict[str, Any]] = {
    "minute": ngettext_lazy("in %d minute", "in %d minutes"),
    "hour": ngettext_lazy("in %d hour", "in %d hours"),
    "day": ngettext_lazy("in %d day", "in %d days"),
    "month": ngettext_lazy("in %d month", "in %d months"),
    "year": ngettext_lazy("in %d year", "in %d years"),
}
_AGO: Final[dict[str, Any]] = {
    "minute": ngettext_lazy("%d minute ago", "%d minutes ago"),
    "hour": ngettext_lazy("%d hour ago", "%d hours ago"),
    "day": ngettext_lazy("%d day ago", "%d days ago"),
    "month": ngettext_lazy("%d month ago", "%d months ago"),
    "year": ngettext_lazy("%d year ago", "%d years ago"),
}


def exact(moment: datetime) -> str:
    """Return date and time to the second, such as ``20 Nov 2026, 10:15:02 UTC``."""
    # Translators: a date format of Django's templates, for "20 Nov 2026, 10:15:02".
    return _in_utc(moment, pgettext("date format", "j M Y, H:i:s"))


def to_the_minute(moment: datetime) -> str:
    """Return date and time to the minute, such as ``20 Nov 2026, 10:15 UTC``."""
    # Translators: a date format of Django's templates, for "20 Nov 2026, 10:15".
    return _in_utc(moment, pgettext("date format", "j M Y, H:i"))


def day(moment: datetime) -> str:
    """Return the UTC day without its year, such as ``20 Nov``."""
    # Translators: a date format of Django's templates, for "20 Nov".
    return dateformat.format(moment.astimezone(UTC), pgettext("date format", "j M"))


def day_and_hour(moment: datetime) -> str:
    """Return the UTC day and time without the year, such as ``20 Nov, 10:00``."""
    # Translators: a date format of Django's templates, for "20 Nov, 10:00".
    return dateformat.format(moment.astimezone(UTC), pgettext("date format", "j M, H:i"))


def relative(moment: datetime) -> str:
    """Return how long ago or how far ahead a moment is, in its largest whole unit."""
    seconds = (moment - timezone.now()).total_seconds()
    unit, amount = _largest(abs(seconds))
    if not amount:
        return _("now") if seconds > 0 else _("just now")
    return str((_AHEAD if seconds > 0 else _AGO)[unit] % amount)


def _in_utc(moment: datetime, written: str) -> str:
    return _("%s UTC") % dateformat.format(moment.astimezone(UTC), written)


def _largest(seconds: float) -> tuple[str, int]:
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if hours < 1:
        return "minute", minutes
    if days < 1:
        return "hour", hours
    if days < 60:
        return "day", days
    return ("month", days // 30) if days < 730 else ("year", days // 365)
