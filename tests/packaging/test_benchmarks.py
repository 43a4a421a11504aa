"""The benchmark runs, and what it makes of its figures."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from benchmarks import chart, report
from benchmarks.targets import Target, targets

ROOT = Path(__file__).resolve().parents[2]


def run(**overheads):
    """Return a run of one database system whose floor is 100 µs in each of three rounds."""
    floors = {"1000|floor|accepted": [100.0] * 3, "1000|floor of a 401|accepted": [110.0] * 3}
    times = {**floors, **{f"1000|{n}": [v + 100] * 3 for n, v in overheads.items()}}
    return {"vendor": "sqlite", "times": times, "facts": {n: {"queries": 1} for n in times}}


def test_a_target_is_kept_up_to_its_bound_and_not_beyond():
    assert Target("", 0.3, 0.3).verdict == "PASS"
    assert Target("", 0.3, 0.31).verdict == "FAIL"
    assert Target("", 2.5, 2.49, at_least=True).verdict == "FAIL"
    assert Target("", 2.5, 2.5, at_least=True).verdict == "PASS"
    assert Target("", 1, None).verdict == "left out"


def test_targets_compare_what_is_added_to_the_floor_of_the_same_round():
    made = run(**{"apikeys|accepted": 30, "djangorestframework-api-key|accepted": 100})
    made["times"]["1000|apikeys|malformed"] = [120.0, 122.0, 400.0]
    made["facts"]["1000|apikeys|malformed"] = {"queries": 0}
    found = {target.text: target for target in targets({"paths": [made]}, 1000, [1000])}
    assert found["SQLite, default / djangorestframework-api-key"].value == pytest.approx(0.3)
    assert found["SQLite, malformed key, µs over a 401"].value == 12
    assert found["PostgreSQL, apikeys / djangorestframework-api-key"].verdict == "left out"
    assert found["granian, requests/s, apikeys / djangorestframework-api-key"].verdict == "left out"


def test_the_text_shows_ratios_and_what_was_left_out():
    made = run(**{"apikeys|accepted": 30, "djangorestframework-api-key|accepted": 120})
    shown = report.text({"paths": [made]}, [Target("fast", 0.3, 0.25)], ["Redis (none)"])
    assert "apikeys                         1.30       0.25     30.0" in shown
    assert "Left out: Redis (none)." in shown
    assert shown.count("PASS") == 1


def test_the_chart_is_well_formed_and_shows_every_row():
    svg = chart.bars("What < it adds", "note", [("apikeys", 0.0), ("a & b", 12.4)], "µs")
    root = ElementTree.fromstring(svg)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["What < it adds", "note", "apikeys", "0 µs", "a & b", "12 µs"]


@pytest.mark.slow
@pytest.mark.once
def test_the_smoke_run_measures_every_variant_and_names_what_it_left_out(tmp_path):
    python = ROOT / ".venv-bench" / "bin" / "python"
    if not python.exists():
        pytest.skip("scripts/bench has not made .venv-bench; it would fetch the peers")
    environment = {name: text for name, text in os.environ.items() if name != "REDIS_URL"}
    environment |= {"DATABASE_URL": "", "BENCH_FOLDER": str(tmp_path)}
    ran = subprocess.run(
        [
            python,
            "-m",
            "benchmarks",
            "--quick",
            "--parts",
            "paths,pages,http,asgi",
            "--output",
            tmp_path,
        ],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    document = json.loads((tmp_path / "bench.json").read_text())
    missing = "PostgreSQL" if shutil.which("wrk") else "wrk"
    assert document["left_out"] == [
        "PostgreSQL (DATABASE_URL names none)",
        "Redis (REDIS_URL names none)",
        f"HTTP (no {missing})",
        f"HTTP under uvicorn (no {missing})",
    ]
    facts = document["results"]["paths"][0]["facts"]
    assert facts["1500|apikeys|accepted"] == {"queries": 1, "status": 200}
    assert facts["1500|apikeys|malformed"] == {"queries": 0, "status": 401}
    assert facts["1500|apikeys, CACHE host|accepted"] == {"queries": 0, "status": 200}
    assert facts["1500|django-rest-knox|accepted"] == {"queries": 2, "status": 200}
    assert "Targets" in ran.stdout
    assert ElementTree.parse(tmp_path / "overhead-sqlite.svg")
