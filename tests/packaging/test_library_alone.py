"""The library stands without the demo: its own tests pass where `project` can't be imported."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Fast ones of every room: all others run with the demo alone, to save minutes.
CHOSEN = [
    "tests/access/test_anonymous_access.py",
    "tests/access/test_asgi_face.py",
    "tests/access/test_authentication.py",
    "tests/access/test_cache_headers.py",
    "tests/access/test_decorated_views.py",
    "tests/access/test_errors.py",
    "tests/access/test_graphql.py",
    "tests/access/test_middleware_under_asgi.py",
    "tests/access/test_scope_declarations.py",
    "tests/access/test_scopes_on_views.py",
    "tests/access/test_throttling.py",
    "tests/activity",
    "tests/credentials/test_carriers.py",
    "tests/credentials/test_credential_grammar.py",
    "tests/credentials/test_key_shapes.py",
    "tests/limits/test_limits.py",
    "tests/limits/test_limits_clock.py",
    "tests/lookup",
    "tests/models/test_heirs.py",
    "tests/models/test_models.py",
    "tests/models/test_stores.py",
    "tests/queries/test_filters.py",
    "tests/queries/test_reports.py",
    "tests/services/test_accounts.py",
    "tests/services/test_creation_id.py",
    "tests/services/test_issuing.py",
    "tests/services/test_members.py",
    "tests/services/test_organizations.py",
    "tests/services/test_rotation.py",
    "tests/testing",
    "tests/verification/test_keeper.py",
    "tests/verification/test_replicas.py",
    "tests/verification/test_token_states.py",
    "tests/verification/test_verdicts.py",
    "tests/words/test_network_texts.py",
    "tests/words/test_scope_messages.py",
]
FEWEST = 900
MARKS = "not slow and not project and not postgres and not redis and not browser"


def run(*arguments, cwd=ROOT):
    """Run pytest with the settings of the library alone."""
    names = ("PATH", "HOME", "TMPDIR")
    surroundings = {name: os.environ[name] for name in names if name in os.environ}
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--ds=tests.settings.library", "-q", "-n", "0"),
            *("--no-cov", "-p", "no:cacheprovider", "-m", MARKS, *arguments),
        ],
        cwd=cwd,
        env={**surroundings, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
@pytest.mark.once
def test_its_own_tests_pass_where_the_demo_cannot_be_imported():
    done = run(*CHOSEN)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    (passed,) = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) >= FEWEST


@pytest.mark.slow
@pytest.mark.once
def test_a_test_that_imports_the_demo_fails_there(tmp_path):
    (tmp_path / "test_demo.py").write_text("def test_it():\n    import project.settings\n")
    done = run("--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), str(tmp_path))
    assert done.returncode == 1
    assert "'project' is not a package" in done.stdout
