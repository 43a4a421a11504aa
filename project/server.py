"""gunicorn's configuration beside the options of `scripts/demo`."""

from __future__ import annotations

import signal
import ssl
from collections.abc import Callable
from typing import Any


def post_worker_init(worker: Any) -> None:
    """Leave Ctrl-C to the master, which then ends the workers.

    A terminal sends it to all of them; a worker that it ended already would be disturbed by the
    master's signal while it writes what it has counted.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def ssl_context(config: Any, default_factory: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Return gunicorn's own context with TLS 1.2 as the floor (RFC 8996 retires what is below)."""
    context = default_factory()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
