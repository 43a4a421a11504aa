"""What of a row goes to caches and queues: nobody's password hash goes along.

A pickled row takes the rows with it that were read beside it. Of people it takes the key alone:
whoever unpickles it and asks for the person asks the database.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import models


class WithoutPeople(models.Model):
    """A row that is pickled and copied without the people it leads to."""

    class Meta:
        abstract = True

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        known: dict[str, Any] = state["_state"].fields_cache  # a copy, too
        for field in self._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and field.related_model is get_user_model():
                known.pop(field.cache_name, None)
        return state
