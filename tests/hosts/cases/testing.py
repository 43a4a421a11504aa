"""The host's own tests, with the test kit: the page about them under the runners that hosts use."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.hosts.host import ROOT, Host
from tests.hosts.texts import blocks

FILES = dict(blocks("docs/testing.md"))

# What pip would have installed beside the library, for pytest to find the plugin by.
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_POINTS = _PROJECT["entry-points"]["pytest11"].items()
_ENTRY_POINTS = "".join(f"{name} = {value}\n" for name, value in _POINTS)
INSTALLED = {
    "django_apikeys-0.dist-info/METADATA": "Name: django-apikeys\nVersion: 0\n",
    "django_apikeys-0.dist-info/entry_points.txt": f"[pytest11]\n{_ENTRY_POINTS}",
}
CONFIG = """
[pytest]
DJANGO_SETTINGS_MODULE = mysite.settings
asyncio_default_fixture_loop_scope = function
filterwarnings =
    error
    ignore:Unknown config option
"""
CLASSES = """
from django.test import TestCase, TransactionTestCase

from apikeys.testing import (
    APITokenClient, IsolatedMixin, make_token, recorded_uses, token_client,
)


class WithRows(IsolatedMixin, TestCase):
    client_class = APITokenClient

    @classmethod
    def setUpTestData(cls):
        cls.made = [make_token("notes:read", saved=saved) for saved in (True, False)]

    def test_tokens_of_the_class_are_known_to_each_test(self):
        for made in self.made:
            self.assertEqual(APITokenClient(made).get("/notes").status_code, 200)
            self.assertEqual(recorded_uses(made), {"success": 1})

    test_and_their_use_is_counted_for_each = test_tokens_of_the_class_are_known_to_each_test

    def test_a_client_of_the_class_sends_none(self):
        self.assertEqual(self.client.get("/notes").json()["error"], "api_key.missing")


class WithTransactions(IsolatedMixin, TransactionTestCase):
    def test_use_is_written(self):
        client = token_client("notes:read", saved=True)
        self.assertEqual(client.get("/notes").status_code, 200)
        self.assertEqual(recorded_uses(client.token), {"success": 1})
"""
ASYNC = """
import urllib.request

import pytest
from asgiref.sync import sync_to_async
from django.http import JsonResponse
from django.urls import path

from apikeys.decorators import access_token_required
from mysite.urls import urlpatterns as theirs


@access_token_required("notes:read")
async def workspace(request):
    return JsonResponse({"workspace": request.auth.workspace.slug})


urlpatterns = [*theirs, path("workspace", workspace)]
pytestmark = pytest.mark.urls(__name__)


@pytest.mark.asyncio
@pytest.mark.parametrize("where", ["/workspace", "/notes"])
async def test_a_token_without_a_row_needs_no_database(apikeys_async_client, where):
    response = await apikeys_async_client("notes:read").get(where)
    assert response.json()["workspace"] == "production"
    assert (await apikeys_async_client("notes:write").get(where)).status_code == 403


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_one_with_a_row_is_found_too(apikeys_async_client):
    client = await sync_to_async(apikeys_async_client)("notes:read", saved=True)
    assert (await client.get("/workspace")).status_code == 200


def test_a_live_server_knows_tokens_without_rows(live_server, apikeys_token, settings):
    settings.APIKEYS = {**settings.APIKEYS, "REQUIRE_HTTPS": False}
    headers = apikeys_token("notes:read").headers
    request = urllib.request.Request(f"{live_server.url}/notes", headers=headers)
    with urllib.request.urlopen(request) as response:
        assert response.status == 200
"""
WITHOUT_DJANGO = """
import sys


def test_nothing_but_the_plugin_was_imported():
    ours = {name for name in sys.modules if name.partition(".")[0] in ("apikeys", "django")}
    assert ours == {"apikeys", "apikeys.pytest_plugin"}
"""
ELSEWHERE = {"elsewhere/test_it.py": WITHOUT_DJANGO, "elsewhere/pytest.ini": "[pytest]"}
CLASS_TESTS = 4


def _runs(*options: str, tests: int, folder: str = "") -> Callable[[Any], None]:
    def steps(visit: Any) -> None:
        said = _python(visit, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, at=folder)
        assert re.search(rf"^{tests} passed(, \d+ warnings?)? in ", said, re.M), said[-4000:]

    return steps


def _runs_djangos_runner(visit: Any) -> None:
    said = _python(visit, "manage.py", "test", "test_notes_by_class", "test_classes")
    assert f"Ran {CLASS_TESTS + 2} tests" in said, said[-4000:]
    assert "\nOK" in said, said[-4000:]


def _python(visit: Any, *arguments: str, at: str = "") -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=Path(visit.folder) / at,
        env={**os.environ, "PYTHONPATH": f"{visit.folder}:{os.environ['PYTHONPATH']}"},
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


def _host(name: str, steps: Callable[[Any], None], *packages: str) -> Host:
    files = {**FILES, **INSTALLED, "pytest.ini": CONFIG, "test_classes.py": CLASSES}
    if "pytest-asyncio" in packages:
        files["test_async.py"] = ASYNC
    return Host(name=name, files=files, packages=packages, steps=steps, runs=False)


PLUGINS = ("-p", "no:randomly", "-p", "no:xdist", "-p", "no:asyncio")
WRITTEN = sum(text.count("def test_") for text in FILES.values()) + CLASS_TESTS
HOSTS = [
    _host("Tests under Django's runner", _runs_djangos_runner),
    _host("Tests under pytest-django", _runs(*PLUGINS, tests=WRITTEN), "pytest", "pytest-django"),
    _host(
        "Tests under pytest-django, reusing the database",
        _runs(*PLUGINS, "--reuse-db", tests=WRITTEN),
        "pytest",
        "pytest-django",
    ),
    _host(
        "Tests in random order, with asyncio, by two workers",
        _runs("-n", "2", tests=WRITTEN + 4),
        *("pytest", "pytest-django", "pytest-asyncio", "pytest-randomly", "pytest-xdist"),
    ),
    Host(
        name="A project without Django, tested beside the plugin",
        files={**INSTALLED, **ELSEWHERE},
        packages=("pytest",),
        steps=_runs("-p", "no:django", "-p", "no:randomly", tests=1, folder="elsewhere"),
        runs=False,
    ),
]
