"""A moment that a person writes in UTC. Knows values only: no models, no requests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class UTCDateTimeField(forms.Field):
    """Date and time in UTC, as ``2027-02-18T10:15`` or with a space between.

    Cleans to an aware ``datetime``, or None when empty.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault(
            "widget",
            forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        )
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Return what to show: what was typed, or a moment in UTC."""
        return value.astimezone(UTC) if isinstance(value, datetime) else value

    def to_python(self, value: Any) -> datetime | None:
        """Read the text; without a zone it is UTC.

        Raises:
            ValidationError: it can't be read.
        """
        text = str(value or "").strip()
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            raise forms.ValidationError(
                _("Write date and time like 2027-02-18 10:15."), code="expiry.unreadable"
            ) from None
