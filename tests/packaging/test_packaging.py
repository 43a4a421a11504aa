"""What somebody who installs the library gets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [file] = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        yield archive


def tracked(*folders):
    listed = subprocess.run(
        ["git", "ls-files", "--", *folders], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(listed.stdout.splitlines())


def test_the_wheel_holds_the_packages_whole_and_nothing_else(wheel):
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    packages = {"apikeys", "apikeys_dashboard", "dashboard"}
    assert {name.partition("/")[0] for name in names} == packages
    assert tracked(*packages) - names == set()
    assert "apikeys/py.typed" in names


def test_the_wheel_names_what_it_needs(wheel):
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = Parser().parsestr(wheel.read(name).decode())
    assert metadata["Name"] == "django-apikeys"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"
    needed = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert sorted(Requirement(line).name for line in needed) == [
        "django",
        "django-filter",
        "djangorestframework",
        "limits",
    ]
    assert set(metadata.get_all("Provides-Extra")) == {"argon2", "redis", "openapi", "ninja"}


def test_the_wheel_tells_pytest_of_its_fixtures(wheel):
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt")]
    points = ConfigParser()
    points.read_string(wheel.read(name).decode())
    assert dict(points["pytest11"]) == {"apikeys.pytest_plugin": "apikeys.pytest_plugin"}


def test_the_project_installs_all_that_the_library_needs():
    """`requirements.txt` leaves out nothing that the wheel asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {line.partition(">")[0].lower() for line in project["dependencies"]}
    installed = {
        line.partition(">")[0].lower()
        for line in (ROOT / "requirements.txt").read_text().splitlines()
    }
    assert wanted - installed == set()


COLLECT = """
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

settings.configure(
    SECRET_KEY="x",
    USE_TZ=True,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.staticfiles",
        "rest_framework",
        "apikeys",
        sys.argv[2],
    ],
    STATIC_URL="static/",
    STATIC_ROOT=sys.argv[1],
    STORAGES={
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
        },
    },
)
django.setup()
call_command("collectstatic", verbosity=0, interactive=False)
print(Path(django.apps.apps.get_app_config("apikeys_dashboard").path).parent)
"""


@pytest.mark.parametrize("name", ["dashboard", "apikeys_dashboard"])
def test_its_static_files_are_collected_with_a_manifest(wheel, tmp_path, name):
    installed, project = tmp_path / "installed", tmp_path / "project"
    wheel.extractall(installed)
    project.mkdir()
    if name != "dashboard":
        (project / "dashboard.py").write_text("raise RuntimeError('of the project, not of ours')")
    collected = tmp_path / "collected"
    run = subprocess.run(
        [sys.executable, "-c", COLLECT, collected, name],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(installed)
    manifest = json.loads((collected / "staticfiles.json").read_text())["paths"]
    sources = ROOT / "dashboard" / "static"
    files = {str(file.relative_to(sources)) for file in sources.rglob("*") if file.is_file()}
    assert files - set(manifest) == set()
    assert all((collected / hashed).is_file() for hashed in manifest.values())
