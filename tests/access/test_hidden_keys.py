"""An application inside `hide_keys_wsgi` or `hide_keys_asgi`: tools outside the views see no key,
and every face answers as without it."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory

from apikeys.hiding import hide_keys_asgi, hide_keys_wsgi
from apikeys.testing.headers import headers_of
from tests.access import test_faces_agree as agree
from tests.access.test_asgi_servers import HOST, SETTINGS, Host
from tests.access.test_faces_agree import FACES, ROWS, Cast, cast
from tests.access.test_secrets_stay_hidden import assert_hidden
from tests.hosts.kept import BLOCKS
from tests.support import apis, asgi
from tests.support.listening import free_port, wait_for_port

__all__ = ["cast"]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.support.faces"),
    pytest.mark.usefixtures("limits_in_memory"),
]


@pytest.mark.parametrize("face", FACES)
def test_every_face_answers_a_hidden_key_as_one_in_the_open(
    face: str, cast: Cast, request: pytest.FixtureRequest
) -> None:
    names = [name for name in ROWS if "key" in name or "credential" in name or "Basic" in name]
    expected = [agree.through(face, ROWS[name], cast)[0] for name in names]
    request.getfixturevalue("hidden")
    for name, answer in zip(names, expected, strict=True):
        found = agree.through(face, ROWS[name], cast)[0]
        assert (found[0], found[2]) == (answer[0], answer[2]), name
        assert set(found[1]) == set(answer[1]), name


WAYS = [partial(headers_of, carrier=each) for each in ("X-API-Key", "Bearer", "Basic")]


@pytest.mark.parametrize("way", WAYS, ids=["header", "bearer", "basic"])
def test_what_django_hands_to_every_middleware_shows_no_key(issue: Any, way: Any) -> None:
    issued = issue()
    seen: list[Any] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        request = WSGIRequest(environ)
        seen.extend([dict(environ), request.META, dict(request.headers), repr(request.headers)])
        return []

    environ = RequestFactory().get("/", headers=way(issued)).environ  # type: ignore[attr-defined]
    hide_keys_wsgi(application)(environ, None)  # type: ignore[arg-type]
    assert "***" in f"{seen}"
    assert_hidden(f"{seen}", issued)

    async def on_loop(scope: Any, receive: Any, send: Any) -> None:
        request = ASGIRequest(scope, None)
        seen.extend([scope, request.META, dict(request.headers), request.scope])

    seen.clear()
    scope = asgi.http_scope(way(issued))
    before = list(scope["headers"])
    async_to_sync(hide_keys_asgi(on_loop))(scope, None, None)  # type: ignore[arg-type]
    assert "***" in f"{seen}"
    assert_hidden(f"{seen}", issued)
    assert scope["headers"] == before, "the server's own scope stays as it is"


def test_scopes_without_headers_pass_as_they_are() -> None:
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    scope = {"type": "lifespan"}
    async_to_sync(hide_keys_asgi(application))(scope, "receive", "send")  # type: ignore[arg-type]
    assert seen == [(scope, "receive", "send")]
    assert seen[0][0] is scope


def test_a_dialect_that_can_not_be_loaded_is_told_when_the_server_starts(settings: Any) -> None:
    apis.say(settings, DIALECTS={"default": "nowhere.Dialect"})
    for hide in (hide_keys_wsgi, hide_keys_asgi):
        with pytest.raises(ImproperlyConfigured, match="nowhere"):
            hide(lambda *arguments: None)  # type: ignore[operator, arg-type]


WSGI = """
from django.core.wsgi import get_wsgi_application

from apikeys.hiding import hide_keys_wsgi

application = hide_keys_wsgi(get_wsgi_application())
"""
HIDDEN_ASGI = BLOCKS["asgi"].replace("mysite.settings", "host_settings")
NOSY = """
import logging

from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware


@sync_and_async_middleware
def copies_headers(get_response):
    def tell(request):
        logging.getLogger("nosy").warning("saw %s", {**request.META, **request.headers})

    if iscoroutinefunction(get_response):
        async def middleware(request):
            tell(request)
            return await get_response(request)
    else:
        def middleware(request):
            tell(request)
            return get_response(request)
    return middleware
"""
COMMANDS = {
    "gunicorn": ["gunicorn", "hidden_wsgi", "--bind", "127.0.0.1:{port}"],
    "uvicorn": ["uvicorn", "hidden_asgi:application", "--port", "{port}"],
}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    folder = tmp_path_factory.mktemp("host")
    host = Host(folder)
    nosy = SETTINGS.replace("MIDDLEWARE = [", 'MIDDLEWARE = ["nosy.copies_headers", ')
    files = {"host_settings": nosy, "hidden_wsgi": WSGI, "hidden_asgi": HIDDEN_ASGI, "nosy": NOSY}
    for name, text in {**files, "host": HOST}.items():
        (folder / f"{name}.py").write_text(text)
    return host


def ask(port: int, headers: dict[str, str]) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/notes", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("server", COMMANDS)
def test_behind_a_real_server_keys_work_and_middleware_sees_none(server: str, host: Host) -> None:
    port = free_port()
    command = [sys.executable, "-m", *(part.format(port=port) for part in COMMANDS[server])]
    log = Path(host.folder, f"{server}.log")
    with log.open("wb") as lines:
        process = subprocess.Popen(
            command, cwd=host.folder, env=host.environment, stdout=lines, stderr=lines
        )
    try:
        wait_for_port(process, port, log)
        assert ask(port, {"X-API-Key": host.key}) == 200
        assert ask(port, {"Authorization": f"Bearer {host.key}"}) == 200
        assert ask(port, {"X-API-Key": host.key[:-1] + "!"}) == 401
        assert ask(port, {}) == 401
    finally:
        process.terminate()
        process.wait(timeout=30)
    told = log.read_text()
    assert told.count("saw {") == 4
    assert host.key.rpartition("_")[2][:20] not in told
