"""Runs one mutant against tests in a fork of this process, with a database of its own.

The parent has collected the tests, imported everything and migrated the test database, so a fork
costs milliseconds. It answers by its exit status; an alarm ends one that hangs.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

SURVIVED: Final = 0
KILLED: Final = 1
NOT_CARRIED: Final = 2


class Forks:
    """The forks of one run.

    Args:
        session: pytest's session, its fixtures of the session set up.
        database: the file of the test database; nobody has it open.
    """

    def __init__(self, session: pytest.Session, database: Path) -> None:
        self.session = session
        self.database = database
        gc.collect()
        gc.freeze()

    def start(
        self, prepare: Callable[[], bool], items: Sequence[pytest.Item], seconds: float
    ) -> int:
        """Fork; return the id of the process.

        Args:
            prepare: makes the change in the fork; False when nothing came of it.
            items: the tests, run until one fails.
            seconds: how long it may take.
        """
        process = os.fork()
        if process:
            return process
        status = KILLED
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, seconds)
            self._own_database()
            status = self._run(items) if prepare() else NOT_CARRIED
        finally:
            os._exit(status)

    def tidy(self, process: int) -> None:
        """Take away what a fork that has ended has left."""
        for path in self.database.parent.glob(f"{self.database.name}.{process}*"):
            path.unlink(missing_ok=True)

    def failed(self, process: int) -> str:
        """Return the test that failed in a fork, ``""`` when none did; ask before tidying."""
        file = self._failed(process)
        return file.read_text() if file.exists() else ""

    def _failed(self, process: int) -> Path:
        return Path(f"{self.database}.{process}.failed")

    def _own_database(self) -> None:
        from django.db import connection

        own = Path(f"{self.database}.{os.getpid()}")
        shutil.copyfile(self.database, own)
        connection.connection = None
        connection.settings_dict["NAME"] = str(own)

    def _run(self, items: Sequence[pytest.Item]) -> int:
        self.session.config.pluginmanager.register(_EndsAtFirstFailure(self._failed(os.getpid())))
        for item in items:
            run_one(item)
        return SURVIVED


class _EndsAtFirstFailure:
    """Ends the fork, and leaves the name of the test in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.file.write_text(report.nodeid)
            os._exit(KILLED)


def run_one(item: pytest.Item) -> Any:
    """Run a test and take down all but the fixtures of the session."""
    return item.ihook.pytest_runtest_protocol(item=item, nextitem=item.session)
