"""What may be installed with the product leaves out releases with known holes."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
ADVISORIES = tomllib.loads((ROOT / "tests" / "advisories.toml").read_text())
FILES = ["pyproject.toml", "requirements.txt", "requirements-dev.txt"]


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    """`scripts/audit.py`, which is no module of a package."""
    spec = importlib.util.spec_from_file_location("audit", ROOT / "scripts" / "audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def required(audit: ModuleType) -> dict[str, list[Requirement]]:
    """Every requirement by the name of its package."""
    found: dict[str, list[Requirement]] = {}
    for line in audit.requirements():
        requirement = Requirement(line.partition(" #")[0])
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


@pytest.mark.parametrize("hole", ADVISORIES["hole"], ids=lambda hole: hole["package"])
def test_no_requirement_allows_a_release_with_a_known_hole(hole, required):
    assert hole["ids"]
    [first, *more] = required[hole["package"]]
    for requirement in (first, *more):
        allowed = [version for version in hole["bad"] if version in requirement.specifier]
        assert allowed == [], f"{requirement} allows what {hole['ids']} names"
        refused = [version for version in hole["fixed"] if version not in requirement.specifier]
        assert refused == [], f"{requirement} refuses what is without the hole"


def test_every_requirement_has_a_floor_so_that_it_can_be_judged(required):
    floorless = [
        str(each)
        for requirements in required.values()
        for each in requirements
        if not any(part.operator == ">=" for part in each.specifier)
    ]
    assert floorless == []


def test_the_library_and_the_project_agree_on_their_floors(required):
    for name, requirements in required.items():
        floors = {
            part.version
            for each in requirements
            for part in each.specifier
            if part.operator == ">="
        }
        assert len(floors) == 1, f"{name}: {floors}"


def test_the_audit_asks_about_the_floor_of_every_requirement(audit, required):
    asked = {line.partition("==")[0] for line in audit.floors(audit.requirements())}
    assert {canonicalize_name(name) for name in asked} == set(required)
    assert audit.floors(["Django>=5.2.19,!=6.0.*,<6.2", "redis[hiredis]>=5.2,<9", "-r x"]) == [
        "django==5.2.19",
        "redis==5.2",
    ]


def _answer(*packages: tuple[str, str, list[str]]) -> dict[str, Any]:
    return {
        "dependencies": [
            {"name": name, "version": version, "vulns": [{"id": each} for each in ids]}
            for name, version, ids in packages
        ]
    }


CANARY = _answer(("django", "3.2", ["PYSEC-1"]))


def test_an_audit_that_finds_something_names_it(audit):
    found = audit.judge([_answer(("pillow", "12.0", ["PYSEC-2"])), _answer(), CANARY])
    assert found == ([("pillow", "12.0", "PYSEC-2")], [])


def test_an_audit_that_finds_nothing_is_clean(audit):
    assert audit.judge([_answer(("pillow", "13.0", [])), _answer(), CANARY]) == ([], [])


@pytest.mark.parametrize(
    "last",
    [
        None,
        _answer(("django", "3.2", [])),
        {"dependencies": [{"name": "django", "skip_reason": "not found on PyPI"}]},
    ],
    ids=["no answer", "a service that knows no hole", "an index that knows no package"],
)
def test_an_audit_without_a_service_is_not_taken_for_a_clean_one(audit, last):
    assert audit.judge([_answer(("pillow", "12.0", [])), _answer(), last]) is None


@pytest.mark.parametrize(("required_here", "status"), [("", 0), ("1", 1)])
def test_an_audit_without_a_service_says_so(audit, monkeypatch, capsys, required_here, status):
    monkeypatch.setattr(audit, "_ask", lambda *arguments: None)
    monkeypatch.setenv("REQUIRE_AUDIT", required_here)
    assert audit.main() == status
    assert capsys.readouterr().out == "pip-audit: left out, no vulnerability service reachable\n"


def test_a_package_the_service_does_not_know_fails_the_audit(audit, monkeypatch, capsys):
    unknown = {"dependencies": [{"name": "pillow", "skip_reason": "not found"}]}
    answers = iter([_answer(), unknown, CANARY])
    monkeypatch.setattr(audit, "_ask", lambda *arguments: next(answers))
    assert audit.main() == 1
    assert capsys.readouterr().out == "Not known to the service: pillow.\n"


def test_what_is_accepted_has_a_reason_and_every_exception_of_bandit_too(audit):
    assert all(reason.strip() for reason in audit.accepted().values())
    text = (ROOT / "pyproject.toml").read_text()
    skips = text.partition("skips = [")[2].partition("]")[0]
    lines = [line.strip() for line in skips.splitlines() if line.strip()]
    assert lines
    assert all(line.partition("# ")[2] for line in lines), lines
