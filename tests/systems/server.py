"""A real gunicorn on a free port, on the database of the test run."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from django.db import connection

from tests.support.listening import free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
# Requests from this address may say for whom they come; the examples' come from 127.0.0.1.
PROXY = "127.0.0.2"


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def stop(self) -> None:
        """Let it finish what it has begun, and wait for its end."""
        self.process.terminate()
        self.process.wait(timeout=30)


def start(
    folder: Path, *, workers: int | None = None, answers: str = "/convert", **variables: str
) -> Server:
    """Start gunicorn and return when it answers.

    Args:
        folder: where its log goes.
        workers: processes; two with Redis, and one without: counts in memory are one process's.
        answers: a path that answers 401 when it is ready.
        variables: environment of the project, over the defaults here.
    """
    port = free_port()
    redis = redis_url()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.systems.server_settings",
        "ENV_FILE": "",
        "DATABASE_URL": database_url(),
        "REDIS_URL": redis,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "HTTPS": "off",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "TRUSTED_PROXIES": f"{PROXY}/32",
        "FIRST_PARTY_ORIGINS": "",
        # The tests empty the tables behind the server's back: it must not be writing then.
        "FLUSH_SECONDS": "3600",
        **variables,
    }
    log = folder / f"gunicorn-{port}.log"
    command = [
        *(sys.executable, "-m", "gunicorn", "project.wsgi:application"),
        *("--bind", f"127.0.0.1:{port}", "--no-control-socket", "--forwarded-allow-ips", ""),
        *("--worker-class", "gthread", "--threads", "8"),
        *("--workers", str(workers or (2 if redis else 1))),
        # A connection that waits on a busy machine is not to be closed under its client.
        *("--keep-alive", "60"),
        *("--timeout", "60", "--graceful-timeout", "5", "--log-level", "warning"),
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
    server = Server(process, port, log)

    def refuses() -> bool:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as probe:
            probe.sendall(f"GET {answers} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            return probe.recv(12) == b"HTTP/1.1 401"

    try:
        wait_until(refuses, process, log)
    except AssertionError:
        process.kill()
        process.wait()
        raise
    return server


def database_url() -> str:
    """Return the URL of the database that Django's test runner has made."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    user, password = quote(settings["USER"] or ""), quote(settings["PASSWORD"] or "")
    where = f"{settings['HOST']}:{settings['PORT']}" if settings["PORT"] else settings["HOST"]
    return f"postgres://{user}:{password}@{where}/{settings['NAME']}"


def hang_up() -> None:
    """End what PostgreSQL still does for servers that have stopped, so that it can be dropped."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    connection.close()


def redis_url() -> str:
    """Return another database of REDIS_URL's server than the tests' own, which they empty."""
    parts = urlsplit(os.environ.get("REDIS_URL", ""))
    if not parts.scheme:
        return ""
    number = int(parts.path.strip("/") or 0)
    return urlunsplit(parts._replace(path=f"/{(number + 8) % 15}"))
