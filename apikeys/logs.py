"""What keeps a log readable while somebody attacks, or a part of the system is down.

The filters are for a handler in Django's ``LOGGING``; nothing uses them by itself. Knows texts and
log records only.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

WINDOW_SECONDS: Final = 60
LARGEST_TABLE: Final = 1000


def printable(text: str) -> str:
    """Return the text without line breaks and control characters, for one line of a log."""
    return text.encode("unicode_escape").decode("ascii")


class FewOfAKind(logging.Filter):
    """Let through so many lines of one kind a minute, then say how many were left out.

    A kind is what the record calls its ``kind``, else its logger and its text before the values
    are put in: a thousand refusals for one reason hide neither another reason nor a fault. The
    number stands at the end of the next line of that kind. Errors with a traceback count as well.

    Args:
        most: lines of one kind in a minute, in each process.
    """

    def __init__(self, most: int = 20) -> None:
        super().__init__()
        self._most = most
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = (record.name, str(getattr(record, "kind", record.msg)))
        now = time.monotonic()
        left_out = 0
        with self._lock:
            started_at, seen = self._counts.get(kind, (now, 0))
            if now - started_at >= WINDOW_SECONDS:
                left_out = max(0, seen - self._most)
                started_at, seen = now, 0
            if kind not in self._counts and len(self._counts) >= LARGEST_TABLE:
                self._counts.clear()
            self._counts[kind] = (started_at, seen + 1)
        if left_out:
            record.msg = f"{record.getMessage()} left_out={left_out}"
            record.args = None
        return seen < self._most


class NoTraceOfStrangers(logging.Filter):
    """Take the traceback from what Django logs of a suspicious request: the sender is at fault."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security."):
            record.exc_info = record.exc_text = None
        return True
