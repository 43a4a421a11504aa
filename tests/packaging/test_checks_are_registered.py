"""A fresh process of `manage.py check` says what is wrong: tests import the checks themselves."""

from __future__ import annotations

import subprocess
import sys

SETTINGS = """
SECRET_KEY = "x" * 60
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
    "django_filters",
    "apikeys",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "host"
APIKEYS = {"SCOPES": {"notes:read": "Read notes"}}
urlpatterns = []
"""
VIEW = """
from django.urls import path
from apikeys.decorators import access_token_required

@access_token_required("notes:misspelt")
def notes(request): ...

urlpatterns = [path("notes", notes)]
"""


def test_a_fresh_process_runs_our_checks(tmp_path):
    (tmp_path / "host_settings.py").write_text(SETTINGS)
    (tmp_path / "host.py").write_text(VIEW)
    found = subprocess.run(
        [sys.executable, "-m", "django", "check", "--settings=host_settings"],
        env={"PYTHONPATH": f"{tmp_path}:{':'.join(filter(None, sys.path))}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = found.stdout + found.stderr
    assert "apikeys.E010" in said  # the middleware is missing
    assert "apikeys.W021" in said  # a scope that the dialect does not have
    assert "host.notes (any method /notes) needs notes:misspelt" in said
