"""The host project that the servers run: the README's, and a view that tells what it has seen."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.hosts import run
from tests.hosts.host import Host
from tests.hosts.project import make
from tests.support.listening import free_port, hear_ctrl_c, wait_until

LOG_IN = "/dashboard/log-in"
PASSWORD = "correct horse battery staple"
SETTINGS = """
import os
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
MIDDLEWARE = ["apikeys.middleware.TrustedProxyMiddleware", *MIDDLEWARE]
# No limit on the token's requests is a subject here, and none is written before the end.
APIKEYS["REQUIRE_HTTPS"] = False
APIKEYS["FLUSH_SECONDS"] = float(os.environ.get("FLUSH_SECONDS", 3600))
APIKEYS["TRUSTED_PROXIES"] = os.environ.get("TRUSTED_PROXIES", "").split()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"all": {"class": "logging.StreamHandler"}},
    "loggers": {"apikeys": {"handlers": ["all"], "level": "INFO"}},
}
DATABASES["default"]["OPTIONS"] = {"timeout": 20, "transaction_mode": "IMMEDIATE"}
"""
SEEN = """
from django.http import JsonResponse

from apikeys import conf
from apikeys.decorators import access_token_required
from apikeys.networks import address_of, is_secure


@access_token_required("notes:read")
def seen(request):
    meta = request.META
    return JsonResponse(
        {
            "address": address_of(request),
            "peer": meta.get("REMOTE_ADDR"),
            "forwarded": meta.get("HTTP_X_FORWARDED_FOR"),
            "scheme": request.scheme,
            "secure": is_secure(meta, request.scheme, conf.get().trusted_proxies),
            "key": request.auth.name,
        }
    )
"""
URLS = """
from django.urls import include, path

from mysite.seen import seen

urlpatterns = [path("seen", seen), path("dashboard/", include("dashboard.urls"))]
"""
BARE = """
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
application = get_asgi_application()
"""
# The next three are in docs/servers.md.
ASGI = (
    BARE
    + """
from apikeys.asgi import with_lifespan
from apikeys.hiding import hide_keys_asgi

application = hide_keys_asgi(with_lifespan(application))
"""
)
CTRL_C = """
import signal


def post_worker_init(worker):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
"""
WAITRESS = """
import signal
import sys

from waitress import serve

from mysite.wsgi import application

signal.signal(signal.SIGTERM, signal.default_int_handler)
serve(application, listen=sys.argv[1])
"""
CHEROOT = """
import signal
import sys

from cheroot.wsgi import Server

from mysite.wsgi import application

signal.signal(signal.SIGTERM, signal.default_int_handler)
server = Server(("127.0.0.1", int(sys.argv[1])), application)
try:
    server.start()
except KeyboardInterrupt:
    server.stop()
"""
FILES = {
    "mysite/seen.py": SEEN,
    "mysite/urls.py": URLS,
    "mysite/bare.py": BARE,
    "mysite/asgi.py": ASGI,
    "ctrl_c.py": CTRL_C,
    "serve_waitress.py": WAITRESS,
    "serve_cheroot.py": CHEROOT,
}
SET_UP = """
import json

import django

django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command

from apikeys.services.actors import Actor
from apikeys.services.organizations import create_organization
from apikeys.services.tokens import create_token

call_command("migrate", verbosity=0)
system = Actor.system("the host")
alice = get_user_model().objects.create_user("alice", password="PASSWORD")
acme = create_organization(actor=system, name="Acme", admin=alice)
workspace = acme.workspaces.get(slug="development")


def issue(name, *networks):
    issued = create_token(
        actor=system,
        workspace=workspace,
        name=name,
        scopes=["notes:read"],
        allowed_networks=list(networks),
    )
    return [issued.api_key, f"{issued.token.token_id}:{issued.secret}"]


made = {"any": issue("any"), "other": issue("other"), "listed": issue("listed", "203.0.113.9")}
print(json.dumps(made))
""".replace("PASSWORD", PASSWORD)


class Site:
    """The project in a folder, with an organization, and keys by their names.

    Attributes:
        keys: API keys; "listed" is for 203.0.113.9 alone.
        pairs: the same as HTTP Basic has them.
    """

    def __init__(self, folder: Path, beside: Path) -> None:
        self.folder = folder
        self.environment = {
            **run.environment(run.python(), beside),
            "PYTHONPATH": f"{folder}:{beside}",
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
        }
        make(Host(name="servers", settings=SETTINGS, files=FILES), folder)
        made = subprocess.run(
            [run.python(), "-c", SET_UP],
            cwd=folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stderr
        issued = json.loads(made.stdout)
        self.keys: dict[str, str] = {name: both[0] for name, both in issued.items()}
        self.pairs: dict[str, str] = {name: both[1] for name, both in issued.items()}

    def counted(self) -> int:
        """How many requests of tokens are in the database."""
        with closing(sqlite3.connect(self.folder / "db.sqlite3")) as database:
            [[number]] = database.execute("SELECT sum(count) FROM apikeys_usagecounter")
        return number or 0

    @contextmanager
    def serve(self, command: tuple[str, ...], at: str = "", **variables: str) -> Iterator[Server]:
        """Run a server until it has been stopped, or the end of the block."""
        port = free_port()
        places = {
            "at": at or f"127.0.0.1:{port}",
            "port": port,
            "packages": run.python().parents[1],
        }
        words = [word.format(**places) for word in command]
        program = run.python().parent / words[0]
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [program, *words[1:]],
                cwd=self.folder,
                env={**self.environment, **variables},
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=hear_ctrl_c,
            )
        server = Server(process, at or port, self.folder / "log")
        try:
            server.wait()
            yield server
        finally:
            server.end()


class Server:
    """A server that runs, on a port or on a Unix socket."""

    def __init__(self, process: subprocess.Popen[bytes], at: int | str, log: Path) -> None:
        self.process, self.at, self._log = process, at, log

    def wait(self) -> None:
        def connects() -> bool:
            # From another address, as ``wait_for_port`` does and for its reason.
            self.connect("127.0.0.3").close()
            return True

        wait_until(connects, self.process, self._log)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def connect(self, by: str = "127.0.0.1") -> socket.socket:
        if isinstance(self.at, int):
            where = ("127.0.0.1", self.at)
            return socket.create_connection(where, timeout=30, source_address=(by, 0))
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)
        try:
            connection.connect(self.at.removeprefix("unix:"))
        except OSError:
            connection.close()
            raise
        return connection

    def ask(self, *headers: tuple[str, str], by: str = "127.0.0.1") -> tuple[int, Any]:
        """Send these header lines from an address; return status and JSON."""
        return ask(self.connect(by), *headers)

    def stop(self, by: signal.Signals | None, *, group: bool) -> None:
        """Send the signal, or "q" to the FIFO; wait for the end of the process that was started."""
        if by is None:
            self._log.with_name("fifo").write_text("q")
        elif group:
            os.killpg(self.process.pid, by)
        else:
            self.process.send_signal(by)
        self.process.wait(timeout=30)

    def end(self) -> None:
        """End what is left of it, whatever happened."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)


def ask(connection: socket.socket, *headers: tuple[str, str]) -> tuple[int, Any]:
    """Send these header lines as they are; return status and JSON."""
    client = http.client.HTTPConnection("127.0.0.1")
    client.sock = connection
    try:
        client.putrequest("GET", "/seen", skip_accept_encoding=True)
        for name, value in (*headers, ("Connection", "close")):
            client.putheader(name, value)
        client.endheaders()
        response = client.getresponse()
        body = response.read()
        is_json = response.headers.get_content_type().endswith("json")
        return response.status, json.loads(body) if is_json else body
    finally:
        client.close()
