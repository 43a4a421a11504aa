"""Ports for servers that tests start, and waiting until those answer."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

START_SECONDS = 60


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(process: subprocess.Popen[Any], port: int, log: Path | None = None) -> None:
    """Wait until somebody listens on a port; for the arguments see ``wait_until``."""

    def listens() -> bool:
        # From another address: a connection to a port that nobody listens on yet may be given
        # that very port, and meet itself.
        socket.create_connection(("127.0.0.1", port), 5, source_address=("127.0.0.3", 0)).close()
        return True

    wait_until(listens, process, log)


def wait_until(
    answers: Callable[[], bool], process: subprocess.Popen[Any], log: Path | None = None
) -> None:
    """Wait until a server that was started answers.

    Args:
        answers: tries it; False and OSError are "not yet".
        process: the server; once it has ended nobody waits.
        log: what it writes, for the error.

    Raises:
        AssertionError: it has ended, or a minute has passed.
    """
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if answers():
                return
        except OSError:
            pass
        time.sleep(0.05)
    said = log.read_text(errors="replace") if log else ""
    raise AssertionError(f"{process.args!r} does not answer:\n{said}")


def hear_ctrl_c() -> None:
    """Let a new process be ended by SIGINT: for ``preexec_fn``.

    A shell starts what runs in the background with SIGINT ignored, and whatever the tests start
    would inherit that.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
