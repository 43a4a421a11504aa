"""The pytest plugin: measures which tests run which lines, then hands the mutants to forks."""

from __future__ import annotations

import ast
import importlib
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

import coverage
import pytest

from mutation.carry import carry
from mutation.forks import KILLED, NOT_CARRIED, SURVIVED, Forks, run_one
from mutation.mutants import Mutant, tree_of, unchanged

STATES = {SURVIVED: "survived", KILLED: "killed", NOT_CARRIED: "not carried over"}


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
        budget: seconds of tests for one mutant, as they took without one.
        processes: how many forks at once.
        say: prints a line of progress.
    """

    def __init__(
        self, mutants: list[Mutant], budget: float, processes: int, say: Callable[[str], None]
    ) -> None:
        self.mutants, self.budget, self.processes, self.say = mutants, budget, processes, say
        self.results: list[Result] = []
        self.durations: dict[str, float] = defaultdict(float)
        self.failing: set[str] = set()
        self.covering: dict[str, dict[int, set[str]]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.durations[report.nodeid] += report.duration
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
        measured = coverage.Coverage(
            data_file=None, include=[str(Path(file).resolve()) for file in files], config_file=False
        )
        measured.start()
        for number, item in enumerate(session.items):
            measured.switch_context(item.nodeid)
            run_one(item)
            if number % 250 == 249:
                self.say(f"{number + 1} of {len(session.items)} tests measured")
        measured.stop()
        data = measured.get_data()
        for file in files:
            lines = data.contexts_by_lineno(str(Path(file).resolve()))
            self.covering[file] = {line: set(tests) - {""} for line, tests in lines.items()}
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

    def _affordable(self, items: list[pytest.Item]) -> tuple[list[pytest.Item], float]:
        chosen, seconds = [], 0.0
        for item in items:
            if chosen and seconds + self.durations[item.nodeid] > self.budget:
                break
            chosen.append(item)
            seconds += self.durations[item.nodeid]
        return chosen, seconds

    def _require_a_quiet_control(self, forks: Forks, files: list[str]) -> None:
        """Carry each module over unchanged: a test that fails then would kill every mutant."""
        for file in files:
            items, seconds = self._affordable(self._tests(file, ()))
            prepare = partial(_carry_unchanged, _module(file), unchanged(file))
            process = forks.start(prepare, items, 60 + 5 * seconds)
            _, status = os.waitpid(process, 0)
            forks.tidy(process)
            if status:
                raise pytest.UsageError(f"{file}: its tests fail on a copy that was not changed.")
        self.say(f"Control: {len(files)} modules carried over unchanged, no test failed")

    def _run(self, forks: Forks) -> None:
        running: dict[int, tuple[Mutant, int, int]] = {}
        waiting = list(reversed(self.mutants))
        while waiting or running:
            while waiting and len(running) < self.processes:
                mutant = waiting.pop()
                covering = self._tests(mutant.path, mutant.lines)
                items, seconds = self._affordable(covering)
                if not items:
                    self._note(Result(mutant, "survived", 0, 0))
                    continue
                prepare = partial(carry, _module(mutant.path), tree_of(mutant))
                process = forks.start(prepare, items, 20 + 5 * seconds)
                running[process] = mutant, len(items), len(covering)
            if running:
                process, status = os.wait()
                forks.tidy(process)
                mutant, ran, covering_count = running.pop(process)
                state = "timed out" if os.WIFSIGNALED(status) else STATES[os.WEXITSTATUS(status)]
                self._note(Result(mutant, state, ran, covering_count))

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
