"""Codes as people read them."""

from __future__ import annotations

from django import template

from apikeys.services import audit

register = template.Library()


@register.filter
def action_label(action: str) -> str:
    """Return how people read an audit action."""
    return audit.action_label(action)
