"""Measures the library beside its peers: a process for each part, a table, JSON and a chart.

Measures nothing itself and imports no Django.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from benchmarks import chart, report
from benchmarks.targets import targets

PACKAGES = (
    "Django",
    "djangorestframework",
    "djangorestframework-api-key",
    "django-rest-knox",
    "django-oauth-toolkit",
    "djangorestframework-simplejwt",
    "psycopg",
    "redis",
    "limits",
    "gunicorn",
    "granian",
    "uvicorn",
)
PARTS = ("paths", "limits", "usage", "pages", "http", "asgi")


class PartFailedError(Exception):
    """A part ended without a result."""


class Plan(NamedTuple):
    """What a run does."""

    databases: list[str]
    redis: str
    size: int
    sizes: list[int]
    parts: list[str]
    rounds: int
    number: int
    folder: Path
    left_out: list[str]


def main() -> int:
    """Run; return 0 when every target that was measured is met."""
    options = _options()
    # Before, for the run itself is a load.
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    plan = _plan(options)
    results: dict[str, Any] = {}
    for part in plan.parts:
        try:
            results[part] = _run_part(part, plan)
        except PartFailedError as failure:
            plan.left_out.append(f"{part} ({failure})")
    kept = targets(results, plan.size, plan.sizes)
    text = report.text(results, kept, plan.left_out)
    print(text)
    print(f"Load before it: {load}, {os.cpu_count()} processors. Figures: {options.output}")
    document = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"processors": os.cpu_count(), "load": load, "platform": platform.platform()},
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "rounds": plan.rounds,
        "left_out": plan.left_out,
        "targets": [{**target._asdict(), "verdict": target.verdict} for target in kept],
        "results": results,
        "text": text,
    }
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "bench.json").write_text(json.dumps(document, indent=1, ensure_ascii=False))
    for run in results.get("paths", []):
        _draw(run, plan, options.output, load)
    failed = any(target.verdict == "FAIL" for target in kept)
    return 1 if failed and not options.quick else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run: few rounds, few rows")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--databases", default="sqlite,postgresql", help="one of the two, or both")
    parser.add_argument("--sizes", default="1,100000,1000000", help="tokens; add 10000000 at will")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--number", type=int, default=100, help="requests in a batch")
    parser.add_argument("--output", type=Path, default=Path("var/bench"), help="folder")
    options = parser.parse_args()
    unknown = set(options.parts.split(",")) - set(PARTS)
    if unknown:
        parser.error(f"no part is called {', '.join(sorted(unknown))}")
    return options


def _plan(options: argparse.Namespace) -> Plan:
    left_out: list[str] = []
    databases = []
    for name in options.databases.split(","):
        url = "sqlite://" if name == "sqlite" else os.environ.get("DATABASE_URL", "")
        if name == "postgresql" and not url.startswith(("postgres://", "postgresql://")):
            left_out.append("PostgreSQL (DATABASE_URL names none)")
        elif name == "postgresql" and not _answers(url, 5432):
            left_out.append("PostgreSQL (the server of DATABASE_URL does not answer)")
        else:
            databases.append(url)
    redis = os.environ.get("REDIS_URL", "")
    if not redis or not _answers(redis, 6379):
        why = "the server of REDIS_URL does not answer" if redis else "REDIS_URL names none"
        left_out.append(f"Redis ({why})")
        redis = ""
    parts = options.parts.split(",")
    postgresql = [url for url in databases if not url.startswith("sqlite")]
    for needed, there in (("wrk", shutil.which("wrk")), ("PostgreSQL", postgresql)):
        for part, title in (("http", "HTTP"), ("asgi", "HTTP under uvicorn")):
            if part in parts and not there:
                left_out.append(f"{title} (no {needed})")
                parts.remove(part)
    sizes = [1, 1500] if options.quick else [int(size) for size in options.sizes.split(",")]
    rounds, number = (3, 8) if options.quick else (options.rounds, options.number)
    size = 100_000 if 100_000 in sizes else max(sizes)
    folder = Path(os.environ.get("BENCH_FOLDER", "var/bench"))
    return Plan(databases, redis, size, sizes, parts, rounds, number, folder, left_out)


def _answers(url: str, port: int) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", parts.port or port), 2).close()
    except OSError:
        return False
    return True


def _run_part(part: str, plan: Plan) -> Any:
    small = plan.rounds < 10
    match part:
        case "paths":
            arguments = [str(plan.rounds), str(plan.number), str(plan.size)]
            return [
                _measure(plan, "inprocess", arguments, url, plan.sizes) for url in plan.databases
            ]
        case "limits":
            return _measure(plan, "limiting", [], "sqlite://", [1])
        case "usage":
            return [_measure(plan, "recording", [], url, [plan.size]) for url in plan.databases]
        case "pages":
            rounds = ["2" if small else "9"]
            return [
                _measure(plan, "pages", rounds, url, [max(plan.sizes)]) for url in plan.databases
            ]
    url = next(url for url in plan.databases if not url.startswith("sqlite"))
    return _measure(plan, part, ["1", "1"] if small else ["5", "1"], url, [plan.size])


def _measure(plan: Plan, module: str, arguments: list[str], url: str, sizes: list[int]) -> Any:
    """Run one module in a process of its own and return what it found."""
    environment = {
        **os.environ,
        "BENCH_DATABASE_URL": url,
        "BENCH_REDIS_URL": plan.redis,
        "BENCH_SIZES": ",".join(map(str, sizes)),
        "BENCH_FOLDER": str(plan.folder.resolve()),
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    found = None
    for message in _messages(process):
        if "result" in message:
            found = message["result"]
        else:
            _show(message["label"], message["share"])
    _show("", None)
    if process.wait() or found is None:
        raise PartFailedError(f"{module} ended with {process.returncode}; it says why above")
    return found


def _messages(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        try:
            yield json.loads(line)
        except ValueError:
            print(line, end="", file=sys.stderr)


def _show(label: str, share: float | None) -> None:
    if not sys.stderr.isatty():
        return
    if share is None:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
        return
    filled = round(share * 30)
    bar = "█" * filled + "·" * (30 - filled)
    print(f"\r\033[K{bar} {share:4.0%}  {label}", end="", file=sys.stderr, flush=True)


def _draw(run: dict[str, Any], plan: Plan, folder: Path, load: str) -> None:
    rows = [
        (row["name"], row["over"])
        for row in report.rows(run)
        if row["kind"] == "accepted"
        and row["size"] == plan.size
        and not row["name"].startswith("floor")
    ]
    title = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[run["vendor"]]
    svg = chart.bars(
        f"What authentication adds to a request, {title}, {plan.size:,} tokens",
        f"µs over a DRF view without authentication, medians of {plan.rounds} rounds; "
        f"load before it {load}",
        sorted(rows, key=lambda row: row[1]),
        "µs",
    )
    (folder / f"overhead-{run['vendor']}.svg").write_text(svg)


if __name__ == "__main__":
    sys.exit(main())
