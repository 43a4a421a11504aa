"""Django's back end for PostgreSQL with connections that do not wait for ever.

Two more ``OPTIONS``, in seconds:

- ``deadline`` (3): a statement, a commit or a new connection that a silent server does not answer
  ends within this time (a new connection: for each address of the host) with
  ``django.db.OperationalError``. What the process sends next fails at once, but for one try a
  second, until the server answers. Slow statements are none of this: a server that answers others
  is waited for.
- ``statement_timeout`` (none): the server ends a longer statement by itself. It is set on each new
  connection and not at its start, where poolers refuse what they don't know. Two seconds later the
  waiting ends in any case, for a connection that died alone.
"""

from __future__ import annotations

import os
import time
from types import SimpleNamespace
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS
from django.db.backends.postgresql import base

try:
    import psycopg
except ImportError as error:
    raise ImproperlyConfigured("apikeys.postgresql needs psycopg 3: pip install psycopg") from error

from psycopg.errors import ConnectionTimeout

from apikeys.postgresql.breakers import Breaker, OpenError, Pulse
from apikeys.postgresql.waiting import (
    ASKING_SECONDS,
    Connection,
    SilentError,
    Until,
    WhileItLives,
)

DEADLINE: Final = 3.0
# Silence that is none yet: a busy server may take as long.
SHORTEST_PATIENCE: Final = 0.5
# What the server has to end a statement itself, before the waiting ends.
GRACE_SECONDS: Final = 2.0

_pulses: dict[tuple[str, str], Pulse] = {}
# A lock that another thread held at the fork would stay held in the child.
os.register_at_fork(after_in_child=_pulses.clear)


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, with psycopg's connections replaced."""

    Database: Any = SimpleNamespace(**{**vars(psycopg), "connect": Connection.connect})

    def __init__(self, settings_dict: dict[str, Any], alias: str = DEFAULT_DB_ALIAS) -> None:
        options = settings_dict.get("OPTIONS") or {}
        self.deadline = _seconds(options, "deadline", DEADLINE)
        self.statement_timeout = _seconds(options, "statement_timeout", None)
        if pool := options.get("pool"):
            ours = {"connection_class": Connection, "timeout": self.deadline}
            pool = {**ours, **({} if pool is True else pool)}
            settings_dict = {**settings_dict, "OPTIONS": {**options, "pool": pool}}
        super().__init__(settings_dict, alias)

    def get_connection_params(self) -> dict[str, Any]:
        """Return Django's parameters, with an end to connecting."""
        params: dict[str, Any] = super().get_connection_params()
        for ours in ("deadline", "statement_timeout"):
            params.pop(ours, None)
        params.setdefault("connect_timeout", int(self.deadline))
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a new connection.

        Raises:
            OperationalError: of psycopg; at once where the server was silent a moment ago.
        """
        guard = self._guard(conn_params)
        try:
            trying = self._pulse().connections.admit()
        except OpenError:
            raise SilentError("the server did not answer a moment ago") from None
        try:
            connection = super().get_new_connection(conn_params)
            if trying:
                self._prove(connection)
        except (ConnectionTimeout, SilentError):
            self._pulse().connections.open()
            raise
        except psycopg.Error:
            if trying and self.pool:
                self._pulse().connections.open()  # the pool's own time-out, likely
            elif trying:
                guard.heard()  # an error is an answer
            raise
        connection.guard = guard
        if trying:
            guard.heard()
        return connection

    def _configure_connection(self, connection: Any) -> Any:
        # A pool makes its connections itself, and has this called.
        connection.guard = self._guard(self.get_connection_params())
        if self.statement_timeout is not None:
            connection.execute(f"SET statement_timeout = {round(self.statement_timeout * 1000)}")
        commit = super()._configure_connection(connection)  # type: ignore[misc]
        return commit or self.statement_timeout is not None

    def _prove(self, connection: Any) -> None:
        """Raise SilentError unless it answers: a pooler lets one in also while its server hangs."""
        connection.guard = Until(time.monotonic() + ASKING_SECONDS)
        try:
            connection.autocommit = True
            connection.execute("SELECT 1")
            connection.autocommit = False
        except psycopg.Error:
            connection.close()
            if self.pool:
                self.pool.putconn(connection)  # which replaces it
            raise

    def _guard(self, params: dict[str, Any]) -> WhileItLives:
        longest = None if self.statement_timeout is None else self.statement_timeout + GRACE_SECONDS
        patience = self.deadline - ASKING_SECONDS
        return WhileItLives(self._pulse(), params, patience=patience, longest=longest)

    def _pulse(self) -> Pulse:
        where = (str(self.settings_dict["HOST"]), str(self.settings_dict["PORT"]))
        found = _pulses.get(where)
        if found is None:
            # A try may meet several addresses, and then takes its time on each.
            longest_try = 4 * self.deadline
            made = Pulse(Breaker(longest_try), Breaker(longest_try))
            found = _pulses.setdefault(where, made)
        return found


def _seconds(options: dict[str, Any], name: str, default: float | None) -> Any:
    value = options.get(name, default)
    if value is None and default is None:
        return None
    least = ASKING_SECONDS + SHORTEST_PATIENCE
    if isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value < 1e6:
        return float(value)
    raise ImproperlyConfigured(
        f'OPTIONS["{name}"] of a database must be {least:g} seconds or more, not {value!r}.'
    )
