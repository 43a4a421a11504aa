"""The epoch of many hosts, in Redis."""

from __future__ import annotations

import secrets
import time
from itertools import count
from typing import Any, Final

from apikeys.verification.epochs.base import CHANGE_SECONDS, LENGTH, EpochUnavailableError

REDIS_KEY: Final = "apikeys:epoch"
TIMEOUT_SECONDS: Final = 0.05
RETRY_SECONDS: Final = 1.0


class RedisEpoch:
    """One key in Redis, and a sorted set of the changes under way with the time each is held over.

    It is read on connections of its own, as many as there are reads at once: taking one from a
    client's pool for each read takes as long as Redis does. With each new connection the value is
    another one: a server that was started anew may have gone back to an earlier value. The clocks
    of the hosts should agree within CHANGE_SECONDS.

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
            # The limits' library has a scheme of its own for a socket.
            uri.replace("redis+unix://", "unix://", 1),
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._key = REDIS_KEY
        self._changes = f"{REDIS_KEY}:changes"
        self._idle: list[Any] = []
        self._numbers = count(1)
        self._connected = b""
        self._silent_until = 0.0

    def read(self) -> bytes:
        if time.monotonic() < self._silent_until:
            raise EpochUnavailableError("Redis did not answer a moment ago")
        try:
            connected, value = self._ask("GET", self._key)
            if value is None:
                self._client.set(self._key, secrets.token_bytes(LENGTH), nx=True)
                connected, value = self._ask("GET", self._key)
        except self._errors as error:
            self._silent_until = time.monotonic() + RETRY_SECONDS
            raise EpochUnavailableError(type(error).__name__) from error
        if not isinstance(value, bytes):
            raise EpochUnavailableError("the key is gone")
        return value + connected

    def bump(self) -> None:
        try:
            self._client.set(self._key, secrets.token_bytes(LENGTH))
        except self._errors as error:
            raise EpochUnavailableError(type(error).__name__) from error

    def begin(self) -> str:
        change = secrets.token_hex(16)
        now = time.time()
        try:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.zadd(self._changes, {change: now + CHANGE_SECONDS})
            pipeline.zremrangebyscore(self._changes, "-inf", now)
            pipeline.expire(self._changes, CHANGE_SECONDS)
            pipeline.set(self._key, secrets.token_bytes(LENGTH))
            pipeline.execute()
        except self._errors as error:
            raise EpochUnavailableError(type(error).__name__) from error
        return change

    def end(self, change: str) -> None:
        self.bump()
        try:
            self._client.zrem(self._changes, change)
        except self._errors as error:
            raise EpochUnavailableError(type(error).__name__) from error

    def is_quiet(self) -> bool:
        try:
            _, number = self._ask("ZCOUNT", self._changes, time.time(), "+inf")
        except self._errors as error:
            raise EpochUnavailableError(type(error).__name__) from error
        return bool(number == 0)

    def check(self) -> None:
        """Redis has one place."""

    def _ask(self, *command: Any) -> tuple[bytes, Any]:
        """Return how this process was connected when it asked, and the answer."""
        try:
            idle = self._idle.pop()
        except IndexError:
            return self._send(self._new_connection(), command)
        try:
            return self._send(idle, command)
        except self._hung_up:
            # The server closes connections that are idle for long: the others are no younger.
            self._idle.clear()
            return self._send(self._new_connection(), command)

    def _new_connection(self) -> Any:
        pool = self._client.connection_pool
        made = pool.connection_class(**{**pool.connection_kwargs, "decode_responses": False})
        made.connect()
        self._connected = b"%d" % next(self._numbers)
        return made

    def _send(self, connection: Any, command: tuple[Any, ...]) -> tuple[bytes, Any]:
        connected = self._connected  # before it asks: the answer may be older than the next one
        try:
            connection.send_command(*command, check_health=False)
            value = connection.read_response()
        except BaseException:
            connection.disconnect()  # what it answers late must not be taken for another answer
            raise
        self._idle.append(connection)
        return connected, value
