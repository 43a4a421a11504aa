"""The servers that are tried: how each is started and stopped, and what is to be seen then.

Values alone. The tables of docs/servers.md say the same, and a test compares them.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass

TERM, INT = signal.SIGTERM, signal.SIGINT
REQUESTS = 200

# In the place of {at} stands where it listens.
WSGI = "mysite.wsgi:application"
ASGI = "mysite.asgi:application"
TWO = ("--workers", "2")

GUNICORN = ("gunicorn", WSGI, "--bind", "{at}", "--no-control-socket")
GTHREAD = (*GUNICORN, "--worker-class", "gthread", "--threads", "4")
UVICORN = ("uvicorn", ASGI, "--port", "{port}")
HYPERCORN = ("hypercorn", ASGI, "--bind", "{at}", *TWO)
DAPHNE = ("daphne", ASGI, "--bind", "127.0.0.1", "--port", "{port}")
GRANIAN = ("granian", "--port", "{port}", *TWO, "--interface")
WAITRESS = ("waitress-serve", "--listen", "{at}", WSGI)
WAITRESS_KEEPS = ("--no-clear-untrusted-proxy-headers",)
CHEROOT = ("cheroot", "--bind", "{at}", WSGI)
UWSGI = ("uwsgi", "--http-socket", "{at}", "--module", WSGI, "--master", "--processes", "2")
DEBIANS_UWSGI = ("/usr/bin/uwsgi", "--plugin", "python3", "--virtualenv", "{packages}", *UWSGI[1:])
FIFO = ("--master-fifo", "fifo")
RUNSERVER = ("python", "-m", "django", "runserver", "--noreload", "{at}")


@dataclass(frozen=True)
class Stop:
    """One way to start and stop a server.

    Attributes:
        name: the server, and what is special.
        command: its program and arguments.
        signal: what ends it; None: "q" written to uWSGI's FIFO.
        group: the signal goes to all of its processes, as from a terminal and from systemd.
        counted: how many of 200 requests are in the database afterwards.
        says: a part of a line that its log has.
    """

    name: str
    command: tuple[str, ...]
    signal: signal.Signals | None = TERM
    group: bool = False
    counted: int = REQUESTS
    says: str = ""

    @property
    def how(self) -> str:
        """What ends it, in words."""
        if self.signal is None:
            return "q to its FIFO"
        if self.signal is INT:
            return "Ctrl-C" if self.group else "SIGINT"
        return "SIGTERM to all its processes" if self.group else "SIGTERM"


STOPS = (
    Stop("gunicorn, sync", (*GUNICORN, *TWO)),
    Stop("gunicorn, sync", (*GUNICORN, *TWO), group=True),
    Stop("gunicorn, gthread", (*GTHREAD, *TWO)),
    Stop("gunicorn, gthread", (*GTHREAD, *TWO, "--config", "python:ctrl_c"), INT, group=True),
    Stop("gunicorn, gevent", (*GUNICORN, *TWO, "--worker-class", "gevent")),
    Stop(
        "gunicorn, uvicorn-worker",
        ("gunicorn", ASGI, *GUNICORN[2:], "--worker-class", "uvicorn_worker.UvicornWorker"),
    ),
    Stop("uvicorn", UVICORN),
    Stop("uvicorn", (*UVICORN, *TWO)),
    Stop(
        "uvicorn, without lifespan",
        ("uvicorn", "mysite.bare:application", *UVICORN[2:]),
        counted=0,
        says="lost when uvicorn stops",
    ),
    Stop("hypercorn", HYPERCORN),
    Stop("hypercorn", HYPERCORN, group=True, counted=0),
    Stop("daphne", DAPHNE),
    Stop("granian, wsgi", (*GRANIAN, "wsgi", WSGI)),
    Stop("granian, asgi", (*GRANIAN, "asgi", ASGI)),
    Stop("granian, asgi without lifespan", (*GRANIAN, "asginl", "mysite.bare:application")),
    Stop("waitress", WAITRESS, INT),
    Stop("waitress", WAITRESS, counted=0),
    Stop("waitress, from a script", ("python", "serve_waitress.py", "{at}")),
    Stop("cheroot", CHEROOT, INT),
    Stop("cheroot", CHEROOT, counted=0),
    Stop("cheroot, from a script", ("python", "serve_cheroot.py", "{port}")),
    Stop("uWSGI", (*UWSGI, *FIFO), None),
    Stop("uWSGI, lazy-apps", (*UWSGI, *FIFO, "--lazy-apps"), None),
    Stop(
        "uWSGI 2.0.21 of Debian, without threads",
        (*DEBIANS_UWSGI, *FIFO),
        None,
        says="uWSGI: --enable-threads",
    ),
    Stop("runserver", RUNSERVER, INT),
    Stop("runserver", RUNSERVER, counted=0),
)


@dataclass(frozen=True)
class Beliefs:
    """What a server does with headers, before this library sees any.

    Attributes:
        name: the server.
        command: as of ``Stop``.
        address: it takes X-Forwarded-For of 127.0.0.1 for the peer's address.
        scheme: it takes X-Forwarded-Proto of 127.0.0.1 for the scheme.
        anybody: it takes X-Forwarded-Proto of 127.0.0.2 too.
        underscores: X_FORWARDED_FOR comes as X-Forwarded-For.
        kept: X-Forwarded-For is handed on.
        two_keys: the answer to two lines of X-API-Key with two valid keys.
    """

    name: str
    command: tuple[str, ...]
    address: bool = False
    scheme: bool = False
    anybody: bool = False
    underscores: bool = False
    kept: bool = True
    two_keys: int = 400


BELIEFS = (
    Beliefs("gunicorn", GUNICORN, scheme=True),
    Beliefs('gunicorn --forwarded-allow-ips ""', (*GUNICORN, "--forwarded-allow-ips", "")),
    Beliefs("uvicorn", UVICORN, address=True, scheme=True),
    Beliefs("uvicorn --no-proxy-headers", (*UVICORN, "--no-proxy-headers")),
    Beliefs("uvicorn --http h11", (*UVICORN, "--http", "h11"), address=True, scheme=True),
    Beliefs("hypercorn", HYPERCORN),
    Beliefs("daphne", DAPHNE),
    Beliefs("granian, wsgi", (*GRANIAN, "wsgi", WSGI), underscores=True),
    Beliefs("granian, asgi", (*GRANIAN, "asgi", ASGI)),
    Beliefs("waitress", WAITRESS, kept=False),
    Beliefs(
        "waitress --no-clear-untrusted-proxy-headers",
        (*WAITRESS[:-1], *WAITRESS_KEEPS, WSGI),
    ),
    Beliefs("cheroot", CHEROOT, underscores=True, two_keys=200),
    Beliefs("uWSGI", UWSGI, scheme=True, anybody=True, underscores=True),
    Beliefs("runserver", RUNSERVER),
)

# Where the server is to listen stands as {at}.
SOCKETS = {
    "gunicorn": (GUNICORN, "unix:{}"),
    "gunicorn, gthread": (GTHREAD, "unix:{}"),
    "gunicorn, gevent": ((*GUNICORN, "--worker-class", "gevent"), "unix:{}"),
    "uvicorn": (("uvicorn", ASGI, "--uds", "{at}"), "{}"),
    "hypercorn": (HYPERCORN, "unix:{}"),
    "daphne": (("daphne", "-u", "{at}", ASGI), "{}"),
    "granian, wsgi": (("granian", "--uds", "{at}", "--interface", "wsgi", WSGI), "{}"),
    "granian, asgi": (("granian", "--uds", "{at}", "--interface", "asgi", ASGI), "{}"),
    "waitress": (
        ("waitress-serve", "--unix-socket={at}", *WAITRESS_KEEPS, WSGI),
        "{}",
    ),
    "cheroot": (("cheroot", "--bind", "{at}", WSGI), "{}"),
    "uWSGI": (UWSGI, "{}"),
}
