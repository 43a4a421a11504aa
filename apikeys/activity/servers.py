"""What the server that runs this process does to its threads and to its end.

Knows servers, and that what was counted has to be written before the end; not what that is.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from asyncio import _get_running_loop
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from django.core.signals import request_finished
from django.db import close_old_connections, connections

logger = logging.getLogger("apikeys.usage")

# Since then its Python threads run unless it is told otherwise.
_UWSGI_WITH_THREADS: Final = (2, 0, 27)
_UVICORN: Final = "uvicorn.protocols.http."
# Windows has not all of them.
_ENDING: Final = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGQUIT") if hasattr(signal, name)
]
_lifespan_began = False
_write_if_overdue: Callable[[], bool] | None = None


def lifespan_began() -> None:
    """Remember that the server tells when it stops (``with_lifespan``)."""
    global _lifespan_began
    _lifespan_began = True


def runs_threads() -> bool:
    """Whether threads of Python's run between requests: not under an older uWSGI by default."""
    uwsgi: Any = sys.modules.get("uwsgi")  # made by the server itself
    if uwsgi is None:
        return True
    asked = {name.decode() if isinstance(name, bytes) else name for name in uwsgi.opt}
    if asked & {"enable-threads", "threads"}:
        return True
    return tuple(uwsgi.version_info[:3]) >= _UWSGI_WITH_THREADS and "disable-threads" not in asked


def let_requests_write(write_if_overdue: Callable[[], bool]) -> None:
    """Have each request look, once it has been answered, whether something is to be written.

    Args:
        write_if_overdue: writes unless it need not, or another thread does; returns whether it did.
    """
    global _write_if_overdue
    if _write_if_overdue is None:
        _write_if_overdue = write_if_overdue
        request_finished.connect(_after_the_answer, dispatch_uid="apikeys.usage")
        logger.warning(
            "the thread that writes usage does not run, so requests write it, and the last of it "
            "waits for the next one (uWSGI: --enable-threads)"
        )


def _after_the_answer(**_signal: object) -> None:
    """Receive ``request_finished``: in the request's own thread; it breaks nothing."""
    if _write_if_overdue is None or _get_running_loop() is not None:
        return
    if any(one.in_atomic_block for one in connections.all(initialized_only=True)):
        return  # what is written there may be rolled back
    try:
        if _write_if_overdue():
            close_old_connections()  # Django did so before, and again only at the next request
    except Exception:
        logger.exception("usage flush failed")


def prepare_for_the_end(write: Callable[[], None]) -> None:
    """See to it that a process that counts also writes, beside ``atexit``; say where it can't.

    Args:
        write: writes what was counted, and nothing the second time.
    """
    # A child of multiprocessing, as granian's workers are, ends past `atexit`.
    process: Any = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, write, exitpriority=100)
    if not _lifespan_began and any(name.startswith(_UVICORN) for name in sys.modules):
        logger.warning(
            "usage that is not written yet is lost when uvicorn stops: "
            "application = apikeys.asgi.with_lifespan(get_asgi_application()) has it written"
        )


def leave_signals_to_the_main_thread() -> None:
    """Have the system deliver none to this thread.

    uWSGI ends a process by whichever thread a signal meets, even one that is writing.
    """
    # Not where a greenlet passes for a thread: it shares the main one. Windows has no mask.
    if hasattr(signal, "pthread_sigmask") and threading.get_native_id() != os.getpid():
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)


def ignore_signals() -> None:
    """Let no second signal end the writing that a first one began.

    Ctrl-C reaches a server's master and its workers, and the master tells the workers once more.
    """
    for ending in _ENDING:
        # One that is on its way already is heard here and has nothing left to end.
        with suppress(KeyboardInterrupt, SystemExit):
            signal.signal(ending, signal.SIG_IGN)
        signal.signal(ending, signal.SIG_IGN)
