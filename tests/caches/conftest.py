"""A cache in front of gunicorn, each started once: Varnish as it comes, nginx told to keep all."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.listening import free_port, wait_for_port
from tests.systems import server as servers
from tests.systems.server import Server

NGINX = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  proxy_cache_path {folder}/cache keys_zone=answers:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{behind};
      proxy_set_header Host $http_host;
      proxy_cache answers;
      proxy_cache_valid any 10m;
      add_header X-Cache $upstream_cache_status always;
    }}
  }}
}}
"""


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def _varnish(program: str, folder: Path, port: int, behind: int) -> list[str]:
    return [
        *(program, "-F", "-j", "none", "-n", str(folder / "v")),
        *("-a", f"127.0.0.1:{port}", "-b", f"127.0.0.1:{behind}", "-s", "malloc,16m"),
    ]


def _nginx(program: str, folder: Path, port: int, behind: int) -> list[str]:
    user = "user root;" if os.geteuid() == 0 else ""
    text = NGINX.format(user=user, folder=folder, port=port, behind=behind)
    (folder / "nginx.conf").write_text(text)
    return [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]


PROGRAMS = {"varnish": ("varnishd", _varnish), "nginx": ("nginx", _nginx)}


@pytest.fixture(scope="session")
def behind(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The server that the caches ask."""
    folder = tmp_path_factory.mktemp("behind")
    server = servers.start(folder, DJANGO_SETTINGS_MODULE="tests.caches.settings")
    yield server
    server.stop()
    with django_db_blocker.unblock():
        servers.hang_up()


class Cached(requests.Session):
    """A client of a cache."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.trust_env = False

    def ask(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        return self.get(self.base + path, headers=headers, timeout=60)


def is_hit(response: requests.Response) -> bool:
    """Whether the cache answered by itself: nginx is told to say so, Varnish names two requests."""
    names = response.headers.get("X-Varnish", "").split()
    return response.headers.get("X-Cache") == "HIT" or len(names) == 2


@pytest.fixture(scope="session", params=PROGRAMS)
def cached(request: pytest.FixtureRequest, behind: Server) -> Iterator[Cached]:
    """A client of Varnish, and one of nginx, in front of the server."""
    name, command = PROGRAMS[request.param]
    program = _program(name)
    if program is None:
        pytest.skip(f"{request.param} is not installed")
    # Not in pytest's own folder: Varnish makes a socket there, whose path may not be long.
    with tempfile.TemporaryDirectory(prefix="apikeys-") as found, Cached("") as client:
        folder, port = Path(found), free_port()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command(program, folder, port, behind.port), stdout=log, stderr=log
            )
        try:
            wait_for_port(process, port, folder / "log")
            client.base = f"http://127.0.0.1:{port}"
            yield client
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.fixture
def fresh() -> Callable[[str], str]:
    """Make an address that no cache has seen: what one test leaves is not what another finds."""

    def make(path: str) -> str:
        return f"{path}?test={time.monotonic_ns()}"

    return make
