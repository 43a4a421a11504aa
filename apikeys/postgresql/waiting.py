"""A connection of psycopg that does not wait for ever.

psycopg waits for the server's answer in one place, ``Connection.wait``, and comes back from the
system's poll ten times a second. That is where the connection here asks whether to go on. The
server's own ``statement_timeout`` can't end this: where the server hangs, its clock hangs as well.
"""

from __future__ import annotations

import logging
import select
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Any, Final, Protocol

import psycopg
from psycopg.errors import ConnectionTimeout

from apikeys.postgresql.breakers import OpenError, Pulse

# How often psycopg's wait comes back without news, in seconds.
TICK: Final = 0.1
# How long a server may take to let somebody in and answer them; psycopg accepts no less than 2.
ASKING_SECONDS: Final = 2

logger = logging.getLogger("apikeys.database")


class SilentError(psycopg.OperationalError):
    """The server does not answer."""


class Guard(Protocol):
    """Decides how long a connection waits."""

    def watch(
        self, work: Generator[Any, Any, Any], connection: Connection
    ) -> Generator[Any, Any, Any]:
        """Yield what the work yields, and return what it returns, or raise SilentError."""


class Connection(psycopg.Connection[Any]):
    """psycopg's own, whose waiting a guard may end; without one all is as ever."""

    guard: Guard | None = None

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """Run what talks to the server to its end; a time-out of the caller's own replaces ours."""
        if self.guard is None or args or options:
            return super().wait(gen, *args, **options)
        return super().wait(self.guard.watch(gen, self))


class Until:
    """Lets a connection wait until a moment of the monotonic clock."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def watch(
        self, work: Generator[Any, Any, Any], connection: Connection
    ) -> Generator[Any, Any, Any]:
        try:
            wanted = next(work)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() >= self._moment:
                    raise SilentError("the server does not answer")
                wanted = work.send(ready)
        except StopIteration as done:
            return done.value


class WhileItLives:
    """Lets a connection wait as long as its server answers others.

    After some silence the waiting thread itself opens another connection to the same address. If
    that one is answered, the statement is merely slow, or waits for a lock, and goes on; if not,
    everybody who waits for this server gives up, and who comes next fails at once, but for one who
    tries.

    Args:
        pulse: what is known of the server.
        parameters: of ``psycopg.connect``.
        patience: seconds of silence before the server is asked.
        longest: seconds of silence that end a statement whatever the server answers others; None
            for no end. For a connection that died alone.
    """

    def __init__(
        self,
        pulse: Pulse,
        parameters: Mapping[str, Any],
        *,
        patience: float,
        longest: float | None,
    ) -> None:
        self._pulse = pulse
        self._parameters = parameters
        self._patience = patience
        self._longest = longest

    def watch(
        self, work: Generator[Any, Any, Any], connection: Connection
    ) -> Generator[Any, Any, Any]:
        trying = self._pulse.statements.is_open and self._admit()
        since: float | None = None
        try:
            wanted = next(work)
            while True:
                ready = yield wanted
                if ready:
                    since = None
                else:
                    if since is None:
                        since = time.monotonic() - TICK
                    self._consider(connection, since)
                wanted = work.send(ready)
        except StopIteration as done:
            if trying:
                self.heard()
            return done.value
        except SilentError:
            raise
        except psycopg.Error:
            if trying:
                self.heard()  # an error is an answer
            raise

    def silent(self) -> None:
        """Note that the server answers nobody."""
        self._pulse.connections.open()
        if self._pulse.statements.open():
            logger.error("database silent: what needs it fails at once until it answers")

    def heard(self) -> None:
        """Note that the server answers."""
        self._pulse.connections.close()
        if self._pulse.statements.close():
            logger.warning("database answers again")

    def _admit(self) -> bool:
        try:
            return self._pulse.statements.admit()
        except OpenError:
            raise SilentError("the server did not answer a moment ago") from None

    def _consider(self, connection: Connection, since: float) -> None:
        """Raise SilentError, the connection closed, where waiting on makes no sense."""
        now = time.monotonic()
        if self._longest is not None and now - since >= self._longest:
            self._end(connection, f"no answer within {self._longest:g} seconds")
        elif self._pulse.statements.opened_at > since:
            self._end(connection, "the server does not answer")
        elif min(now - since, now - self._pulse.heard_at) >= self._patience:
            self._ask(connection)

    def _ask(self, connection: Connection) -> None:
        if not self._pulse.asking.acquire(blocking=False):
            return  # another thread is asking: its answer is noticed at the next tick
        try:
            answered = answers(connection, self._parameters)
        finally:
            self._pulse.asking.release()
        if answered:
            self._pulse.heard_at = time.monotonic()
        elif not _has_news(connection):
            self.silent()
            self._end(connection, "the server does not answer")

    def _end(self, connection: Connection, why: str) -> None:
        if not _has_news(connection):
            connection.close()  # sends without waiting
            raise SilentError(why)


def answers(connection: Connection, parameters: Mapping[str, Any]) -> bool:
    """Whether the server at the other end lets another connection in and answers it.

    Takes at most ASKING_SECONDS. An error that comes in that time is an answer too.
    """
    info = connection.info
    there = {"host": info.host, "port": info.port, "connect_timeout": ASKING_SECONDS}
    if info.hostaddr:
        there["hostaddr"] = info.hostaddr
    until = Until(time.monotonic() + ASKING_SECONDS)
    try:
        with closing(Connection.connect(**{**parameters, **there, "autocommit": True})) as other:
            other.guard = until
            other.execute("SELECT 1")
    except (SilentError, ConnectionTimeout):
        return False
    except psycopg.Error:
        return True
    return True


def _has_news(connection: Connection) -> bool:
    """Whether the answer has arrived meanwhile."""
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))
