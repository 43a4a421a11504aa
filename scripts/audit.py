"""Asks a vulnerability service about what is installed, and about the oldest of what we allow.

Run by ``scripts/check``, with pip-audit. A service that can't be reached is told from one that
finds nothing by a release that is known to be bad and asked about as well: pip-audit itself ends
with success when the package index has never heard of a package. What is accepted, with the reason,
stands in ``tests/advisories.toml``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
CANARY: Final = ("django", "3.2")
LEFT_OUT: Final = "pip-audit: left out, no vulnerability service reachable"
_FLOOR: Final = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?[^#]*?>=\s*([0-9][0-9a-z.]*)")

Finding = tuple[str, str, str]
"""Package, version, id of the advisory."""


def requirements() -> list[str]:
    """Return every requirement of the project, its tests and the library."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"]]
    lines += [line for extra in project["optional-dependencies"].values() for line in extra]
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines += (ROOT / name).read_text().splitlines()
    return [line for line in map(str.strip, lines) if line and line[0] not in "#-"]


def floors(lines: Iterable[str]) -> list[str]:
    """Return the oldest allowed release of each requirement, as a pinned requirement."""
    found = [match for line in lines if (match := _FLOOR.match(line))]
    return sorted({f"{match[1].lower()}=={match[2]}" for match in found})


def accepted() -> dict[str, str]:
    """Return the advisories that are no concern here: id to the reason."""
    table = tomllib.loads((ROOT / "tests" / "advisories.toml").read_text())
    return {entry["id"]: entry["reason"] for entry in table.get("accepted", [])}


def judge(answers: list[dict[str, Any] | None]) -> tuple[list[Finding], list[str]] | None:
    """Return what was found and what could not be asked about; None without a service.

    Args:
        answers: pip-audit's JSON of each run; None where it gave none.
    """
    packages = [each for answer in answers if answer is not None for each in answer["dependencies"]]
    findings = {
        (each["name"].lower(), each["version"], hole["id"])
        for each in packages
        for hole in each.get("vulns", ())
    }
    canary = {each for each in findings if each[:2] == CANARY}
    if None in answers or not canary:
        return None
    skipped = sorted({each["name"] for each in packages if "skip_reason" in each})
    return sorted(findings - canary), skipped


def _ask(*arguments: str) -> dict[str, Any] | None:
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(  # noqa: S603 - arguments of ours
        [*command, *arguments], capture_output=True, text=True, check=False
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return None
    return answer


def main() -> int:
    """Ask, and print what was found.

    Returns:
        0 when there is nothing, or nobody to ask unless ``REQUIRE_AUDIT=1``; else 1.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, lines in enumerate((floors(requirements()), ["==".join(CANARY)])):
            files.append(Path(folder) / f"{number}.txt")
            files[-1].write_text("\n".join(lines) + "\n")
        pinned = ("--no-deps", "--disable-pip", "--requirement")
        answers = [_ask(), *(_ask(*pinned, str(file)) for file in files)]
    verdict = judge(answers)
    if verdict is None:
        print(LEFT_OUT)
        return int(os.environ.get("REQUIRE_AUDIT") == "1")
    reasons = accepted()
    findings = [each for each in verdict[0] if each[2] not in reasons]
    for name, version, advisory in findings:
        print(f"{name} {version}: {advisory}")
    if verdict[1]:
        print(f"Not known to the service: {', '.join(verdict[1])}.")
    return int(bool(findings or verdict[1]))


if __name__ == "__main__":
    sys.exit(main())
