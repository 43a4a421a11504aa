"""The epoch of one host, in shared memory."""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
import stat
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from apikeys.verification.epochs.base import CHANGE_SECONDS, LENGTH, EpochUnavailableError

_SIZE: Final = 2 * LENGTH
# One clock for all processes, which no administrator sets; the best of them knows of suspension.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_CHANGE: Final = CHANGE_SECONDS * 1_000_000_000


class HostEpoch:
    """Bytes that all processes of one user on one host map into their memory.

    Sixteen are the value, sixteen tell this file from any other of that name. Changes under way are
    files in a folder beside it.

    Args:
        path: the file. Its folder is made for this user alone, and a folder that others can write
            to is refused.
        user: the number of another Unix user, whose file is opened and never made.
    """

    def __init__(self, path: Path, *, user: int | None = None) -> None:
        self.path = path
        self.user = os.geteuid() if user is None else user
        self._is_mine = user is None
        self._changes = path.with_name(f"{path.name}.changes")
        self._lock = threading.Lock()
        self._map: mmap.mmap | None = None
        self._inode = 0

    @property
    def identity(self) -> str:
        """What tells this file from any other, also of the same path in another container."""
        mapped = self._map if self._map is not None else self._open()
        return mapped[LENGTH:_SIZE].hex()

    def read(self) -> bytes:
        mapped = self._map if self._map is not None else self._open()
        return mapped[:LENGTH]

    def bump(self) -> None:
        before = self._map
        self.check()
        value = secrets.token_bytes(LENGTH)
        for mapped in {id(m): m for m in (before, self._map) if m is not None}.values():
            mapped[:LENGTH] = value

    def begin(self) -> str:
        self.check()
        change = f"{time.clock_gettime_ns(_CLOCK) + _CHANGE}-{secrets.token_hex(8)}"
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            os.close(os.open(self._changes / change, flags, 0o600))
        except OSError as error:
            raise EpochUnavailableError(str(error)) from error
        try:
            self.bump()
        except EpochUnavailableError:
            self._remove(change)
            raise
        return change

    def end(self, change: str) -> None:
        self.bump()
        self._remove(change)

    def is_quiet(self) -> bool:
        now = time.clock_gettime_ns(_CLOCK)
        try:
            names = os.listdir(self._changes)
        except OSError as error:
            raise EpochUnavailableError(str(error)) from error
        for name in names:
            ends_at, _, _ = name.partition("-")
            # One that would take longer was begun before the machine was.
            if ends_at.isdecimal() and 0 < int(ends_at) - now <= _CHANGE:
                return False
            self._remove(name)
        return True

    def check(self) -> None:
        # A cleaner of temporary files may have removed the file: processes started since then
        # map another one, and must hear of this one's changes.
        try:
            os.stat(self._changes)
            inode = os.stat(self.path).st_ino
        except OSError:
            inode = 0
        if self._map is None or inode != self._inode:
            self._open()

    def _remove(self, change: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._changes / change)

    def _open(self) -> mmap.mmap:
        with self._lock:
            try:
                self._prepare_folder()
                flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
                flags |= os.O_CREAT if self._is_mine else 0
                descriptor = os.open(self.path, flags, 0o600)
                try:
                    self._fill(descriptor)
                    self._inode = os.fstat(descriptor).st_ino
                    self._map = mmap.mmap(descriptor, _SIZE)
                finally:
                    os.close(descriptor)
            except (OSError, ValueError) as error:
                self._map = None
                raise EpochUnavailableError(str(error)) from error
            return self._map

    def _fill(self, descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # of two that find it empty one writes
        try:
            size = os.fstat(descriptor).st_size
            if size < _SIZE and self._is_mine:
                os.pwrite(descriptor, secrets.token_bytes(_SIZE - size), size)
        finally:
            # Closing would not do: Python's map keeps a copy of the descriptor.
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _prepare_folder(self) -> None:
        folder = self.path.parent
        if self._is_mine:
            folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        if not private or found.st_uid != self.user:
            raise OSError(f"{folder} belongs to others or can be written by them")
        if self._is_mine:
            self._changes.mkdir(mode=0o700, exist_ok=True)
