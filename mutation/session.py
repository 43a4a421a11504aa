"""The pytest plugin: measures which tests run which lines, then hands the mutants to forks."""

from __future__ import annotations

import ast
import importlib
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from mutation.carry import carry
from mutation.forks import KILLED, NOT_CARRIED, SURVIVED, Forks, run_one
from mutation.measured import Measured
from mutation.mutants import Mutant, tree_of, unchanged

STATES = {SURVIVED: "survived", KILLED: "killed", NOT_CARRIED: "not carried over"}


# A survivor runs the tests that did not fit, for so many times the budget.
SECOND_LOOK: Final = 5
MOST_LEFT_OUT: Final = 30


@dataclass(frozen=True, slots=True)
class _Look:
    """A mutant, the tests that run its lines, and how many of them it has survived."""

    mutant: Mutant
    covering: list[pytest.Item]
    ran: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a mutant.

    Attributes:
        mutant: the mutant.
        state: ``killed``, ``survived``, ``timed out`` or ``not carried over``.
        ran: how many tests there were to run.
        covering: how many tests run its lines.
    """

    mutant: Mutant
    state: str
    ran: int
    covering: int


class Mutation:
    """Runs the mutants in place of the tests that were collected.

    Args:
        mutants: those to run.
        budget: seconds of processor time of tests for one mutant, as they took without one.
        processes: how many forks at once.
        say: prints a line of progress.
    """

    def __init__(
        self, mutants: list[Mutant], budget: float, processes: int, say: Callable[[str], None]
    ) -> None:
        self.mutants, self.budget, self.processes, self.say = mutants, budget, processes, say
        self.results: list[Result] = []
        self.durations: dict[str, float] = {}
        self.failing: set[str] = set()
        self.covering: dict[str, dict[int, set[str]]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed or report.skipped:
            self.failing.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        files = sorted({mutant.path for mutant in self.mutants})
        self._measure(session, files)
        forks = Forks(session, self._close_database(session))
        self.items = {item.nodeid: item for item in session.items}
        self._require_a_quiet_control(forks, files)
        self._run(forks)
        return True

    def _measure(self, session: pytest.Session, files: list[str]) -> None:
        started = time.monotonic()
        measured = Measured.of(session, files)
        if measured.is_known():
            # What lives as long as the session is made once, here and not in each fork.
            for item in session.items[:: len(session.items) // 10 or 1]:
                run_one(item)
        else:
            measured.measure(session, self.failing, self.say)
        self.durations, self.covering = measured.durations, measured.covering
        self.failing |= measured.failing
        spent = time.monotonic() - started
        self.say(
            f"{len(session.items)} tests measured in {spent:.0f} s; "
            f"{len(self.failing)} failed or were skipped and are left out"
        )

    def _close_database(self, session: pytest.Session) -> Path:
        from django.db import connections
        from pytest_django.plugin import blocking_manager_key

        with session.config.stash[blocking_manager_key].unblock():
            connections["default"].cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connections.close_all()
        return Path(connections["default"].settings_dict["NAME"])

    def _tests(self, file: str, lines: Iterable[int]) -> list[pytest.Item]:
        """Return the tests that run any of the lines, or of the file, the quickest first."""
        by_line = self.covering[file]
        found = set().union(*(by_line.get(line, set()) for line in lines))
        # Nobody measures what runs at import, or in a child that a test forks.
        found = (found or set().union(*by_line.values())) - self.failing
        return [self.items[test] for test in sorted(found, key=lambda t: (self.durations[t], t))]

    def _affordable(
        self, items: list[pytest.Item], budget: float
    ) -> tuple[list[pytest.Item], float]:
        chosen, seconds = [], 0.0
        for item in items:
            if chosen and seconds + self.durations[item.nodeid] > budget:
                break
            chosen.append(item)
            seconds += self.durations[item.nodeid]
        return chosen, seconds

    def _require_a_quiet_control(self, forks: Forks, files: list[str]) -> None:
        """Carry each module over unchanged: a test that fails then would kill every mutant.

        Such a test is left out; where that is most of them, the run is worth nothing.
        """
        left_out = 0
        for file in files:
            while failed := self._failing_unchanged(forks, file):
                self.failing.add(failed)
                left_out += 1
                if left_out > MOST_LEFT_OUT:
                    raise pytest.UsageError(f"{file}: too many tests fail on an unchanged copy.")
        self.say(f"Control: {len(files)} modules carried over unchanged; {left_out} tests left out")

    def _failing_unchanged(self, forks: Forks, file: str) -> str:
        items, seconds = self._affordable(self._tests(file, ()), self.budget)
        prepare = partial(_carry_unchanged, _module(file), unchanged(file))
        process = forks.start(prepare, items, _patience(seconds))
        _, status = os.waitpid(process, 0)
        failed = forks.failed(process)
        forks.tidy(process)
        if status and not failed:
            raise pytest.UsageError(f"{file}: a copy that was not changed ends with {status}.")
        if failed:
            self.say(f"left out, fails on an unchanged copy of {file}: {failed}")
        return failed

    def _run(self, forks: Forks) -> None:
        waiting = [_Look(mutant, self._tests(mutant.path, mutant.lines)) for mutant in self.mutants]
        waiting.reverse()
        running: dict[int, tuple[_Look, int]] = {}
        while waiting or running:
            while waiting and len(running) < self.processes:
                look = waiting.pop()
                budget = self.budget * (SECOND_LOOK if look.ran else 1)
                items, seconds = self._affordable(look.covering[look.ran :], budget)
                prepare = partial(carry, _module(look.mutant.path), tree_of(look.mutant))
                process = forks.start(prepare, items, _patience(seconds))
                running[process] = look, look.ran + len(items)
            process, status = os.wait()
            forks.tidy(process)
            look, ran = running.pop(process)
            state = "timed out" if os.WIFSIGNALED(status) else STATES[os.WEXITSTATUS(status)]
            if state == "survived" and not look.ran and ran < len(look.covering):
                waiting.append(_Look(look.mutant, look.covering, ran))
            else:
                self._note(Result(look.mutant, state, ran, len(look.covering)))

    def _note(self, result: Result) -> None:
        self.results.append(result)
        if result.state == "survived":
            self.say(f"survived {result.mutant} [{result.ran} of {result.covering} tests]")
        if len(self.results) % 50 == 0:
            self.say(f"{len(self.results)} of {len(self.mutants)} mutants")


def _module(file: str) -> ModuleType:
    return importlib.import_module(file.removesuffix(".py").replace("/", "."))


def _carry_unchanged(module: ModuleType, tree: ast.Module) -> bool:
    carry(module, tree)
    return True


def _patience(seconds: float) -> float:
    """Return after how long a fork is taken to hang, on a machine that may be busy."""
    return 60 + 20 * seconds
