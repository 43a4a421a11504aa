"""A host of its own under uvicorn: its views take keys, and what was counted outlives a stop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.listening import free_port

pytestmark = [pytest.mark.slow, pytest.mark.once]

SETTINGS = """
from pathlib import Path

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
MIDDLEWARE = ["apikeys.middleware.AccessTokenMiddleware"]
REST_FRAMEWORK = {"EXCEPTION_HANDLER": "apikeys.exceptions.exception_handler"}
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(__file__).with_name("db.sqlite3"),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "host"
ALLOWED_HOSTS = ["127.0.0.1"]
APIKEYS = {
    "SCOPES": {"notes:read": "Read notes"},
    "PEPPERS": {1: "a" * 64},
    "REQUIRE_HTTPS": False,
    "CACHE": "host",
    "FLUSH_SECONDS": 3600,
}
"""
HOST = """
from django.http import JsonResponse
from django.urls import path

from apikeys.decorators import access_token_required


@access_token_required("notes:read")
async def notes(request):
    return JsonResponse({"token": request.auth.token_id})


urlpatterns = [path("notes", notes)]
"""
ASGI = """
from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from apikeys.asgi import with_lifespan

application = with_lifespan(django_application)
"""
COUNTED = """
from apikeys.models import RefusalCounter, UsageCounter
print(sum(row.count for row in UsageCounter.objects.all()), RefusalCounter.objects.count())
"""


class Host:
    """A project of a host's own, with one token."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in {"host_settings": SETTINGS, "host": HOST, "asgi": ASGI}.items():
            (folder / f"{name}.py").write_text(text)
        self.run("migrate", "--verbosity", "0")
        people = "from django.contrib.auth.models import User; User.objects.create_user('alice')"
        self.run("shell", "--no-imports", "-c", people)
        self.run("create_organization", "Acme", "--admin", "alice")
        workspace = ("--workspace", "acme/development", "--name", "One", "--scope", "notes:read")
        self.key = json.loads(self.run("create_token", *workspace, "--json"))["api_key"]

    @property
    def environment(self) -> dict[str, str]:
        path = ":".join([str(self.folder), *filter(None, sys.path)])
        return {**os.environ, "PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "host_settings"}

    def run(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "django", *arguments],
            cwd=self.folder,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def counted(self) -> str:
        return self.run("shell", "--no-imports", "-c", COUNTED).strip()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    return Host(tmp_path_factory.mktemp("host"))


@pytest.fixture
def uvicorn(host: Host) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "asgi:application", "--port", str(port)]
    with (host.folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=host.folder, env=host.environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield process, port
    finally:
        process.terminate()
        process.wait(timeout=30)


def ask(port: int, key: str | None) -> tuple[int, Any]:
    """Ask as soon as the server answers."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/notes", headers={"X-API-Key": key} if key else {}
    )
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read())
        except urllib.error.URLError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_what_was_counted_is_written_when_uvicorn_is_stopped(
    host: Host, uvicorn: tuple[subprocess.Popen[bytes], int]
) -> None:
    process, port = uvicorn
    assert ask(port, None) == (401, {**ask(port, None)[1], "error": "api_key.missing"})
    for _ in range(3):
        status, body = ask(port, host.key)
        assert (status, body["token"] in host.key) == (200, True)
    assert host.counted() == "0 0"
    process.terminate()
    process.wait(timeout=30)
    assert host.counted() == "3 1"
