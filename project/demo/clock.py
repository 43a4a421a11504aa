"""Let the services do something as if at an earlier moment, so that the demo has a past.

For a process of one thread that fills a new database, and for nothing else: it replaces Django's
clock while it lasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db.models.signals import pre_save
from django.utils import timezone


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Make ``moment`` the present, also for rows whose ``created_at`` Django fills in."""

    def stamp(sender: type, instance: Any, **kwargs: Any) -> None:
        # A field's default is Django's own clock, bound before it was replaced.
        if instance._state.adding and hasattr(instance, "created_at"):
            instance.created_at = moment

    present = timezone.now
    timezone.now = lambda: moment
    pre_save.connect(stamp, weak=False, dispatch_uid=__name__)
    try:
        yield
    finally:
        pre_save.disconnect(dispatch_uid=__name__)
        timezone.now = present
