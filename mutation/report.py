"""The survivors that are known to change nothing, and the table of a run."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mutation.mutants import Mutant
from mutation.session import Result

EXPLAINED: Final = Path("tests/mutants.toml")


@dataclass(frozen=True, slots=True)
class Explained:
    """A mutant that no test can notice.

    Attributes:
        module: its file.
        before: the statement as it stands, as a run prints it.
        after: the statement as it was changed.
        reason: why the two do the same.
    """

    module: str
    before: str
    after: str
    reason: str


def explained(path: Path = EXPLAINED) -> list[Explained]:
    """Read the explained survivors.

    Raises:
        TypeError: an entry lacks a member, or has one that is none.
    """
    return [Explained(**entry) for entry in tomllib.loads(path.read_text()).get("survivor", [])]


def split(
    mutants: Iterable[Mutant], known: Iterable[Explained]
) -> tuple[list[Mutant], list[Mutant]]:
    """Return the mutants to run, and those that are explained."""
    same = {(each.module, each.before, each.after) for each in known}
    to_run: list[Mutant] = []
    equivalent: list[Mutant] = []
    for mutant in mutants:
        is_known = (mutant.path, mutant.before, mutant.after) in same
        (equivalent if is_known else to_run).append(mutant)
    return to_run, equivalent


def stale(known: Iterable[Explained], heads: dict[str, set[str]]) -> list[Explained]:
    """Return the entries whose statement is in their module no more.

    Args:
        known: the explained survivors.
        heads: module to its statements, as ``mutants.heads`` returns them.
    """
    return [each for each in known if each.before not in heads.get(each.module, {each.before})]


def table(
    results: list[Result], equivalent: list[Mutant], totals: dict[str, int]
) -> tuple[str, float]:
    """Return the table of a run, a line for each module, and the score in percent.

    The score is what was killed or timed out, of all that could be carried over and is not
    explained.
    """
    lines = [
        "| module | mutants | run | killed | timed out | survived | explained | score |",
        "|---|" + "---|" * 7,
    ]
    sums = [0] * 6
    for path, total in totals.items():
        states = [result.state for result in results if result.mutant.path == path]
        killed, late, survived = (states.count(s) for s in ("killed", "timed out", "survived"))
        row = [total, killed + late + survived, killed, late, survived]
        row.append(sum(1 for mutant in equivalent if mutant.path == path))
        sums = [a + b for a, b in zip(sums, row, strict=True)]
        lines.append(_line(path, row))
    lines.append(_line("all", sums))
    lost = sum(1 for result in results if result.state == "not carried over")
    lines += ["", f"{lost} more could not be carried over and are not counted."]
    return "\n".join(lines), _score(sums)


def _line(name: str, row: list[int]) -> str:
    return f"| {name} | " + " | ".join(map(str, row)) + f" | {_score(row):.1f} % |"


def _score(row: list[int]) -> float:
    _, run, killed, late, _, _ = row
    return 100 * (killed + late) / run if run else 100.0
