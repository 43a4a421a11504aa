"""Usage where a server lets no thread run, or ends a process past Python's own hooks."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing.process
import multiprocessing.util
import sys
import threading
from types import SimpleNamespace

import pytest
from django.core import mail
from django.core.signals import request_finished
from django.db import OperationalError, transaction

from apikeys.activity import counters, servers, usage
from apikeys.activity.usage import Buffer
from apikeys.models import UsageCounter

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def process(monkeypatch):
    """A process that has counted nothing yet, outside of Django's test runner."""
    monkeypatch.delattr(mail, "outbox")
    monkeypatch.setattr(usage, "_buffer", Buffer())
    monkeypatch.setattr(servers, "_write_if_overdue", None)
    monkeypatch.setattr(servers, "_lifespan_began", False)
    yield
    request_finished.disconnect(dispatch_uid="apikeys.usage")


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(usage.time, "monotonic", lambda: now.seconds)
    return now


@pytest.fixture
def old_uwsgi(monkeypatch):
    server = SimpleNamespace(opt={b"master": True}, version_info=(2, 0, 21, 0, "debian"))
    monkeypatch.setitem(sys.modules, "uwsgi", server)
    return server


@pytest.fixture
def no_threads(monkeypatch):
    """Threads start and never get a turn."""
    monkeypatch.setattr(threading.Thread, "start", lambda thread: None)


@pytest.fixture
def use(issue):
    token = issue().token
    return lambda: usage.record(token.pk, "success", address=None, agent="")


def counted():
    return sum(UsageCounter.objects.values_list("count", flat=True))


def answered():
    request_finished.send(sender=None)
    return counted()


def lines(caplog):
    return [record.message for record in caplog.records if record.name == "apikeys.usage"]


def test_requests_write_where_uwsgi_runs_no_threads(old_uwsgi, clock, use, caplog):
    for _ in range(3):
        use()
    assert usage._buffer._thread is None
    assert answered() == 0
    clock.seconds += 9
    assert answered() == 0
    clock.seconds += 1
    use()
    assert answered() == 4
    use()
    assert answered() == 4
    clock.seconds += 10
    assert answered() == 5
    [line] = lines(caplog)
    assert "uWSGI: --enable-threads" in line


@pytest.mark.parametrize(
    ("options", "version", "runs"),
    [
        ({}, (2, 0, 21), False),
        ({b"enable-threads": True}, (2, 0, 21), True),
        ({"enable-threads": True}, (2, 0, 21), True),
        ({"threads": b"2"}, (2, 0, 21), True),
        ({}, (2, 0, 26), False),
        ({}, (2, 0, 27), True),
        ({}, (2, 1, 0), True),
        ({"disable-threads": True}, (2, 0, 31), False),
    ],
)
def test_what_uwsgi_says_of_its_threads_is_understood(old_uwsgi, options, version, runs):
    old_uwsgi.opt, old_uwsgi.version_info = options, (*version, 0, "")
    assert servers.runs_threads() is runs


def test_requests_write_when_the_thread_gets_no_turn(no_threads, clock, use, caplog):
    use()
    clock.seconds += 19
    use()
    assert (answered(), lines(caplog)) == (0, [])
    clock.seconds += 1
    use()
    assert answered() == 3
    assert len(lines(caplog)) == 1
    clock.seconds += 60
    use()
    assert answered() == 4
    assert len(lines(caplog)) == 1


def test_no_request_waits_for_another_that_writes(old_uwsgi, clock, use):
    use()
    clock.seconds += 10
    with usage._buffer._flushing:
        assert answered() == 0
    assert answered() == 1


def test_an_event_loop_writes_nothing(old_uwsgi, clock, use):
    async def finish():
        request_finished.send(sender=None)

    use()
    clock.seconds += 10
    asyncio.run(finish())
    assert counted() == 0
    assert answered() == 1


def test_nothing_is_written_into_a_transaction_of_somebody_else(old_uwsgi, clock, use):
    use()
    clock.seconds += 10
    with transaction.atomic():
        request_finished.send(sender=None)
        transaction.set_rollback(True)
    assert counted() == 0
    assert answered() == 1


def test_a_database_that_is_gone_breaks_no_answer(old_uwsgi, clock, use, monkeypatch, caplog):
    def fail(*args):
        raise OperationalError("gone")

    def fail_otherwise(*args):
        raise KeyError("unforeseen")

    use()
    for failure, line in (
        (fail, "usage not written, kept for the next flush: OperationalError"),
        (fail_otherwise, "usage flush failed"),
    ):
        clock.seconds += 10
        with monkeypatch.context() as broken:
            broken.setattr(counters, "add_counts", failure)
            assert answered() == 0
        assert lines(caplog)[-1] == line


def test_a_slow_flush_is_no_missing_thread(no_threads, clock, use, caplog):
    use()
    clock.seconds += 60
    with usage._buffer._flushing:
        use()
    assert lines(caplog) == []


def test_a_child_of_multiprocessing_writes_before_it_ends(use, no_threads, monkeypatch):
    monkeypatch.setattr(multiprocessing.process, "_parent_process", object())
    monkeypatch.setattr(servers, "ignore_signals", lambda: None)
    before = set(multiprocessing.util._finalizer_registry)
    use()
    [added] = set(multiprocessing.util._finalizer_registry) - before
    assert counted() == 0
    multiprocessing.util._finalizer_registry[added]()
    assert counted() == 1


@pytest.mark.parametrize(("lifespan", "said"), [(False, 1), (True, 0)])
def test_uvicorn_without_lifespan_is_named_once(
    use, no_threads, monkeypatch, caplog, lifespan, said
):
    monkeypatch.setitem(sys.modules, "uvicorn.protocols.http.h11_impl", SimpleNamespace())
    caplog.set_level(logging.WARNING, logger="apikeys.usage")
    if lifespan:
        servers.lifespan_began()
    use()
    use()
    assert ["with_lifespan" in line for line in lines(caplog)] == [True] * said
