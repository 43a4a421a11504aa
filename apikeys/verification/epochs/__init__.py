"""A value that changes with every change that decides about a token; for the cached mode.

What one process remembers holds only while the epoch is the one it was read under. On one host it
lies in shared memory, across hosts in Redis. Knows no models and no tokens.

A change is told of twice: it begins before anything is written and it ends when the transaction
has. In between nothing is remembered, so a row that is read too early is forgotten at once. A
change that nobody ends, since its process was killed, keeps memory off for CHANGE_SECONDS.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import lru_cache
from pathlib import Path

from django.conf import settings as django_settings

from apikeys import conf
from apikeys.verification.epochs.base import CHANGE_SECONDS, LENGTH, Epoch, EpochUnavailableError
from apikeys.verification.epochs.host import HostEpoch
from apikeys.verification.epochs.redis import RedisEpoch

__all__ = [
    "CHANGE_SECONDS",
    "LENGTH",
    "Epoch",
    "EpochUnavailableError",
    "HostEpoch",
    "RedisEpoch",
    "current",
    "of_user",
]

_current: tuple[conf.Settings, Epoch | None] | None = None


def current() -> Epoch | None:
    """Return the epoch of the cached mode; None when that is off."""
    global _current
    settings = conf.get()
    if _current is None or _current[0] is not settings:
        _current = (settings, _of(settings))
    return _current[1]


def of_user(user: int) -> HostEpoch:
    """Return the epoch on this host of the processes of another Unix user, by its number."""
    return HostEpoch(_path(django_settings.SECRET_KEY, user), user=user)


def _of(settings: conf.Settings) -> Epoch | None:
    if settings.cache is None:
        return None
    if settings.cache == "redis":
        return _redis(settings.limits_storage)
    return _host(django_settings.SECRET_KEY)


@lru_cache(maxsize=4)
def _redis(uri: str) -> RedisEpoch:
    return RedisEpoch(uri)


@lru_cache(maxsize=4)
def _host(secret_key: str) -> HostEpoch:
    return HostEpoch(_path(secret_key, os.geteuid()))


def _path(secret_key: str, user: int) -> Path:
    # The folder in it is checked: nobody else's is used.
    memory = Path("/dev/shm")  # noqa: S108  # nosec B108
    base = memory if memory.is_dir() else Path(tempfile.gettempdir())
    name = hashlib.sha256(secret_key.encode()).hexdigest()[:16]
    return base / f"apikeys-{user}" / name


def _forget_connections() -> None:
    """A forked child must not read what its parent asked for."""
    global _current
    _current = None
    _redis.cache_clear()


os.register_at_fork(after_in_child=_forget_connections)
