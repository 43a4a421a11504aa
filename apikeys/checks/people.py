"""What the host's user model says about people."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Warning, register

from apikeys.checks.types import Apps
from apikeys.models import people


@register()
def check_activity(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Queries know which people are active."""
    if people.is_known_to_queries():
        return []
    return [
        Warning(
            "The user model works out is_active in Python, which no query can ask.",
            "Requests and single tokens ask it all the same; filters and counts of tokens take "
            "every owner for active. Store it in a column to have them agree.",
            id="apikeys.W046",
        )
    ]
