"""How long each test takes and which lines of the core it runs; kept for the next run.

Measuring takes longer than many a run of mutants, and holds for as long as no line of the product
or of its tests is another. Knows no mutants.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import coverage
import pytest

from mutation.forks import run_one

KEPT: Final = Path("var/mutants.json")
_FOLDERS: Final = ("apikeys", "dashboard", "project", "templates", "tests")


@dataclass(slots=True)
class Measured:
    """What was measured.

    Attributes:
        key: of the files and tests that it holds for.
        files: the core.
        durations: test to seconds of processor time.
        failing: the tests that failed or were skipped.
        covering: file to line to the tests that run it.
    """

    key: str
    files: list[str]
    durations: dict[str, float] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    covering: dict[str, dict[int, set[str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, session: pytest.Session, files: list[str]) -> Measured:
        """Return what is known, or an empty one to be measured."""
        made = cls(_key(session, files), files)
        if KEPT.exists():
            kept = json.loads(KEPT.read_text())
            if kept["key"] == made.key:
                made.durations, made.failing = kept["durations"], set(kept["failing"])
                made.covering = {
                    file: {int(line): set(tests) for line, tests in lines.items()}
                    for file, lines in kept["covering"].items()
                }
        return made

    def is_known(self) -> bool:
        """Whether there is nothing to measure."""
        return bool(self.durations)

    def measure(
        self, session: pytest.Session, failing: set[str], say: Callable[[str], None]
    ) -> None:
        """Run every test once, and keep what was seen.

        Args:
            session: with the tests.
            failing: to which pytest's reports add while they run.
            say: prints a line of progress.
        """
        include = [str(Path(file).resolve()) for file in self.files]
        measured = coverage.Coverage(data_file=None, include=include, config_file=False)
        measured.start()
        for number, item in enumerate(session.items):
            measured.switch_context(item.nodeid)
            before = time.process_time()
            run_one(item)
            # Not by the clock: a busy machine must not let fewer tests run.
            self.durations[item.nodeid] = time.process_time() - before
            if number % 250 == 249:
                say(f"{number + 1} of {len(session.items)} tests measured")
        measured.stop()
        data = measured.get_data()
        for file in self.files:
            lines = data.contexts_by_lineno(str(Path(file).resolve()))
            self.covering[file] = {line: set(tests) - {""} for line, tests in lines.items()}
        self.failing |= failing
        self._keep()

    def _keep(self) -> None:
        covering = {
            file: {line: sorted(tests) for line, tests in lines.items()}
            for file, lines in self.covering.items()
        }
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(
            json.dumps(
                {
                    "key": self.key,
                    "durations": self.durations,
                    "failing": sorted(self.failing),
                    "covering": covering,
                }
            )
        )


def _key(session: pytest.Session, files: list[str]) -> str:
    digest = hashlib.sha256(json.dumps([files, [item.nodeid for item in session.items]]).encode())
    for folder in _FOLDERS:
        for path in sorted(Path(folder).rglob("*")):
            if path.suffix in {".py", ".html", ".toml", ".json"}:
                digest.update(path.read_bytes())
    return digest.hexdigest()
