"""Prepared statements on PostgreSQL; needs psycopg 3.

Django's cursors put the parameters into the text by themselves and prepare nothing. Knows no query.
"""

from __future__ import annotations

import sys
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import Cursor


class Preparing(Cursor[Any]):
    """Sends parameters apart from the text, and prepares whatever it executes."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Execute a query, which the server parses when it first comes."""
        return super().execute(query, params, **{**options, "prepare": True})


def cursor(connection: Any) -> Any:
    """Return one of Django's cursors around a preparing one.

    A statement stays with its connection, so not for a pooler that shares these between
    transactions. Where Django logs queries it is an ordinary cursor: of another one Django can't
    tell what it has executed.
    """
    if connection.queries_logged:
        return connection.cursor()
    if type(connection)._cursor is not BaseDatabaseWrapper._cursor:  # type: ignore[attr-defined]
        # A backend of somebody else's sets its schema as it makes a cursor.
        connection.cursor().close()
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    raw = connection.connection
    if raw.prepare_threshold is None:
        # Django's way to forbid preparing. This allows it, and prepares nothing unasked.
        raw.prepare_threshold = sys.maxsize
    return connection._prepare_cursor(Preparing(raw))
