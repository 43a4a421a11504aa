"""Circuit breakers: once a server was found silent, one caller tries it, the others fail at once.

Knows no database: callers say what they found.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field
from typing import Final

RETRY_SECONDS: Final = 1.0


class Breaker:
    """One way to a server: closed while it works, open since it was silent.

    Args:
        longest_try: seconds after which a try that nobody has ended is given to another caller.
    """

    def __init__(self, longest_try: float) -> None:
        self._longest_try = longest_try
        self._lock = threading.Lock()
        self._retry_at: float | None = None
        self.opened_at = -math.inf
        self.is_open = False  # also for a look without a lock, which every statement takes

    def admit(self) -> bool:
        """Whether this call is the one that tries an open breaker.

        It then must say ``close`` or ``open``. Raises OpenError for the others.
        """
        if not self.is_open:
            return False
        with self._lock:
            now = time.monotonic()
            if self._retry_at is None:
                return False
            if now < self._retry_at:
                raise OpenError
            self._retry_at = now + self._longest_try
            return True

    def open(self) -> bool:
        """Note that the server was silent; tell whether that is news."""
        with self._lock:
            news = self._retry_at is None
            self.opened_at = time.monotonic()
            self._retry_at = self.opened_at + RETRY_SECONDS
            self.is_open = True
            return news

    def close(self) -> bool:
        """Note that the server answers; tell whether that is news."""
        with self._lock:
            news, self._retry_at = self._retry_at is not None, None
            self.is_open = False
            return news


class OpenError(Exception):
    """The server was silent a moment ago."""


@dataclass(slots=True)
class Pulse:
    """What a process knows of one server, shared by all of its connections to it.

    Connections can be refused while those that exist go on working, so each has a breaker.
    """

    statements: Breaker
    connections: Breaker
    # Held by the one that asks the server over another connection whether it answers at all.
    asking: threading.Lock = field(default_factory=threading.Lock)
    heard_at: float = -math.inf
