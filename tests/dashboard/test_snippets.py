"""Snippets work when pasted: each runs here against a server, for every carrier."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from apikeys.credentials.carriers import Basic, Bearer, Header
from apikeys.dialects import Dialect, EnvNames
from dashboard.snippets import env_file_name, snippets

ID, SECRET, KEY = "AbCd1234", "s3cr3tS3CR3T", "ak_dev_AbCd1234_s3cr3tS3CR3T"
BASIC = "Basic " + base64.b64encode(f"{ID}:{SECRET}".encode()).decode()


class ByHeader(Dialect):
    carriers = (Header("X-Fast-Api-Key"), Bearer())


class ByBearer(Dialect):
    carriers = (Bearer(), Basic())
    env_names = EnvNames("THE_ID", "THE_SECRET", "THE_KEY")


class ByBasic(Dialect):
    carriers = (Header("X-API-Key"), Basic())
    env_names = EnvNames("FASTPIX_USERNAME", "FASTPIX_PASSWORD", "")


EXPECTED = [
    (ByHeader, "X-Fast-Api-Key", KEY),
    (ByBearer, "Authorization", f"Bearer {KEY}"),
    (ByBasic, "Authorization", BASIC),
]
RUN = {
    "curl": ["sh", "-c"],
    "python": [sys.executable, "-c"],
    "javascript": ["node", "--input-type=module", "-e"],
    "powershell": ["pwsh", "-NoProfile", "-Command"],
    "httpie": ["sh", "-c"],
}
NEEDS = {"curl": "curl", "javascript": "node", "powershell": "pwsh", "httpie": "http"}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server that answers JSON and keeps the headers of each request."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append({name.lower(): value for name, value in self.headers.items()})
            body = b'{"name": "CI deploy"}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/access/v1/token", seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("language", RUN)
@pytest.mark.parametrize(("dialect", "header", "value"), EXPECTED)
def test_a_pasted_snippet_sends_the_credential(
    server: tuple[str, list[dict[str, str]]],
    tmp_path: Path,
    language: str,
    dialect: type[Dialect],
    header: str,
    value: str,
) -> None:
    program = NEEDS.get(language)
    if program and shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    url, seen = server
    name = env_file_name(ID)
    text = dialect().env_file(token_id=ID, secret=SECRET, key=KEY)
    (tmp_path / name).write_text(text)
    found = {s.name: s.code for s in snippets(dialect(), url=url, env_file=name)}
    # Where a snippet only says in a comment how to load the file, that was done before.
    loaded = dict(line.split("=", 1) for line in text.splitlines())
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    if language in ("python", "javascript"):
        environment |= loaded
    seen.clear()
    done = subprocess.run(
        [*RUN[language], found[language]],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "CI deploy" in done.stdout
    assert [request[header.lower()] for request in seen] == [value]


@pytest.mark.parametrize("dialect", [ByHeader, ByBearer, ByBasic])
def test_snippets_read_the_secret_from_the_environment(dialect: type[Dialect]) -> None:
    found = snippets(dialect(), url="https://api.example.org/v1", env_file="a.env")
    assert [s.name for s in found] == ["curl", "python", "javascript", "powershell", "httpie"]
    for snippet in found:
        assert "https://api.example.org/v1" in snippet.code
        assert "a.env" in snippet.code
        assert snippet.code.endswith("\n")
        names = dialect.env_names
        wanted = (names.token_id, names.secret) if dialect is ByBasic else (names.api_key,)
        assert all(name in snippet.code for name in wanted)


def test_the_powershell_snippet_for_a_header_is_exactly_this() -> None:
    found = {s.name: s.code for s in snippets(ByHeader(), url="https://a.example/x", env_file="f")}
    assert found["powershell"] == (
        "Get-Content f | ForEach-Object {\n"
        '  $name, $value = $_ -split "=", 2\n'
        '  Set-Item "env:$name" $value\n'
        "}\n"
        'Invoke-RestMethod -Uri "https://a.example/x"'
        ' -Headers @{ "X-Fast-Api-Key" = "$($env:API_KEY)" }\n'
    )


def test_a_dialect_without_variables_for_its_carriers_has_no_snippets() -> None:
    class Nothing(Dialect):
        env_names = EnvNames("", "", "")

    with pytest.raises(ValueError, match="names no variables"):
        snippets(Nothing(), url="https://a.example/x", env_file="f")


@pytest.mark.parametrize("url", ["https://a/'x", "https://a/$(id)", "https://a/x y", 'https://a/"'])
def test_an_address_that_could_break_out_of_its_quotes_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="needs no quoting"):
        snippets(ByHeader(), url=url, env_file="f")
