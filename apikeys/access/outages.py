"""Which errors mean that a part of the system is down, and their one line of log.

They are no fault of the code and no answer to the caller's request, which may be sent again.
Knows no HTTP.
"""

from __future__ import annotations

import logging
from typing import Final

from django.db import InterfaceError, InternalError, OperationalError

from apikeys.logs import printable
from apikeys.verification.epochs import EpochUnavailableError

logger = logging.getLogger("apikeys.requests")

LONGEST_REASON: Final = 200
_OUTAGES: Final = (OperationalError, InterfaceError, EpochUnavailableError)


def is_outage(exc: BaseException) -> bool:
    """Whether what the request needs is out of reach, so that it may be sent again later.

    The database is gone or, as after a fail-over, takes no writes; or nobody could be told of a
    change, in the cached mode.
    """
    if isinstance(exc, _OUTAGES):
        return True
    # PostgreSQL refuses a write in a read-only transaction by an error of another class.
    return isinstance(exc, InternalError) and getattr(exc.__cause__, "sqlstate", "") == "25006"


def log_outage(exc: Exception) -> None:
    """Log in one line what was said by what is out; errors of these kinds quote no values.

    Args:
        exc: what ``is_outage`` takes for one.
    """
    what = "epoch" if isinstance(exc, EpochUnavailableError) else "database"
    reason = printable(" ".join(str(exc).split()))[:LONGEST_REASON]
    logger.error("%s unavailable error=%s: %s", what, type(exc).__name__, reason)
