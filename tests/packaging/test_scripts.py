"""`scripts/demo` as somebody with a fresh clone runs it: real processes, a real port, real HTTP."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.listening import free_port, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.once]

ROOT = Path(__file__).resolve().parents[2]
NOTES = "/api/demo/notes"


def clone(folder, *, venv=True):
    """Copy what a clone would hold; the installed packages are borrowed, to save minutes."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    if venv:
        (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def surroundings(**variables):
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}


class Demo:
    """A running `scripts/demo`."""

    def __init__(self, folder, **variables):
        self.folder = folder
        self.port = int(variables.setdefault("PORT", str(free_port())))
        self.environment = surroundings(**variables)
        self.errors = (folder / "demo-errors.txt").open("w+")
        self.process = subprocess.Popen(
            ["scripts/demo"],
            cwd=folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            start_new_session=True,
        )
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if "Serving on" in line:
                break
        self.said = "".join(lines)
        wait_until(lambda: self.request("GET", "/"), self.process, folder / "demo-errors.txt")

    def complaints(self):
        self.errors.flush()
        self.errors.seek(0)
        return self.errors.read()

    def request(self, method, path, headers=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, dict(response.headers), response.read().decode()
        finally:
            connection.close()

    @property
    def key(self):
        return re.search(r"X-API-Key: ([A-Za-z0-9_]+)", self.said)[1]

    @property
    def password(self):
        return re.search(r"(?m)^ +Password +(.+)$", self.said)[1]

    def manage(self, *arguments):
        result = subprocess.run(
            [".venv/bin/python", "manage.py", *arguments],
            cwd=self.folder,
            env=surroundings(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def stop(self, number):
        """Signal the foreground group as a terminal does; return the exit status."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        status = self.process.wait(timeout=15)
        self.process.stdout.close()
        return status


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return clone(tmp_path_factory.mktemp("clone"))


@pytest.fixture(scope="module")
def demo(folder):
    demo = Demo(folder)
    yield demo
    demo.stop(signal.SIGTERM)
    demo.errors.close()


@pytest.fixture
def start(tmp_path):
    """Start demos of this test's own clone, and stop what the test left running."""
    running = []
    clone(tmp_path)

    def begin(**variables):
        running.append(Demo(tmp_path, **variables))
        return running[-1]

    yield begin
    for demo in running:
        demo.stop(signal.SIGTERM)
        demo.errors.close()


def refused(folder, **variables):
    """Run a demo that cannot start; return its one line."""
    result = subprocess.run(
        ["scripts/demo"],
        cwd=folder,
        env=surroundings(PORT=str(free_port())) | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode not in {0, -signal.SIGKILL}
    assert "Serving" not in result.stdout
    [line] = result.stderr.splitlines()
    return line


def test_the_printed_command_works_as_it_is(demo):
    [command] = re.findall(r"(?m)^ +(curl .+)$", demo.said)
    name, flag, header, url = shlex.split(command)
    assert (name, flag) == ("curl", "-H")
    assert url == f"http://127.0.0.1:{demo.port}{NOTES}"
    field, _, value = header.partition(": ")
    status, headers, body = demo.request("GET", NOTES, {field: value})
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    texts = [note["text"] for note in json.loads(body)["results"]]
    assert "Order 1042 was shipped" in texts
    if shutil.which("curl"):
        run = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True)
        assert json.loads(run.stdout) == json.loads(body)


def test_a_token_made_on_the_command_line_works_until_it_is_revoked(demo):
    made = json.loads(
        demo.manage(
            *("create_token", "--workspace", "acme/production", "--name", "from the shell"),
            *("--scope", "notes:read", "--json"),
        )
    )
    basic = base64.b64encode(f"{made['token_id']}:{made['secret']}".encode()).decode()
    ways = (
        {"x-api-key": made["api_key"]},
        {"Authorization": f"Bearer {made['api_key']}"},
        {"Authorization": f"Basic {basic}"},
    )
    whoami = [demo.request("GET", "/api/demo/whoami", way) for way in ways]
    assert [status for status, _, _ in whoami] == [200, 200, 200]
    assert {json.loads(body)["token_id"] for _, _, body in whoami} == {made["token_id"]}
    assert demo.request("GET", NOTES)[0] == 401
    status, _, body = demo.request(
        "POST", NOTES, {**ways[0], "Content-Type": "application/json"}, '{"text": "no"}'
    )
    assert status == 403
    assert "notes:write" in body

    demo.manage("revoke_token", made["token_id"])
    assert [demo.request("GET", NOTES, way)[0] for way in ways] == [401, 401, 401]


def test_a_development_key_sees_no_production_note(demo):
    made = json.loads(
        demo.manage(
            *("create_token", "--workspace", "acme/development", "--name", "elsewhere"),
            *("--scope", "notes:read", "--json"),
        )
    )
    production = json.loads(demo.request("GET", NOTES, {"X-API-Key": demo.key})[2])["results"]
    development = json.loads(demo.request("GET", NOTES, {"X-API-Key": made["api_key"]})[2])
    assert {note["id"] for note in production} & {n["id"] for n in development["results"]} == set()
    foreign = f"{NOTES}/{production[0]['id']}"
    assert demo.request("GET", foreign, {"X-API-Key": demo.key})[0] == 200
    assert demo.request("GET", foreign, {"X-API-Key": made["api_key"]})[0] == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": "x" * 1_000_000},
        {"Authorization": "Bearer " + "x" * 1_000_000},
        {"Authorization": "Basic " + "A" * 7_000},
        {"X-API-Key": "\x00"},
        {"X-API-Key": "🔑".encode()},
        {"Authorization": b"Basic \xff\xfe"},
        {"Authorization": "Basic %%%"},
        {"X-API-Key": "a", "Authorization": "Bearer b"},
    ],
    ids=["megabyte", "megabyte-bearer", "long", "nul", "emoji", "bytes", "base64", "two"],
)
def test_junk_is_a_4xx_of_the_server(demo, headers):
    try:
        status, _, _ = demo.request("GET", NOTES, headers)
    except (BrokenPipeError, ConnectionResetError):
        # The server answered and closed before the whole header was sent.
        status = read_answer_to_a_long_header(demo, headers)
    assert 400 <= status < 500
    assert demo.request("GET", NOTES, {"X-API-Key": demo.key})[0] == 200


def test_a_header_with_underscores_is_no_key_and_stands_in_for_none(demo):
    assert demo.request("GET", NOTES, {"X_API_Key": demo.key})[0] == 401
    both = {"X_API_Key": "junk", "X-API-Key": demo.key}
    assert demo.request("GET", NOTES, both)[0] == 200


def read_answer_to_a_long_header(demo, headers):
    """Send as much as the server takes, then read what it said."""
    [(name, value)] = headers.items()
    with socket.create_connection(("127.0.0.1", demo.port), timeout=10) as connection:
        connection.sendall(f"GET {NOTES} HTTP/1.1\r\nHost: 127.0.0.1\r\n{name}: ".encode())
        connection.sendall(value[:20_000].encode())
        return int(connection.recv(4096).split()[1])


def test_pages_are_served_with_production_settings(demo):
    status, _, page = demo.request("GET", "/")
    assert status == 200
    [style] = re.findall(r'href="(/static/apikeys_dashboard/dashboard\.[0-9a-f]{12}\.css)"', page)
    status, headers, _ = demo.request("GET", style)
    assert status == 200
    assert "immutable" in headers["Cache-Control"]
    status, _, page = demo.request("GET", "/nowhere")
    assert status == 404
    assert "There is nothing at this address." in page


def test_the_printed_user_logs_in(demo):
    status, headers, page = demo.request("GET", "/accounts/login/")
    assert status == 200
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    cookie = headers["Set-Cookie"].partition(";")[0]
    body = f"csrfmiddlewaretoken={token}&username=ADMIN@example.com&password={demo.password}"
    status, headers, _ = demo.request(
        "POST",
        "/accounts/login/",
        {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"},
        body,
    )
    assert status == 302
    assert headers["Location"] == "/"


def test_the_secrets_file_is_for_its_owner_alone(demo):
    file = demo.folder / ".env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    names = re.findall(r"(?m)^([A-Z_]+)=", file.read_text())
    assert names == ["SECRET_KEY", "PEPPERS", "DATABASE_URL", "HTTPS"]


def test_ctrl_c_stops_it_cleanly_and_a_second_start_keeps_the_data(start):
    first = start()
    key = {"X-API-Key": first.key}
    added = {**key, "Content-Type": "application/json"}
    assert first.request("POST", NOTES, added, '{"text": "kept"}')[0] == 201
    count = json.loads(first.request("GET", NOTES, key)[2])["count"]
    written = (first.folder / ".env").read_text()
    assert first.stop(signal.SIGINT) == 0
    assert "Traceback" not in first.complaints()
    with pytest.raises(ConnectionRefusedError):
        first.request("GET", "/")

    second = start()
    assert (second.folder / ".env").read_text() == written
    assert second.key != first.key
    assert second.password.startswith("as printed at the first start")
    assert first.password not in second.said
    for known in (first.key, second.key):
        status, _, body = second.request("GET", NOTES, {"X-API-Key": known})
        assert status == 200
        assert json.loads(body)["count"] == count


def test_sigterm_stops_it_cleanly(start):
    demo = start()
    assert demo.stop(signal.SIGTERM) == 0
    assert "Traceback" not in demo.complaints()


def test_the_password_can_be_chosen_at_any_start(start):
    first = start(DEMO_PASSWORD="chosen-at-first")
    assert first.password == "chosen-at-first"
    first.stop(signal.SIGINT)
    second = start(DEMO_PASSWORD="chosen-later")
    assert second.password == "chosen-later"
    check = (
        "from django.contrib.auth import authenticate as a;"
        "print([bool(a(username='admin@example.com', password=p))"
        " for p in ('chosen-at-first', 'chosen-later')])"
    )
    assert second.manage("shell", "-v", "0", "-c", check).strip() == "[False, True]"


def test_with_https_on_a_key_over_plain_http_is_refused(start):
    demo = start(HTTPS="on")
    key = {"X-API-Key": demo.key}
    spoofed = {**key, "X-Forwarded-Proto": "https"}
    for headers in (key, spoofed):
        status, answered, _ = demo.request("GET", NOTES, headers)
        assert status == 403
        assert "Location" not in answered
    demo.stop(signal.SIGINT)

    proxied = start(HTTPS="on", TRUSTED_PROXIES="127.0.0.1/32")
    assert proxied.request("GET", NOTES, key)[0] == 403
    assert proxied.request("GET", NOTES, spoofed)[0] == 200


def test_a_busy_port_is_one_line(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused(folder, PORT=str(port))
    assert line == (
        f"demo: cannot listen on 127.0.0.1 port {port} (address already in use);"
        " choose another with PORT=…"
    )


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_a_port_that_is_none_is_one_line(folder, port):
    assert refused(folder, PORT=port) == (
        f"demo: PORT must be a whole number from 1 to 65535, not '{port}'."
    )


def test_an_unreachable_database_is_one_line(folder):
    url = f"postgres://nobody:verysecret@127.0.0.1:{free_port()}/nothing"
    line = refused(folder, DATABASE_URL=url)
    assert line.startswith("demo: the database of DATABASE_URL cannot be reached: ")
    assert "verysecret" not in line


def test_a_database_file_that_cannot_be_made_is_one_line(folder):
    line = refused(folder, DATABASE_URL="sqlite:////nowhere/at/all.sqlite3")
    assert line.startswith("demo: the database of DATABASE_URL cannot be reached: ")


def test_plain_http_to_others_is_one_line(folder):
    line = refused(folder, HOST="0.0.0.0", HTTPS="off")
    assert line.startswith("demo: HTTPS=off sends keys in the clear")
    assert "ALLOW_PLAIN_HTTP=1" in line


def test_unreadable_peppers_are_one_line_that_does_not_repeat_them(folder):
    line = refused(folder, PEPPERS="verysecret")
    assert line.startswith("demo: PEPPERS")
    assert "verysecret" not in line


@pytest.mark.parametrize("script", ["demo", "test", "check", "fuzz"])
def test_too_old_a_python_is_one_line(tmp_path, script):
    folder = clone(tmp_path / "clone", venv=False)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "cat", "dirname", "env"):
        (programs / name).symlink_to(shutil.which(name))
    old = programs / "python3"
    # What 3.10 would do with the question for its version.
    old.write_text("#!/bin/sh\nexit 1\n".replace("/bin/sh", shutil.which("sh")))
    old.chmod(0o755)
    result = subprocess.run(
        [f"scripts/{script}"],
        cwd=folder,
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    [line] = result.stderr.splitlines()
    assert line.startswith(f"{script}: Python 3.11 or later is needed")
    assert not (folder / ".venv").exists()
