"""Numbers as people read them, in their language."""

from __future__ import annotations

from django import template
from django.utils import formats

register = template.Library()


@register.filter
def grouped(value: int) -> str:
    """Return a whole number with its thousands parted: ``1,204``, or ``1.204`` in German."""
    return formats.number_format(value, use_l10n=True, force_grouping=True)
