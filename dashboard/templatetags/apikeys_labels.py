"""Codes as people read them."""

from __future__ import annotations

from django import template

from apikeys.services.audit import action_label

from .. import labels

register = template.Library()
register.filter("action_label", action_label)


@register.filter
def actor_kind(kind: str) -> str:
    """Return what makes a change that no person makes."""
    return labels.actor(kind)
