"""Command line of a mutation run; ``scripts/mutants --help``."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from mutation.mutants import Mutant, count, heads, sample
from mutation.report import EXPLAINED, explained, split, stale, table
from mutation.session import Mutation

CORE: Final = (
    "apikeys/credentials/digests.py",
    "apikeys/credentials/keys.py",
    "apikeys/scopes.py",
    "apikeys/networks.py",
    "apikeys/credentials/carriers.py",
    "apikeys/verification/verify.py",
    "apikeys/verification/validity.py",
    "apikeys/verification/memory.py",
    "apikeys/permissions.py",
    "apikeys/limits/policy.py",
    "apikeys/limits/storages.py",
    "apikeys/services/authorization.py",
    "apikeys/services/issuing.py",
    "apikeys/services/members.py",
)
# Processes and browsers take too long to run again for each mutant.
LEFT_OUT: Final = "not slow and not browser and not postgres"
IGNORED: Final = (
    "tests/e2e",
    "tests/systems",
    "tests/api/test_fuzz.py",
    "tests/api/test_fuzz_demo.py",
)


def main() -> int:
    """Run the mutants that the arguments choose.

    Returns:
        0 when the score reaches the floor, else 1; 2 when nothing could be run.
    """
    options = _options()
    terminal = _silence()
    started = time.monotonic()

    def say(line: str) -> None:
        terminal.write(f"[{time.monotonic() - started:5.0f} s] {line}\n")
        terminal.flush()

    totals = {path: count(Path(path).read_text()) for path in options.modules}
    chosen: list[Mutant] = []
    for path in options.modules:
        chosen += sample(path, Path(path).read_text(), options.sample, options.seed)
    if options.match:
        chosen = [mutant for mutant in chosen if re.search(options.match, str(mutant))]
    to_run, equivalent = split(chosen, explained())
    say(f"{len(to_run)} of {sum(totals.values())} mutants, seed {options.seed}")
    run = Mutation(to_run, options.budget, options.processes, say)
    arguments = [*(options.tests or ["tests"]), *(f"--ignore={path}" for path in IGNORED)]
    arguments += ["-m", LEFT_OUT, "-p", "no:cacheprovider", "-s", "--hypothesis-seed=0"]
    status = pytest.main(arguments, plugins=[run])
    if len(run.results) < len(to_run):
        say(f"The run broke off ({status!r}); `pytest {' '.join(arguments[:1])}` says why.")
        return 2
    text, score = table(run.results, equivalent, totals)
    survivors = [result for result in run.results if result.state == "survived"]
    terminal.write(f"\n{text}\n\n")
    terminal.write(
        "".join(f"{each.mutant} [{each.ran} of {each.covering} tests]\n" for each in survivors)
    )
    gone = stale(explained(), {path: heads(Path(path).read_text()) for path in totals})
    terminal.write("".join(f"Explains nothing any more: {each}\n" for each in gone))
    terminal.write(
        f"\n{score:.1f} % of what {EXPLAINED} does not explain; the floor is {options.floor} %.\n"
    )
    terminal.flush()
    return 0 if score >= options.floor else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/mutants", description="Mutation run of the core."
    )
    parser.add_argument("modules", nargs="*", default=list(CORE), help="files; default: the core")
    parser.add_argument("--seed", type=int, default=20261129, help="of the sample")
    parser.add_argument("--sample", type=int, default=40, help="mutants of each module (40)")
    parser.add_argument(
        "--budget", type=float, default=10.0, help="processor seconds of tests a mutant (10)"
    )
    parser.add_argument("--processes", type=int, default=1, help="forks at once (1)")
    parser.add_argument("--floor", type=float, default=96.0, help="score in percent (96)")
    parser.add_argument("--match", help="of the sample, only what is printed like this (regex)")
    parser.add_argument("--tests", action="append", help="a file or folder of tests; default: all")
    return parser.parse_args()


def _silence():
    """Send what tests print to nowhere; return the terminal as it was."""
    terminal = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return terminal


if __name__ == "__main__":
    sys.exit(main())
