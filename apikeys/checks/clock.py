"""Does this host's clock agree with those of its stores; ``manage.py check --database default``.

Expiry, overlaps and the ages of log-ins go by the clock of the host that answers: one that is an
hour behind accepts keys that expired an hour ago.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, connections, router
from limits.errors import ConfigurationError

from apikeys import conf
from apikeys.checks.types import Apps
from apikeys.limits import limiter
from apikeys.models import AccessToken

WARN_SECONDS: Final = 2.0
FAIL_SECONDS: Final = 60.0
HINT: Final = (
    "Let both hosts follow a time server (NTP): expiry goes by the clock of the host that answers."
)

# SQLite runs in this process, so it has no clock of its own.
_NOW: Final = {
    "postgresql": "SELECT clock_timestamp() AT TIME ZONE 'UTC'",
    "mysql": "SELECT UTC_TIMESTAMP(6)",
}


@register(Tags.database)
def check_clocks(
    app_configs: Apps, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """This host's clock agrees with the database's and with Redis's."""
    using = router.db_for_write(AccessToken)
    if using not in (databases or ()):
        return []
    found = _compared("the database's", _of_database(using), fail_seconds=FAIL_SECONDS)
    # Only warned of: ``migrate`` runs this check too, and needs no Redis.
    return [*found, *_compared("Redis's", _of_redis)]


def seconds_ahead(ask: Callable[[], float | None]) -> float | None:
    """Return by how many seconds this host's clock is surely ahead of another; below 0: behind.

    Args:
        ask: returns the other's Unix time, or None. However long that takes: the other may have
            read its clock at any moment in between, and only what lies beyond counts.
    """
    before = time.time()
    began = time.monotonic()
    theirs = ask()
    took = time.monotonic() - began
    if theirs is None:
        return None
    if theirs < before:
        return before - theirs
    return min(0.0, before + took - theirs)


def _compared(
    whose: str, ask: Callable[[], float | None], *, fail_seconds: float = math.inf
) -> list[CheckMessage]:
    ahead = seconds_ahead(ask)
    if ahead is None or abs(ahead) <= WARN_SECONDS:
        return []
    which = "ahead of" if ahead > 0 else "behind"
    text = f"This host's clock is {abs(ahead):.0f} seconds {which} {whose}."
    if abs(ahead) > fail_seconds:
        return [Error(text, HINT, id="apikeys.E060")]
    return [Warning(text, HINT, id="apikeys.W060")]


def _of_database(using: str) -> Callable[[], float | None]:
    sql = _NOW.get(connections[using].vendor)

    def ask() -> float | None:
        if sql is None:
            return None
        try:
            with connections[using].cursor() as cursor:
                cursor.execute(sql)
                now: datetime = cursor.fetchone()[0]
        except (DatabaseError, InterfaceError):
            return None
        return now.replace(tzinfo=UTC).timestamp()

    return ask


def _of_redis() -> float | None:
    try:
        return limiter(conf.get().limits_storage).redis_time()
    except (ImproperlyConfigured, ConfigurationError, ImportError, ValueError):
        return None  # check_settings tells
