"""How long a new token lives: presets, a date of one's own, or for ever."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .. import times

PRESETS: Final = (7, 30, 60, 90, 365)
DEFAULT: Final = 90
CUSTOM: Final = "custom"
NEVER: Final = "never"


class ExpiryField(forms.ChoiceField):
    """A preset in days, ``custom`` or ``never``.

    Args:
        longest: the longest lifetime that the policies allow; None for no policy.
    """

    def __init__(self, *, longest: timedelta | None) -> None:
        days = [n for n in PRESETS if longest is None or timedelta(days=n) <= longest]
        if longest is not None and longest.days and longest.days not in days:
            days.append(longest.days)
        now = timezone.now()
        choices: list[Any] = [(str(n), _label(n, now)) for n in days]
        choices.append((CUSTOM, _("Another date")))
        if longest is None:
            choices.append((NEVER, _("No expiry")))
        usual = [n for n in days if n <= DEFAULT]
        super().__init__(
            label=_("Expiry"),
            choices=choices,
            initial=str(max(usual)) if usual else CUSTOM,
            widget=forms.RadioSelect,
            error_messages={
                "required": _("Choose when the token expires."),
                "invalid_choice": _("Choose one of these."),
            },
        )


def moment(choice: str, custom: datetime | None) -> datetime | None:
    """Return when a token made now expires."""
    if choice == CUSTOM:
        return custom
    return None if choice == NEVER else timezone.now() + timedelta(days=int(choice))


def _label(days: int, now: datetime) -> str:
    text = ngettext("%(days)d day, until %(moment)s", "%(days)d days, until %(moment)s", days)
    return text % {"days": days, "moment": times.to_the_minute(now + timedelta(days=days))}
