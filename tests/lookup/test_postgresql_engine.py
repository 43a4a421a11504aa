"""The database engine: waiting for a server that hangs has an end, for a slow one it has none."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError, transaction
from django.db.utils import ConnectionHandler

from apikeys.lookup import prepared_statement
from apikeys.postgresql import base, breakers
from tests.limits.test_limits_redis import Gate
from tests.support.postgres_server import Cluster, cluster, needs_postgres_binaries

pytestmark = [pytest.mark.slow, pytest.mark.postgres, needs_postgres_binaries]

DEADLINE = 3.0
# A busy machine comes back to a thread late.
LATE = 3.0


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as found:
        yield found


@pytest.fixture
def gate(server: Cluster) -> Iterator[Gate]:
    """A port between the test and the server, which may stop to forward."""
    found = Gate(("127.0.0.1", server.port))
    found.open()
    yield found
    found.close()


@pytest.fixture
def connect(gate: Gate, django_db_blocker: Any) -> Iterator[Callable[..., Any]]:
    """Make Django's connection through the gate; each call is a thread's own."""
    made: list[Any] = []

    def make(*, through: int = gate.port, **settings: Any) -> Any:
        options = settings.pop("OPTIONS", {})
        own = {
            "ENGINE": "apikeys.postgresql",
            "NAME": "postgres",
            "USER": "postgres",
            "HOST": "127.0.0.1",
            "PORT": str(through),
            "OPTIONS": options,
            **settings,
        }
        found = ConnectionHandler({"default": own})["default"]
        found.inc_thread_sharing()
        made.append(found)
        return found

    with django_db_blocker.unblock():
        yield make
        gate.flowing.set()
        for one in made:
            one.close()
            one.close_pool()


def ask(connection: Any, sql: str = "SELECT 7") -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def outcome(work: Callable[[], Any]) -> tuple[Any, float]:
    """What became of it, and the seconds that took."""
    began = time.monotonic()
    try:
        found = work()
    except (OperationalError, InterfaceError):  # what pages and views answer with 503
        found = OperationalError
    return found, time.monotonic() - began


def gives_up(work: Callable[[], Any], *, least: float = 0.9) -> None:
    found, seconds = outcome(work)
    assert found is OperationalError
    assert least <= seconds < DEADLINE + LATE


def fails_at_once(work: Callable[[], Any]) -> None:
    found, seconds = outcome(work)
    assert found is OperationalError
    assert seconds < 0.9


def await_answer(connection: Any, within: float = 5 + LATE) -> None:
    """A new connection is needed, as each request takes where the last one failed."""
    end = time.monotonic() + within
    while outcome(lambda: ask(connection))[0] != 7:
        connection.close()
        assert time.monotonic() < end, "it does not come back"
        time.sleep(0.05)


# What may hang


def test_a_statement_that_a_hanging_server_does_not_answer_ends_within_the_deadline(
    connect: Any, gate: Gate
) -> None:
    connection = connect()
    assert ask(connection) == 7
    gate.flowing.clear()
    gives_up(lambda: ask(connection))
    assert connection.connection.closed
    gate.flowing.set()
    await_answer(connection)


def test_a_commit_ends_too(connect: Any, gate: Gate) -> None:
    connection = connect()
    ask(connection)
    connection.set_autocommit(False)
    ask(connection)
    gate.flowing.clear()
    gives_up(connection.commit)


def test_a_transaction_that_hangs_leaves_a_connection_that_can_be_used_again(
    connect: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect()
    monkeypatch.setattr(transaction, "get_connection", lambda using=None: connection)
    ask(connection)

    def work() -> None:
        with transaction.atomic():
            ask(connection)
            gate.flowing.clear()
            ask(connection)

    gives_up(work)
    gate.flowing.set()
    await_answer(connection)
    with transaction.atomic():
        assert ask(connection) == 7


def test_a_prepared_statement_ends_too(connect: Any, gate: Gate) -> None:
    connection = connect()
    ask(connection)
    gate.flowing.clear()
    gives_up(lambda: prepared_statement.cursor(connection).execute("SELECT 7"))


def test_rows_fetched_in_chunks_end_too(connect: Any, gate: Gate) -> None:
    connection = connect()
    ask(connection)
    with closing(connection.chunked_cursor()) as rows:
        rows.execute("SELECT generate_series(1, 10)")
        assert rows.fetchmany(2) == [(1,), (2,)]
        gate.flowing.clear()
        gives_up(lambda: rows.fetchmany(2))
        gate.flowing.set()


def test_connecting_to_a_server_that_takes_the_call_and_says_nothing_ends(
    connect: Any, gate: Gate
) -> None:
    gate.flowing.clear()
    gives_up(lambda: ask(connect()))


def test_the_check_of_a_kept_connection_ends_and_so_does_the_request_that_wanted_it(
    connect: Any, gate: Gate
) -> None:
    connection = connect(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)
    ask(connection)
    connection.close_if_unusable_or_obsolete()  # between two requests
    gate.flowing.clear()
    gives_up(lambda: ask(connection))
    gate.flowing.set()
    await_answer(connection)


def test_closing_waits_for_nobody(connect: Any, gate: Gate) -> None:
    connection = connect()
    ask(connection)
    gate.flowing.clear()
    began = time.monotonic()
    connection.close()
    assert time.monotonic() - began < 0.9


def test_a_pool_ends_too_and_comes_back(connect: Any, gate: Gate) -> None:
    connection = connect(CONN_HEALTH_CHECKS=True, OPTIONS={"pool": {"min_size": 2, "max_size": 2}})
    assert ask(connection) == 7
    gate.flowing.clear()
    gives_up(lambda: ask(connection))
    connection.close()
    fails_at_once(lambda: ask(connection))
    gate.flowing.set()
    await_answer(connection, within=20)


def test_a_server_whose_processes_are_stopped_is_given_up_and_found_again(
    connect: Any, server: Cluster
) -> None:
    connection, other = connect(through=server.port), connect(through=server.port)
    assert [ask(connection), ask(other)] == [7, 7]
    server.hang()
    try:
        gives_up(lambda: ask(connection))
        fails_at_once(lambda: ask(other))
    finally:
        server.wake()
    await_answer(connection)
    await_answer(other)


# Everybody else meanwhile


def test_all_who_wait_give_up_together_and_only_one_asks(connect: Any, gate: Gate) -> None:
    waiting = [connect() for _ in range(8)]
    for one in waiting:
        ask(one)
    before = len(gate.sockets)
    gate.flowing.clear()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda one: outcome(lambda: ask(one)), waiting))
    assert [what for what, _ in found] == [OperationalError] * 8
    assert max(seconds for _, seconds in found) < DEADLINE + LATE
    assert len(gate.sockets) - before == 2  # the two ends of one more connection


def test_while_it_hangs_one_tries_and_the_others_fail_at_once(
    connect: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = connect()
    ask(first)
    others = [connect() for _ in range(6)]
    gate.flowing.clear()
    gives_up(lambda: ask(first))
    for one in others:
        fails_at_once(lambda one=one: ask(one))
    pulse = first._pulse()
    monkeypatch.setattr(pulse.connections, "_retry_at", time.monotonic())
    barrier = threading.Barrier(6)

    def work(one: Any) -> float:
        barrier.wait()
        return outcome(lambda: ask(one))[1]

    with ThreadPoolExecutor(6) as threads:
        seconds = sorted(threads.map(work, others))
    assert seconds[4] < 0.9 + LATE / 3
    assert seconds[5] >= 1.9


def test_a_kept_connection_that_has_nothing_else_tries_as_well(
    connect: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, kept = connect(), connect()
    ask(first)
    ask(kept)
    gate.flowing.clear()
    gives_up(lambda: ask(first))
    fails_at_once(lambda: ask(kept))
    gate.flowing.set()
    end = time.monotonic() + 5 + LATE
    while outcome(lambda: ask(kept))[0] != 7:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert not kept._pulse().connections.admit()


def test_a_pooler_that_lets_everybody_in_while_its_server_hangs_is_not_believed(
    connect: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = connect()
    ask(first)
    gate.flowing.clear()
    gives_up(lambda: ask(first))
    first.close()
    monkeypatch.setattr(first._pulse().connections, "_retry_at", time.monotonic())
    new = base.base.DatabaseWrapper.get_new_connection

    def let_in(self: Any, params: Any) -> Any:
        gate.flowing.set()
        found = new(self, params)
        gate.flowing.clear()
        return found

    monkeypatch.setattr(base.base.DatabaseWrapper, "get_new_connection", let_in)
    gives_up(lambda: ask(first))
    fails_at_once(lambda: ask(connect()))


def test_what_one_process_knows_is_told_once_when_it_hangs_and_once_when_it_is_back(
    connect: Any, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    connection = connect()
    ask(connection)
    gate.flowing.clear()
    outcome(lambda: ask(connection))
    for _ in range(3):
        connection.close()
        outcome(lambda: ask(connection))
    gate.flowing.set()
    await_answer(connection)
    said = [r.getMessage() for r in caplog.records if r.name == "apikeys.database"]
    assert said == [
        "database silent: what needs it fails at once until it answers",
        "database answers again",
    ]


# What is slow and does not hang


def test_a_slow_statement_is_waited_for_while_the_server_answers_others(connect: Any) -> None:
    connection = connect()
    found, seconds = outcome(lambda: ask(connection, "SELECT 7 FROM pg_sleep(4.5)"))
    assert found == 7
    assert seconds >= 4.5


def test_a_statement_that_waits_for_a_lock_is_waited_for(connect: Any) -> None:
    holder, waiter = connect(), connect()
    ask(holder)
    ask(waiter)
    holder.set_autocommit(False)
    ask(holder, "SELECT pg_advisory_xact_lock(1)::text")
    release = threading.Timer(4.5, holder.commit)
    release.start()
    found, seconds = outcome(lambda: ask(waiter, "SELECT 7 FROM pg_advisory_xact_lock(1)"))
    release.join()
    assert found == 7
    assert seconds > 3.5


def test_the_servers_own_time_out_comes_first_and_keeps_the_connection(connect: Any) -> None:
    connection = connect(OPTIONS={"statement_timeout": 2.5})
    assert ask(connection, "SHOW statement_timeout") == "2500ms"
    with pytest.raises(OperationalError, match="statement timeout"):
        ask(connection, "SELECT pg_sleep(20)")
    assert ask(connection) == 7


def test_a_connection_that_died_alone_ends_after_the_statement_time_out(
    connect: Any, gate: Gate
) -> None:
    connection = connect(OPTIONS={"statement_timeout": 3})
    ask(connection)
    gate.lose_connections()  # those that come from now on are served
    found, seconds = outcome(lambda: ask(connection))
    assert found is OperationalError
    assert 4.5 < seconds < 5 + LATE
    await_answer(connection)


def test_an_error_is_an_answer(connect: Any, gate: Gate) -> None:
    connection = connect()
    ask(connection)
    gate.flowing.clear()
    gives_up(lambda: ask(connection))
    gate.flowing.set()
    wrong = connect(NAME="nowhere")
    end = time.monotonic() + 5 + LATE
    while "does not exist" not in _said(wrong):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert ask(connect()) == 7


def _said(connection: Any) -> str:
    try:
        ask(connection)
    except OperationalError as error:
        return str(error)
    return ""


# Settings


@pytest.mark.parametrize("name", ["deadline", "statement_timeout"])
@pytest.mark.parametrize("value", [0, 2.4, -1, "3", True, float("nan"), float("inf")])
def test_a_time_that_can_t_be_kept_is_refused(connect: Any, name: str, value: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match=f'"{name}".*2.5 seconds or more'):
        connect(OPTIONS={name: value})


def test_a_longer_deadline_is_kept_too(connect: Any, gate: Gate) -> None:
    connection = connect(OPTIONS={"deadline": 5})
    ask(connection)
    gate.flowing.clear()
    gives_up(lambda: ask(connection), least=2.9)


def test_a_breaker_tells_news_once_and_admits_one_try_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SimpleNamespace(now=10.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(breakers, "time", clock)
    made = breakers.Breaker(longest_try=5)
    assert not made.admit()
    assert [made.open(), made.open()] == [True, False]
    clock.now += 0.9
    with pytest.raises(breakers.OpenError):
        made.admit()
    clock.now += 0.1
    assert made.admit()
    clock.now += 4.9
    with pytest.raises(breakers.OpenError):
        made.admit()
    clock.now += 0.1
    assert made.admit()  # the thread that tried is gone
    assert [made.close(), made.close()] == [True, False]
    assert not made.admit()


def test_a_forked_child_begins_with_nothing_known() -> None:
    program = (
        "import os\n"
        "from apikeys.postgresql import base\n"
        "base._pulses['h', '1'] = 'what the parent knows'\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(len(base._pulses))\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
