"""Runs host projects, each in a process of its own, by the Python of some virtual environment.

As a program (``python -m tests.hosts.run PYTHON…``, by scripts/hosts) it runs all of them by each
Python and prints a table.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.hosts.host import ROOT, Host, all_hosts

VISIT = Path(__file__).parent / "visit.py"
# Some packages install a top-level package `tests` of their own, so ours has to come before it.
LIBRARY = ("apikeys", "apikeys_dashboard", "dashboard", "tests")
AT_ONCE = 2
LONGEST = 180


def python() -> Path:
    """The Python of the hosts: HOSTS_PYTHON, or that of the first environment of scripts/hosts."""
    found = sorted(ROOT.glob(".venv-hosts-*/bin/python"))
    return Path(os.environ.get("HOSTS_PYTHON") or (found[0] if found else ROOT / ".venv-hosts"))


def library(folder: Path) -> Path:
    """Put the library and the tests, and nothing else of the repository, into a folder."""
    for name in LIBRARY:
        (folder / name).symlink_to(ROOT / name)
    return folder


def environment(by: Path, beside: Path) -> dict[str, str]:
    """What a process of a host finds around it: nothing of the demo's or the developer's."""
    kept = ("HOME", "TMPDIR", "LANG", "DATABASE_URL", "REDIS_URL")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PATH": f"{by.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(beside),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def visit(name: str, folder: Path, *, by: Path, beside: Path) -> dict[str, Any]:
    """Visit one host in an empty folder.

    Returns:
        ``{"packages": …}``; ``{"left_out": why}``; or ``{"fault": the traceback, "printed": …}``.
    """
    done = subprocess.run(
        [by, VISIT, name, folder],
        env=environment(by, beside),
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return {"fault": f"It ended with {done.returncode}.", "printed": done.stdout + done.stderr}
    told: dict[str, Any] = json.loads(lines[-1])
    return told if "fault" not in told else {**told, "printed": done.stdout + done.stderr}


def main(pythons: list[str]) -> int:
    hosts = all_hosts()
    columns = [Path(each) for each in pythons]
    found = {each: _all(hosts, each) for each in columns}
    print("| Beside us | Packages | " + " | ".join(map(_title, columns)) + " |")
    print("|---|---|" + "---|" * len(columns))
    for name, host in hosts.items():
        told = [found[each][name] for each in columns]
        print(f"| {host.name} | {_packages(told)} | " + " | ".join(map(_verdict, told)) + " |")
    faults = [
        f"\n{hosts[name].name}, {_title(each)}:\n{told['fault']}{told['printed'][-1500:]}"
        for each in columns
        for name, told in found[each].items()
        if "fault" in told
    ]
    print("".join(faults), file=sys.stderr)
    return 1 if faults else 0


def _all(hosts: dict[str, Host], by: Path) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(AT_ONCE) as threads:
        (beside := Path(temporary) / "library").mkdir()
        library(beside)

        def one(name: str) -> dict[str, Any]:
            (folder := Path(temporary) / name).mkdir()
            return visit(name, folder, by=by, beside=beside)

        return dict(zip(hosts, threads.map(one, hosts), strict=True))


def _title(by: Path) -> str:
    code = (
        "import sys, django; print(f'Django {django.__version__}, Python {sys.version.split()[0]}')"
    )
    return subprocess.check_output([by, "-c", code], text=True).strip()


def _packages(told: list[dict[str, Any]]) -> str:
    """The packages of a host with their versions; a version that differs by column, once each."""
    versions: dict[str, list[str]] = {}
    for one in told:
        for name, version in one.get("packages", {}).items():
            if version not in versions.setdefault(name, []):
                versions[name].append(version)
    return ", ".join(f"{name} {' and '.join(found)}" for name, found in versions.items())


def _verdict(told: dict[str, Any]) -> str:
    return "**fails**" if "fault" in told else str(told.get("left_out", "works"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
