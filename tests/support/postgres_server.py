"""A PostgreSQL of a test's own, which it may stop and start as it likes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.listening import free_port


def _binaries() -> Path | None:
    found = [Path(path).parent for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "initdb").exists()), None)


needs_postgres_binaries = pytest.mark.skipif(
    _binaries() is None, reason="no binaries of PostgreSQL here to start a server of its own"
)


@dataclass(frozen=True)
class Cluster:
    """A running server that trusts everybody on this machine."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return self.url_at(self.port)

    def url_at(self, port: int) -> str:
        """The same database behind another port."""
        return f"postgres://postgres@127.0.0.1:{port}/postgres"

    def hang(self) -> None:
        """Stop the server and its children in their tracks: what is sent to them is not read."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        pid = int((self.folder / "data/postmaster.pid").read_text().split()[0])
        os.kill(pid, number)  # first: a stopped one makes no more children
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), number)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """Make a server, run it, and leave nothing of it behind."""
    binaries = _binaries()
    assert binaries is not None
    folder = Path(tempfile.mkdtemp(prefix="apikeys-postgres-"))
    # PostgreSQL refuses to run as root.
    another = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if another:
        shutil.chown(folder, "postgres")

    def run(*command: str) -> None:
        done = subprocess.run(
            [*another, str(binaries / command[0]), *command[1:]],
            cwd="/",
            stdout=subprocess.DEVNULL,  # a pipe would stay open in the server
            stderr=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, command

    found = Cluster(folder, free_port())
    data = str(folder / "data")
    try:
        run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-p {found.port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            yield found
        finally:
            found.wake()
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
