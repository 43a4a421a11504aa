"""Codes as people read them."""

from __future__ import annotations

from django import template

from .. import labels

register = template.Library()


@register.filter
def action_label(action: str) -> str:
    """Return how people read an audit action."""
    return labels.action(action)


@register.filter
def actor_kind(kind: str) -> str:
    """Return what makes a change that no person makes."""
    return labels.actor(kind)
