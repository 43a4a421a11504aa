"""Queries that must see the newest rows go to the database that takes the writes.

A replica that lags would accept a revoked token and refuse a new one.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import models, router

M = TypeVar("M", bound=models.Model)


class WriterManager(models.Manager[M]):
    """A manager that reads where Django's routers write."""

    def get_queryset(self) -> Any:
        return super().get_queryset().using(self._db or router.db_for_write(self.model))
