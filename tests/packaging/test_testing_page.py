"""docs/testing.md tells the truth: its tests pass in the README's project, each by its runner."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from apikeys.testing import State
from tests.hosts.host import Host
from tests.hosts.project import make

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "testing.md").read_text()
FILES = dict(re.findall(r"^```python file=(\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
# The plugin by name, where no entry point has registered it.
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "apikeys.pytest_plugin")
STRICT = ("--ds=mysite.settings", "-W", "error", "-n", "0")


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    folder = tmp_path_factory.mktemp("host")
    make(Host(name="the page of tests", files=FILES), folder)
    return folder


def run(folder, *arguments):
    """Run Python in the project; return what it has printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.once
def test_its_tests_pass_under_pytest(host):
    written = sum(text.count("def test_") for text in FILES.values())
    assert written == 12
    assert f"{written} passed" in run(host, *PYTEST, *STRICT)


@pytest.mark.slow
@pytest.mark.once
def test_those_of_unittest_pass_under_djangos_runner(host):
    said = run(host, "manage.py", "test", "test_notes_by_class")
    assert "Ran 2 tests" in said
    assert "Creating test database" not in said


def test_it_names_every_state():
    table = PAGE.split("## States")[1].split("\n\n")[1]
    assert set(re.findall(r'`"(\w+)"`', table)) == set(State.__args__)
