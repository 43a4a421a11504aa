"""Limits in Redis: across processes, with times to live, and when Redis does not answer."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from apikeys.limits import Charge, Limit, Limiter, limiters
from tests.support.redis_server import allowed, client, limiter_on_redis, needs_redis, redis_uri

START = 1_800_000_000


@pytest.fixture
def shared() -> Iterator[Limiter]:
    """A limiter on Redis."""
    with limiter_on_redis() as found:
        yield found


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The module's monotonic clock, moved by hand."""
    fake = SimpleNamespace(now=100.0, time=time.time)
    fake.monotonic = lambda: fake.now
    monkeypatch.setattr(limiters, "time", fake)
    return fake


def attempt(uri: str, namespace: str, barrier: Any, attempts: int, answers: Any) -> None:
    """What each process of the next test does."""
    found = Limiter(uri, namespace=namespace)
    charges = [
        [Charge(Limit("100/hour", name="lone"), "k")],
        [Charge(Limit("100/hour", name="rolling", rolling=True), "k")],
        [Charge(Limit("100/hour", name="one"), "k"), Charge(Limit("900/hour", name="two"), "k")],
    ]
    counts = []
    for these in charges:
        barrier.wait()
        counts.append(sum(found.hit(these).allowed for _ in range(attempts)))
    answers.put((counts, found.degraded))


@needs_redis
@pytest.mark.redis
@pytest.mark.slow
def test_four_processes_are_let_through_exactly_the_limit(shared: Limiter) -> None:
    spawn = multiprocessing.get_context("spawn")
    barrier, answers = spawn.Barrier(4), spawn.Queue()
    assert shared._redis is not None
    namespace = shared._redis.key_prefix
    # Patient with Redis: a busy machine that lets 50 ms pass would count in each process.
    uri = f"{redis_uri()}?socket_timeout=10&socket_connect_timeout=10"
    processes = [
        spawn.Process(target=attempt, args=(uri, namespace, barrier, 150, answers))
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    results = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert [degraded for _, degraded in results] == [False] * 4
    lone, rolling, pair = (sum(counts) for counts in zip(*[r[0] for r in results], strict=True))
    assert (lone, rolling) == (100, 100)
    # None too many, and each of the 500 refused left the other limit as it was.
    assert pair == 100
    two = Charge(Limit("900/hour", name="two"), "k")
    assert shared.peek([two])[0].remaining == 800


@needs_redis
@pytest.mark.redis
def test_every_key_in_redis_has_a_time_to_live_within_its_window(shared: Limiter) -> None:
    charges = [
        Charge(Limit("3/minute"), "k"),
        Charge(Limit("3/minute", rolling=True), "k"),
        Charge(Limit("2/hour", name="other"), "k"),
    ]
    for _ in range(5):
        shared.hit(charges)
        shared.peek(charges)
    assert shared._redis is not None
    keys = list(client(shared).scan_iter(f"{shared._redis.key_prefix}:*"))
    lives = sorted(client(shared).pttl(key) for key in keys)
    assert len(lives) == 3
    assert all(0 < life <= 60_000 for life in lives[:2])
    assert 60_000 < lives[2] <= 3_600_000


@needs_redis
@pytest.mark.redis
def test_a_key_has_its_time_to_live_even_if_the_process_dies_before_the_answer(
    shared: Limiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge = Charge(Limit("2/minute"), "k")
    assert shared._redis is not None

    def die(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(shared._redis, "_counts", die)
    with pytest.raises(SystemExit):
        shared.hit([charge])
    assert 50 < client(shared).ttl(shared._redis.prefixed_key(charge.stored_as)) <= 60


@needs_redis
@pytest.mark.redis
@pytest.mark.parametrize("beside", [[], [Charge(Limit("9/hour"), "k")]], ids=["lone", "beside"])
def test_a_key_whose_time_to_live_was_lost_gets_one_again(
    shared: Limiter, beside: list[Charge]
) -> None:
    charge = Charge(Limit("2/minute", name="lost"), "k")
    assert shared._redis is not None
    key = shared._redis.prefixed_key(charge.stored_as)
    client(shared).set(key, 2)
    assert client(shared).ttl(key) == -1
    assert not shared.hit([charge, *beside]).allowed
    assert 50 < client(shared).ttl(key) <= 60


@needs_redis
@pytest.mark.redis
def test_redis_that_lost_its_keys_begins_a_new_window(shared: Limiter) -> None:
    charge = Charge(Limit("2/hour"), "k")
    assert allowed(shared, charge, 5) == 2
    assert shared._redis is not None
    client(shared).delete(shared._redis.prefixed_key(charge.stored_as))
    assert allowed(shared, charge, 5) == 2


# Redis that does not answer


class Gate:
    """A TCP port of this machine between a limiter and Redis: closed, flowing or hanging."""

    def __init__(self, target: tuple[str, int] | None = None) -> None:
        self.target = target
        self.flowing = threading.Event()
        self.flowing.set()
        self.lost: list[threading.Event] = []
        self.sockets: list[socket.socket] = []
        self.threads: list[threading.Thread] = []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))  # bound and not listening: refused
        self.port: int = self.listener.getsockname()[1]

    def open(self) -> None:
        self.listener.listen(64)
        self._start(self._accept)

    def lose_connections(self) -> None:
        """What is connected hangs for good; what connects from now on flows."""
        self.flowing.clear()
        self.lost.append(self.flowing)
        self.flowing = threading.Event()
        self.flowing.set()

    def close(self) -> None:
        for one in [self.listener, *self.sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for flowing in [self.flowing, *self.lost]:  # only now: what hung shall not reach Redis
            flowing.set()
        for thread in self.threads:
            thread.join()
        for one in [self.listener, *self.sockets]:
            one.close()

    def _start(self, work: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=work, args=args)
        self.threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            self.sockets.append(near)
            if self.target is not None:
                far = socket.create_connection(self.target)
                self.sockets.append(far)
                self._start(self._relay, near, far)
                self._start(self._relay, far, near)

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        flowing = self.flowing
        try:
            while data := source.recv(65536):
                flowing.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


@pytest.fixture
def refused() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.close()


@pytest.fixture
def hanging() -> Iterator[Gate]:
    gate = Gate()
    gate.open()
    yield gate
    gate.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    parts = urlsplit(redis_uri())
    found = Gate((parts.hostname or "127.0.0.1", parts.port or 6379))
    yield found
    found.close()


def behind(gate: Gate) -> Limiter:
    parts = urlsplit(redis_uri())
    host = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    uri = urlunsplit(parts._replace(netloc=f"{host}127.0.0.1:{gate.port}"))
    return Limiter(uri, namespace=f"apikeys-test-{uuid.uuid4().hex}")


@pytest.mark.parametrize("state", ["refused", "hanging"])
@pytest.mark.parametrize("rolling", [False, True])
def test_without_redis_the_process_counts_by_itself(
    state: str, rolling: bool, request: pytest.FixtureRequest
) -> None:
    found = behind(request.getfixturevalue(state))
    charges = [
        Charge(Limit("5/hour", rolling=rolling), "k"),
        Charge(Limit("100/hour", per="user"), "k"),
    ]
    assert not found.degraded
    assert sum(found.hit(charges).allowed for _ in range(20)) == 5
    assert found.degraded
    assert [window.remaining for window in found.peek(charges)] == [0, 95]
    found.clear()
    assert found.hit(charges).allowed


@pytest.mark.parametrize("scheme", ["unix", "redis+unix"])
def test_redis_may_be_a_unix_socket(scheme: str, tmp_path: Path) -> None:
    found = Limiter(f"{scheme}://{tmp_path}/redis.sock")
    assert client(found).connection_pool.connection_kwargs["path"] == f"{tmp_path}/redis.sock"
    assert allowed(found, Charge(Limit("2/hour"), "k"), 5) == 2
    assert found.degraded


def test_a_hanging_redis_costs_one_request_one_timeout(
    hanging: Gate, moments: SimpleNamespace
) -> None:
    found = behind(hanging)
    charge = Charge(Limit("1000/hour"), "k")

    def attempts() -> int:
        return len(hanging.sockets)

    began = time.perf_counter()
    found.hit([charge])
    first = time.perf_counter() - began
    assert 0.04 < first < 0.5
    assert attempts() == 1
    began = time.perf_counter()
    for _ in range(100):
        found.hit([charge])
    assert time.perf_counter() - began < 0.5
    moments.now += 0.99
    found.hit([charge])
    assert attempts() == 1
    moments.now += 0.02
    for _ in range(100):
        found.hit([charge])
    assert attempts() == 2
    assert found.peek([charge])[0].remaining == 1000 - 202


def test_one_thread_probes_while_the_others_count_locally(
    hanging: Gate, moments: SimpleNamespace
) -> None:
    found = behind(hanging)
    charge = Charge(Limit("1000/hour"), "k")
    found.hit([charge])
    assert len(hanging.sockets) == 1
    moments.now += 1.5
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        found.hit([charge])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hanging.sockets) == 2
    assert found.peek([charge])[0].remaining == 1000 - 9


def test_an_outage_is_logged_once_a_minute_without_the_password(
    refused: Gate, moments: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    found = Limiter(f"redis://default:hunter2@127.0.0.1:{refused.port}/15")
    charge = Charge(Limit("1000/hour"), "k")
    with caplog.at_level(logging.DEBUG, logger="apikeys.limits"):
        for _ in range(590):
            found.hit([charge])
            moments.now += 0.1
        assert len(caplog.records) == 1
        moments.now += 1.1
        found.hit([charge])
    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        (
            "apikeys.limits",
            "WARNING",
            "Redis fails (ConnectionError): this process counts limits by itself",
        )
    ] * 2
    assert "hunter2" not in caplog.text


def test_the_end_of_an_outage_is_told_as_loudly_as_its_beginning(
    refused: Gate,
    moments: SimpleNamespace,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = Limiter(f"redis://127.0.0.1:{refused.port}/15")
    charge = Charge(Limit("1000/hour"), "k")
    found.charge_one(charge)
    assert found.degraded
    monkeypatch.setattr(found._redis, "add", lambda charges, amount: [(1, 60.0)])
    moments.now += 1.1
    found.charge_one(charge)
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("WARNING", "Redis fails (ConnectionError): this process counts limits by itself"),
        ("WARNING", "Redis answers again: limits are shared between processes"),
    ]


@needs_redis
@pytest.mark.redis
def test_redis_that_starts_late_is_used_within_a_second(
    gate: Gate, moments: SimpleNamespace
) -> None:
    found = behind(gate)
    charge = Charge(Limit("3/hour"), "k")
    assert allowed(found, charge, 10) == 3
    assert found.degraded
    gate.open()
    moments.now += 1.0
    assert allowed(found, charge, 10) == 3
    assert not found.degraded
    found.clear()
    client(found).connection_pool.disconnect()


@needs_redis
@pytest.mark.redis
def test_redis_that_hangs_and_wakes_goes_on_with_its_own_counts(
    gate: Gate, moments: SimpleNamespace
) -> None:
    gate.open()
    found = behind(gate)
    charge = Charge(Limit("10/hour"), "k")
    assert allowed(found, charge, 4) == 4
    gate.flowing.clear()
    assert allowed(found, charge, 20) == 10
    assert found.degraded
    moments.now += 1.0
    assert allowed(found, charge, 20) == 0
    assert found.degraded
    gate.flowing.set()
    moments.now += 1.0
    passed = allowed(found, charge, 20)
    assert not found.degraded
    # 4 before, and the one that hung is charged when Redis wakes, before or after these.
    assert passed in (5, 6)
    found.clear()
    client(found).connection_pool.disconnect()


@needs_redis
@pytest.mark.redis
def test_many_lost_connections_cost_one_attempt_and_not_one_each(
    gate: Gate, moments: SimpleNamespace
) -> None:
    gate.open()
    found = behind(gate)
    pool = client(found).connection_pool
    idle = [pool.get_connection() for _ in range(4)]
    for connection in idle:
        pool.release(connection)
    charge = Charge(Limit("10/hour"), "k")
    assert found.hit([charge]).allowed
    assert not found.degraded
    gate.lose_connections()
    found.hit([charge])
    assert found.degraded
    moments.now += 1.0
    found.hit([charge])
    assert not found.degraded
    busy = pool.get_connection()  # as another thread would, so that the next hit takes another
    found.hit([charge])
    assert not found.degraded
    pool.release(busy)
    found.clear()
    pool.disconnect()


@needs_redis
@pytest.mark.redis
def test_an_error_of_redis_is_an_outage_too(shared: Limiter) -> None:
    charge = Charge(Limit("2/hour"), "k")
    assert shared._redis is not None
    client(shared).lpush(shared._redis.prefixed_key(charge.stored_as), "not a number")
    assert allowed(shared, charge, 5) == 2
    assert shared.degraded
