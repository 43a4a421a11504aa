"""Each proxy that is installed, in front of a server, with the lines that the documentation shows.

Clients come from 127.0.0.9, and the proxy asks from 127.0.0.1.
"""

from __future__ import annotations

import base64
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.servers.project import LOG_IN, PASSWORD, Site, ask
from tests.servers.proxies import PROXIES, Proxy
from tests.support.listening import free_port, wait_for_port

pytestmark = [pytest.mark.slow, pytest.mark.once]

CLIENT = "127.0.0.9"
SPOOFED = [
    ("X-Forwarded-For", "203.0.113.9"),
    ("X-Forwarded-Proto", "https"),
    ("Forwarded", "for=203.0.113.9;proto=https"),
    ("X-Real-IP", "203.0.113.9"),
    ("X_FORWARDED_FOR", "203.0.113.9"),
    ("X_FORWARDED_PROTO", "https"),
]


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 with its key."""
    folder = tmp_path_factory.mktemp("tls")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"]
    places = ["-keyout", str(folder / "key"), "-out", str(folder / "certificate")]
    name = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, *places, *name], check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "certificate").read_text() + (folder / "key").read_text())
    return both


class Front:
    """A proxy that runs."""

    def __init__(self, port: int, tls: int) -> None:
        self.port, self.tls = port, tls

    def ask(self, *headers: tuple[str, str], tls: bool = False) -> tuple[int, Any]:
        return ask(self.connect(tls=tls), *headers)

    def connect(self, *, tls: bool) -> socket.socket:
        where = ("127.0.0.1", self.tls if tls else self.port)
        connection = socket.create_connection(where, timeout=30, source_address=(CLIENT, 0))
        if not tls:
            return connection
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(connection)

    def log_in(self, scheme: str) -> int:
        """Send the pages' own form as a browser does; return the status."""
        tls = scheme == "https"
        host = f"127.0.0.1:{self.tls if tls else self.port}"
        client = http.client.HTTPConnection("127.0.0.1")
        client.sock = self.connect(tls=tls)
        client.request("GET", LOG_IN, headers={"Host": host, "Connection": "close"})
        page = client.getresponse()
        [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
        client.close()
        headers = {
            "Host": host,
            "Origin": f"{scheme}://{host}",
            "Cookie": page.headers["Set-Cookie"].partition(";")[0],
            "Content-Type": "application/x-www-form-urlencoded",
            "Connection": "close",
        }
        fields = {"username": "alice", "password": PASSWORD, "csrfmiddlewaretoken": token}
        client.sock = self.connect(tls=tls)
        client.request("POST", LOG_IN, urlencode(fields), headers)
        try:
            return client.getresponse().status
        finally:
            client.close()


@contextmanager
def started(proxy: Proxy, program: str, behind: str, folder: Path, pem: Path) -> Iterator[Front]:
    host, _, number = behind.rpartition(":")
    places = {
        "folder": folder,
        "port": free_port(),
        "tls": free_port(),
        "pem": pem,
        "behind": behind,
        "host": host,
        "number": number,
        "config": folder / "config",
        "user": "user root;" if os.geteuid() == 0 else "",
    }
    lines = proxy.lines
    for name in ("host", "number"):
        lines = lines.replace(f"{{{name}}}", str(places[name]))
    (folder / "config").write_text(proxy.config.format(**places, lines=lines))
    folder.chmod(0o777)  # some go on as a user of their own
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *(word.format(**places) for word in proxy.arguments)],
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            stdout=log,
            stderr=log,
        )
    try:
        wait_for_port(process, places["port"], folder / "log")
        yield Front(places["port"], places["tls"])
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=30)


@pytest.mark.parametrize("proxy", PROXIES, ids=lambda proxy: proxy.name)
def test_address_scheme_and_keys_come_through(site: Site, pem: Path, proxy: Proxy) -> None:
    program = shutil.which(proxy.program, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip(f"{proxy.program} is not installed")
    # Not in pytest's own folder: the path of a socket may not be long.
    with tempfile.TemporaryDirectory(prefix="apikeys-") as made:
        folder = Path(made)
        at = proxy.socket.format(folder / "socket")
        with site.serve(proxy.server, at, TRUSTED_PROXIES=proxy.trusted) as server:
            behind = f"unix:{folder}/socket" if proxy.socket else f"127.0.0.1:{server.at}"
            with started(proxy, program, behind, folder, pem) as front:
                look(site, front, proxy)


def look(site: Site, front: Front, proxy: Proxy) -> None:
    key, other = site.keys["any"], site.keys["other"]
    pair = base64.b64encode(site.pairs["any"].encode()).decode()
    for carrier in (
        ("X-API-Key", key),
        ("Authorization", f"Bearer {key}"),
        ("Authorization", f"Basic {pair}"),
    ):
        for spoofed in ([], SPOOFED):
            status, seen = front.ask(carrier, *spoofed)
            assert (status, seen["address"], seen["secure"]) == (200, CLIENT, False)
            if proxy.tls:
                status, seen = front.ask(carrier, *spoofed, tls=True)
                assert (status, seen["address"], seen["secure"]) == (200, CLIENT, True)
    if proxy.tls:
        assert [front.log_in(scheme) for scheme in ("http", "https")] == [302, 302]
    assert front.ask(("X-API-Key", site.keys["listed"]), *SPOOFED)[0] == 401
    assert front.ask(("X-API-Key", key), ("X-API-Key", other))[0] == 400
    assert front.ask(("X-API-Key", key), ("Authorization", f"Bearer {other}"))[0] == 400
