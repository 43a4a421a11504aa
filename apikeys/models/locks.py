"""The lock of an organization, which every change of it or of its people takes first.

Knows how databases lock, and no rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.apps import apps
from django.db import OperationalError
from django.db.models import F

# PostgreSQL, appendix A: serialization_failure, deadlock_detected.
_LOST_RACE: Final = frozenset({"40001", "40P01"})


def lock(organizations: Iterable[int], using: str) -> None:
    """Hold organizations until the transaction ends; call it inside one.

    Writes each row and leaves it as it is. A lock alone (SELECT … FOR UPDATE) would make a second
    transaction wait and then, under REPEATABLE READ, go on with what it saw before it waited;
    where the row was written, PostgreSQL ends that transaction instead.

    Args:
        organizations: their primary keys; taken in order, so that no two callers wait in a circle.
        using: the database.

    Raises:
        OperationalError: ``is_lost_race`` where another transaction was first.
    """
    rows = apps.get_model("apikeys", "Organization")._base_manager.using(using)
    for pk in sorted(set(organizations)):
        rows.filter(pk=pk).update(credits=F("credits"))


def is_lost_race(error: OperationalError) -> bool:
    """Whether PostgreSQL ended a transaction since another one was first.

    The same change may be made anew, in a new transaction.
    """
    cause = error.__cause__
    # psycopg 3 and 2.
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    return state in _LOST_RACE
