"""The five systems on a real server: a client, accounts and keys, and a runner for the examples."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from apikeys.models import Organization
from apikeys.services.actors import Actor
from apikeys.services.organizations import create_organization
from apikeys.services.tokens import IssuedToken, create_token
from tests.systems import server as servers
from tests.systems.server import Server

EXAMPLES = Path(__file__).parent / "examples"
INTERPRETERS = {".sh": ["sh"], ".mjs": ["node"], ".py": [sys.executable]}


@pytest.fixture(scope="session")
def serve(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Server]]:
    """Serve with other variables than the shared server: `serve(HTTPS="on")`, started once."""
    folder = tmp_path_factory.mktemp("server")
    running: dict[frozenset[Any], Server] = {}

    def start(**variables: Any) -> Server:
        key = frozenset(variables.items())
        if key not in running:
            running[key] = servers.start(folder, **variables)
        return running[key]

    yield start
    for server in running.values():
        server.process.terminate()
    for server in running.values():
        server.process.wait(timeout=30)
    with django_db_blocker.unblock():
        servers.hang_up()


@pytest.fixture(scope="session")
def server(serve: Callable[..., Server]) -> Server:
    """The server that most tests share."""
    return serve()


class Http(requests.Session):
    """Sends requests to a server, each client from an address of its own.

    `address` is where its requests come from, as far as the server can tell.
    """

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.trust_env = False
        self.move()
        self.mount("http://", _FromProxy())

    def move(self) -> None:
        """Come from another address, of so many that runs within a limit's hour do not meet."""
        self.address = str(IPv4Address(0x0A000000 + random.randrange(1 << 24)))

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        headers = {"X-Forwarded-For": self.address, **(kwargs.pop("headers", None) or {})}
        kwargs["allow_redirects"] = False
        kwargs.setdefault("timeout", 120)
        return super().request(method, self.base + url, *args, headers=headers, **kwargs)


class _FromProxy(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, source_address=(servers.PROXY, 0), **kwargs)


@pytest.fixture
def http(server: Server) -> Iterator[Http]:
    """A client of the shared server."""
    with Http(server.url) as session:
        yield session


@pytest.fixture
def account(make_user: Callable[..., Any], actor: Actor) -> Callable[..., Organization]:
    """Make the organization of somebody who signed up: `account("fastpix")`.

    Its admin's log-in name is `<slug>@example.org`.
    """

    def make(dialect: str, slug: str | None = None, **fields: Any) -> Organization:
        slug = slug or dialect
        admin = make_user(f"{slug}@example.org")
        return create_organization(
            actor=actor, name=slug.title(), slug=slug, admin=admin, dialect=dialect, **fields
        )

    return make


@pytest.fixture
def issue_for(actor: Actor) -> Callable[..., IssuedToken]:
    """Make a token in a workspace of an organization; all its dialect's scopes by default."""
    numbers = itertools.count(1)

    def make(
        organization: Organization, *, workspace: str = "production", **fields: Any
    ) -> IssuedToken:
        place = organization.workspaces.get(slug=workspace)
        fields.setdefault("scopes", list(place.speaks.scopes))
        fields.setdefault("name", f"Key {next(numbers)}")
        return create_token(actor=actor, workspace=place, **fields)

    return make


@pytest.fixture
def run_example(server: Server, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Run an example file as somebody who has put in their host, key and file name.

    `run_example("tools_fast/convert.sh", key=issued, files={"photo.heic": b"..."})` replaces
    `$HOST`, `$KEY`, `$ID` and `$SECRET` and runs it in a folder with those files. What the
    example leaves behind is in `tmp_path`.
    """

    def run(
        name: str, *, key: IssuedToken | None = None, files: dict[str, bytes] | None = None
    ) -> subprocess.CompletedProcess:
        example = EXAMPLES / name
        command = INTERPRETERS[example.suffix]
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed")
        for file, content in (files or {}).items():
            (tmp_path / file).write_bytes(content)
        script = tmp_path / example.name
        script.write_text(fill_in(example.read_text(), server, key))
        return subprocess.run(
            [*command, script.name],
            cwd=tmp_path,
            capture_output=True,
            timeout=60,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        )

    return run


def fill_in(text: str, server: Server, key: IssuedToken | None) -> str:
    values = {"$HOST": server.url}
    if key is not None:
        values |= {"$KEY": key.api_key, "$ID": key.token.token_id, "$SECRET": key.secret}
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


@pytest.fixture
def send_recorded(server: Server) -> Callable[..., tuple[int, bytes, bytes]]:
    """Send a request as it was recorded, byte for byte; return status, head and body.

    In the file `$HOST` and `$KEY` stand for what they say, `$LENGTH` for the length of the body,
    `{{name}}` for the bytes of a file. Lines end as on the wire, with CR LF.
    """

    def send(
        name: str, *, key: IssuedToken, files: dict[str, bytes] | None = None
    ) -> tuple[int, bytes, bytes]:
        recorded = (EXAMPLES / name).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        head, _, body = recorded.partition(b"\r\n\r\n")
        for file, content in (files or {}).items():
            body = body.replace(b"{{%s}}" % file.encode(), content)
        head = (
            head.replace(b"$LENGTH", b"%d" % len(body))
            .replace(b"$HOST", server.host.encode())
            .replace(b"$KEY", key.api_key.encode())
        )
        return exchange(server, head + b"\r\nConnection: close\r\n\r\n" + body)

    return send


def exchange(server: Server, request: bytes) -> tuple[int, bytes, bytes]:
    """Send bytes, read until the server closes; return status, head and body."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), head, body
