"""A value that changes with every change that decides about a token; for the cached mode.

What one process remembers holds only while the epoch is the one it was read under. On one host it
lies in shared memory, across hosts in Redis. Knows no models and no tokens.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import secrets
import stat
import tempfile
import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

from django.conf import settings as django_settings

from apikeys import conf

LENGTH: Final = 16
REDIS_KEY: Final = "apikeys:epoch"
TIMEOUT_SECONDS: Final = 0.05
RETRY_SECONDS: Final = 1.0


class EpochUnavailableError(Exception):
    """The epoch can't be read or written now."""


class Epoch(Protocol):
    """Where the value lies."""

    def read(self) -> bytes:
        """Return the value; raises EpochUnavailableError."""

    def bump(self) -> None:
        """Change the value; raises EpochUnavailableError."""

    def check(self) -> None:
        """Notice that the place has been replaced; called now and then, not on every request.

        Raises EpochUnavailableError.
        """


class HostEpoch:
    """Sixteen bytes that all processes of one user on one host map into their memory.

    Args:
        path: the file; its folder is made for this user alone, and a folder that others can write
            to is refused.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._map: mmap.mmap | None = None
        self._inode = 0

    def read(self) -> bytes:
        mapped = self._map if self._map is not None else self._open()
        return mapped[:LENGTH]

    def bump(self) -> None:
        before = self._map
        self.check()
        value = secrets.token_bytes(LENGTH)
        for mapped in {id(m): m for m in (before, self._map) if m is not None}.values():
            mapped[:LENGTH] = value

    def check(self) -> None:
        # A cleaner of temporary files may have removed the file: processes started since then
        # map another one, and must hear of this one's changes.
        try:
            inode = os.stat(self.path).st_ino
        except OSError:
            inode = 0
        if self._map is None or inode != self._inode:
            self._open()

    def _open(self) -> mmap.mmap:
        with self._lock:
            try:
                self._make_folder()
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                descriptor = os.open(self.path, flags, 0o600)
                try:
                    if os.fstat(descriptor).st_size < LENGTH:
                        os.write(descriptor, secrets.token_bytes(LENGTH))
                    self._inode = os.fstat(descriptor).st_ino
                    self._map = mmap.mmap(descriptor, LENGTH)
                finally:
                    os.close(descriptor)
            except (OSError, ValueError) as error:
                self._map = None
                raise EpochUnavailableError(str(error)) from error
            return self._map

    def _make_folder(self) -> None:
        folder = self.path.parent
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        if not private or found.st_uid != os.geteuid():
            raise OSError(f"{folder} belongs to others or can be written by them")


class RedisEpoch:
    """One key in Redis.

    It is read on connections of its own, as many as there are reads at once: taking one from a
    client's pool for each read takes as long as Redis does.

    Args:
        uri: as for the limits' storage.
    """

    def __init__(self, uri: str) -> None:
        from redis import ConnectionError as RedisConnectionError
        from redis import Redis, RedisError
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._errors = (RedisError, OSError)
        self._hung_up = RedisConnectionError
        self._client: Any = Redis.from_url(
            uri,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._idle: list[Any] = []
        self._silent_until = 0.0

    def read(self) -> bytes:
        if time.monotonic() < self._silent_until:
            raise EpochUnavailableError("Redis did not answer a moment ago")
        try:
            value = self._get()
            if value is None:
                self._client.set(REDIS_KEY, secrets.token_bytes(LENGTH), nx=True)
                value = self._get()
        except self._errors as error:
            self._silent_until = time.monotonic() + RETRY_SECONDS
            raise EpochUnavailableError(type(error).__name__) from error
        if not isinstance(value, bytes):
            raise EpochUnavailableError("the key is gone")
        return value

    def _get(self) -> Any:
        try:
            idle = self._idle.pop()
        except IndexError:
            return self._ask(self._new_connection())
        try:
            return self._ask(idle)
        except self._hung_up:
            # The server closes connections that are idle for long: the others are no younger.
            self._idle.clear()
            return self._ask(self._new_connection())

    def _new_connection(self) -> Any:
        pool = self._client.connection_pool
        return pool.connection_class(**{**pool.connection_kwargs, "decode_responses": False})

    def _ask(self, connection: Any) -> Any:
        try:
            connection.send_command("GET", REDIS_KEY, check_health=False)
            value = connection.read_response()
        except BaseException:
            connection.disconnect()  # what it answers late must not be taken for another answer
            raise
        self._idle.append(connection)
        return value

    def bump(self) -> None:
        try:
            self._client.set(REDIS_KEY, secrets.token_bytes(LENGTH))
        except self._errors as error:
            raise EpochUnavailableError(type(error).__name__) from error

    def check(self) -> None:
        """Redis has one place."""


_current: tuple[conf.Settings, Epoch | None] | None = None


def current() -> Epoch | None:
    """Return the epoch of the cached mode; None when that is off."""
    global _current
    settings = conf.get()
    if _current is None or _current[0] is not settings:
        _current = (settings, _of(settings))
    return _current[1]


def _of(settings: conf.Settings) -> Epoch | None:
    if settings.cache is None:
        return None
    if settings.cache == "redis":
        return _redis(settings.limits_storage)
    return _host(django_settings.SECRET_KEY)


@lru_cache(maxsize=4)
def _redis(uri: str) -> RedisEpoch:
    return RedisEpoch(uri)


def _forget_connections() -> None:
    """A forked child must not read what its parent asked for."""
    global _current
    _current = None
    _redis.cache_clear()


os.register_at_fork(after_in_child=_forget_connections)


@lru_cache(maxsize=4)
def _host(secret_key: str) -> HostEpoch:
    # The folder in it is checked: nobody else's is used.
    memory = Path("/dev/shm")  # noqa: S108  # nosec B108
    base = memory if memory.is_dir() else Path(tempfile.gettempdir())
    name = hashlib.sha256(secret_key.encode()).hexdigest()[:16]
    return HostEpoch(base / f"apikeys-{os.geteuid()}" / name)
