"""A real server whose database hangs: it says so in time, and serves what needs no database."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from apikeys.limits import Charge, Limit, Limiter
from tests.limits.test_limits_redis import Gate
from tests.support.listening import free_port
from tests.support.postgres_server import Cluster, cluster, needs_postgres_binaries
from tests.support.redis_server import allowed
from tests.systems import server as servers

pytestmark = [pytest.mark.slow, pytest.mark.project]

CLIENTS = 12  # on the server's eight threads
DEADLINE = 3.0
LATE = 3.0  # a busy machine
HANGS = 8.0
PASSWORD = "correct horse battery staple"


class Demo:
    """A database of its own with alice, Acme and a key in it."""

    def __init__(self, own: Cluster) -> None:
        self.cluster = own
        self.manage("migrate", "--no-input")
        self.manage("createsuperuser", "--no-input", "--email=alice@example.org", PASSWORD=PASSWORD)
        self.manage("create_organization", "Acme", "--admin", "alice@example.org")
        token = ("--workspace", "acme/production", "--name", "Hanging", "--scope", "notes:read")
        self.key = json.loads(self.manage("create_token", *token, "--json"))["api_key"]

    def manage(self, *arguments: str, PASSWORD: str = "") -> str:  # noqa: N803
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.systems.server_settings",
            "ENV_FILE": "",
            "DATABASE_URL": self.cluster.url,
            "DATABASE_DEADLINE": "60",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        }
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=servers.ROOT, env=environment, check=True, capture_output=True, text=True
        ).stdout


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with cluster() as own:
        yield Demo(own)


@pytest.fixture
def gate(demo: Demo) -> Iterator[Gate]:
    found = Gate(("127.0.0.1", demo.cluster.port))
    found.open()
    yield found
    found.close()


@pytest.fixture
def server(demo: Demo, gate: Gate, tmp_path: Path) -> Iterator[servers.Server]:
    found = servers.start(
        tmp_path, workers=1, DATABASE_URL=demo.cluster.url_at(gate.port), REDIS_URL=""
    )
    yield found
    demo.cluster.wake()
    gate.flowing.set()
    found.stop()


class Visitor:
    """Asks for one thing again and again on a thread of its own, and notes every answer."""

    def __init__(self, server: servers.Server, path: str, **headers: str) -> None:
        self.server, self.path, self.headers = server, path, headers
        self.answers: list[tuple[float, float, Any]] = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        while not self.over.is_set():
            began = time.monotonic()
            answer = get(self.server, self.path, self.headers)
            self.answers.append((began, time.monotonic() - began, answer))
            self.over.wait(0.05)

    def stop(self) -> None:
        self.over.set()
        self.thread.join()

    def between(self, first: float, last: float) -> list[tuple[float, float, Any]]:
        return [answer for answer in self.answers if first <= answer[0] < last]


def get(
    server: servers.Server, path: str, headers: dict[str, str]
) -> tuple[int, str | None, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers["Retry-After"], response.read()
    finally:
        connection.close()


def hang(how: str, demo: Demo, gate: Gate) -> None:
    demo.cluster.hang() if how == "stopped" else gate.flowing.clear()


def wake(how: str, demo: Demo, gate: Gate) -> None:
    demo.cluster.wake() if how == "stopped" else gate.flowing.set()


@pytest.mark.postgres
@needs_postgres_binaries
@pytest.mark.parametrize("how", ["stopped", "dropped"])
def test_a_database_that_hangs_costs_keys_a_503_in_time_and_other_pages_nothing(
    how: str, demo: Demo, gate: Gate, server: servers.Server
) -> None:
    keys = [Visitor(server, "/access/v1/token", **{"X-API-Key": demo.key}) for _ in range(CLIENTS)]
    log_in = Visitor(server, "/accounts/login/")
    static = Visitor(server, "/static/apikeys_dashboard/dashboard.css")
    everybody = [*keys, log_in, static]
    try:
        await_all(everybody, 200)
        hung_at = time.monotonic()
        hang(how, demo, gate)
        time.sleep(HANGS)
        woken_at = time.monotonic()
        wake(how, demo, gate)
        await_all(everybody, 200)
        assert time.monotonic() - woken_at < 5 + LATE
    finally:
        wake(how, demo, gate)
        for visitor in everybody:
            visitor.stop()

    hung = [answer for key in keys for answer in key.between(hung_at + 0.2, woken_at - DEADLINE)]
    assert {status for _, _, (status, _, _) in hung} == {503}
    for _, _, (_, retry_after, body) in hung:
        assert (retry_after, json.loads(body)["error"]) == ("5", "service.unavailable")
    # One may wait for a thread while others meet the silence, and then try the server itself.
    assert max(seconds for _, seconds, _ in hung) < 2 * DEADLINE + LATE
    # Once the silence is known, nearly everybody is answered at once.
    known = [s for key in keys for _, s, _ in key.between(hung_at + DEADLINE + 1, woken_at - 1)]
    assert len(known) > 10 * CLIENTS
    assert sorted(known)[len(known) * 9 // 10] < 1.0
    for visitor in (log_in, static):
        answered = visitor.between(hung_at, woken_at)
        assert {status for _, _, (status, _, _) in answered} == {200}
        assert max(seconds for _, seconds, _ in answered) < DEADLINE + LATE
        assert len(visitor.between(hung_at + DEADLINE + 1, woken_at)) > 10


def await_all(visitors: list[Visitor], status: int) -> None:
    """Wait until each has had an answer of that status that it asked for from now on."""
    began = time.monotonic()
    while not all(
        any(answer[0] == status for _, _, answer in visitor.between(began, began + 60))
        for visitor in visitors
    ):
        assert time.monotonic() - began < 60, "not everybody is answered"
        time.sleep(0.05)


@pytest.mark.postgres
@needs_postgres_binaries
def test_a_page_of_somebody_logged_in_is_503_in_time(
    demo: Demo, gate: Gate, server: servers.Server
) -> None:
    cookie = {"Cookie": f"sessionid={log_in(server)}"}
    assert get(server, "/dashboard/", cookie)[0] in (200, 302)
    gate.flowing.clear()
    for path in ("/dashboard/", "/accounts/login/", "/admin/"):
        began = time.monotonic()
        status, retry_after, _ = get(server, path, cookie)
        assert (status, retry_after) == (503, "5")
        assert time.monotonic() - began < DEADLINE + LATE
    gate.flowing.set()
    end = time.monotonic() + 5 + LATE
    while get(server, "/dashboard/", cookie)[0] == 503:
        assert time.monotonic() < end
        time.sleep(0.05)


def log_in(server: servers.Server) -> str:
    """Return the session's id."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/accounts/login/")
    page = connection.getresponse()
    body = page.read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', body)
    assert token is not None
    csrf = page.headers["Set-Cookie"].split(";")[0]
    fields = {"csrfmiddlewaretoken": token[1], "username": "alice@example.org"}
    form = urlencode({**fields, "password": PASSWORD})
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": csrf,
        "Origin": server.url,
    }
    connection.request("POST", "/accounts/login/", form, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 302
    cookies = answer.headers.get_all("Set-Cookie") or []
    return next(c for c in cookies if c.startswith("sessionid=")).split(";")[0].partition("=")[2]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/accounts/login/", "/static/apikeys_dashboard/dashboard.css"])
def test_what_needs_no_database_asks_none(
    client: Any, path: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        answer = client.get(path)
    assert answer.status_code == 200
    answer.close()


# Redis


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The port and the process of a Redis of the test's own."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server here to stop")
    port = free_port()
    command = [binary, "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen([*command, "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL)
    yield port, process
    process.send_signal(signal.SIGCONT)
    process.terminate()
    process.wait(timeout=30)


@pytest.mark.redis
@pytest.mark.parametrize("rolling", [False, True], ids=["fixed", "rolling"])
def test_a_redis_that_is_stopped_costs_a_limit_its_time_out_and_no_more(
    redis: tuple[int, subprocess.Popen[bytes]], rolling: bool
) -> None:
    port, process = redis
    found = Limiter(f"redis://127.0.0.1:{port}/0")
    charge = Charge(Limit("10/hour", rolling=rolling), "k")
    end = time.monotonic() + 30
    while found.peek([charge]) and found.degraded:
        assert time.monotonic() < end, "Redis does not start"
        time.sleep(0.05)
    assert allowed(found, charge, 4) == 4
    assert not found.degraded
    process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    assert allowed(found, charge, 50) == 10  # counted by this process
    assert time.monotonic() - began < LATE
    assert found.degraded
    process.send_signal(signal.SIGCONT)
    while found.degraded:
        assert time.monotonic() < end + 30, "Redis is not found again"
        assert allowed(found, charge, 1) in (0, 1)
        time.sleep(0.05)
    assert found.peek([charge])[0].remaining <= 6
