"""The Redis that tests of limits use, in a namespace of their own."""

from __future__ import annotations

import contextlib
import os
import socket
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from apikeys.limits import Charge, Limiter


def redis_uri() -> str:
    """Database 15 of REDIS_URL, or of the Redis of this machine."""
    parts = urlsplit(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))
    return urlunsplit(parts._replace(path="/15"))


def redis_is_missing() -> bool:
    """Only the Redis nobody promised may be missing: one named by REDIS_URL must answer."""
    if "REDIS_URL" in os.environ:
        return False
    try:
        socket.create_connection(("127.0.0.1", 6379), timeout=0.5).close()
    except OSError:
        return True
    return False


needs_redis = pytest.mark.skipif(redis_is_missing(), reason="no REDIS_URL and no Redis here")


@contextlib.contextmanager
def limiter_on_redis(patience: float | None = None) -> Iterator[Limiter]:
    """Make a limiter in a fresh namespace and leave nothing of it behind.

    Args:
        patience: seconds that Redis has to answer, where a busy machine must not make the limiter
            count for itself; by default the library's own.
    """
    query = f"?socket_timeout={patience}&socket_connect_timeout={patience}" if patience else ""
    found = Limiter(redis_uri() + query, namespace=f"apikeys-test-{uuid.uuid4().hex}")
    yield found
    assert found._redis is not None
    found._redis.reset()  # past the breaker, which a test may leave open
    client(found).connection_pool.disconnect()


def client(found: Limiter) -> Any:
    assert found._redis is not None
    return found._redis.client


def allowed(found: Limiter, charge: Charge, attempts: int) -> int:
    return sum(found.hit([charge]).allowed for _ in range(attempts))
