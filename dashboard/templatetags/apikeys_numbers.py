"""Numbers as people read them."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def grouped(value: int) -> str:
    """Return a whole number with its thousands parted by commas: ``1,204``."""
    return f"{value:,}"
