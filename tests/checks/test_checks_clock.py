"""`manage.py check --database default` says when this host's clock differs from its stores'."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import OperationalError, connection, connections
from django.test import override_settings

from apikeys.checks import clock
from tests.support.redis_server import needs_redis, redis_uri

pytestmark = pytest.mark.django_db

STEPS = [
    (1.0, None),
    (-1.0, None),
    (10.0, "apikeys.W060"),
    (-10.0, "apikeys.W060"),
    (50.0, "apikeys.W060"),
    (70.0, "apikeys.E060"),
    (-3600.0, "apikeys.E060"),
    (86_400.0, "apikeys.E060"),
]


def found(databases=("default",)):
    return clock.check_clocks(None, databases=databases)


@pytest.fixture
def in_memory():
    changed = {**django_settings.APIKEYS, "LIMITS_STORAGE": "memory://"}
    with override_settings(APIKEYS=changed):
        yield


@pytest.fixture
def in_redis():
    changed = {**django_settings.APIKEYS, "LIMITS_STORAGE": redis_uri()}
    with override_settings(APIKEYS=changed):
        yield


@pytest.fixture
def database_clock(monkeypatch, in_memory):
    """The database's time is this host's true one, whatever tests make of the latter."""
    offset = time.time() - time.clock_gettime(time.CLOCK_MONOTONIC)

    def true_time():
        return time.clock_gettime(time.CLOCK_MONOTONIC) + offset

    monkeypatch.setattr(clock, "_of_database", lambda using: true_time)


@pytest.mark.parametrize(("step", "identifier"), STEPS)
def test_a_clock_that_differs_from_the_databases_is_named_with_what_to_do(
    database_clock, step, identifier
):
    with time_machine.travel(time.time() + step):
        messages = found()
    assert [message.id for message in messages] == ([identifier] if identifier else [])
    if identifier:
        seconds, which = round(abs(step)), "ahead of" if step > 0 else "behind"
        assert messages[0].msg in {
            f"This host's clock is {about} seconds {which} the database's."
            for about in (seconds - 1, seconds, seconds + 1)
        }
        assert "NTP" in messages[0].hint


@pytest.mark.postgres
@pytest.mark.parametrize(("step", "identifier"), STEPS)
def test_postgresql_is_asked_for_its_time(in_memory, step, identifier):
    connection.ensure_connection()
    with time_machine.travel(time.time() + step):
        messages = found()
    assert [message.id for message in messages] == ([identifier] if identifier else [])


@needs_redis
@pytest.mark.redis
@pytest.mark.parametrize(("step", "identifier"), STEPS)
def test_redis_is_asked_for_its_time_where_limits_are_counted_there(
    in_redis, monkeypatch, step, identifier
):
    monkeypatch.setattr(clock, "_of_database", lambda using: lambda: None)
    with time_machine.travel(time.time() + step):
        messages = found()
    assert [message.id for message in messages] == (["apikeys.W060"] if identifier else [])
    assert all("Redis's" in message.msg for message in messages)


@pytest.mark.parametrize("step", [70.0, -3600.0])
def test_a_redis_whose_clock_is_off_does_not_stop_migrate(monkeypatch, step):
    """``migrate`` runs the checks of databases, and no migration asks Redis."""
    monkeypatch.setattr(clock, "_of_database", lambda using: lambda: None)
    monkeypatch.setattr(clock, "_of_redis", lambda: time.time() - step)
    [message] = found()
    assert message.id == "apikeys.W060"
    assert not message.is_serious()
    which = "ahead of" if step > 0 else "behind"
    assert message.msg == f"This host's clock is {abs(step):.0f} seconds {which} Redis's."
    call_command("migrate", "apikeys", verbosity=0, skip_checks=False)


def test_a_database_whose_clock_is_off_does_stop_it(monkeypatch, in_memory):
    monkeypatch.setattr(clock, "_of_database", lambda using: lambda: time.time() - 70)
    with pytest.raises(SystemCheckError, match="ahead of the database's"):
        call_command("migrate", "apikeys", verbosity=0, skip_checks=False)


def test_the_command_fails_on_it(database_clock):
    with (
        time_machine.travel(time.time() + 3600),
        pytest.raises(SystemCheckError, match="3600 seconds ahead of the database's"),
    ):
        call_command("check", databases=["default"])


@pytest.mark.parametrize(
    ("theirs", "took", "ahead"),
    [
        (1000.0, 0.0, 0.0),
        (1009.9, 10.0, 0.0),  # it may have looked at the end of ten seconds
        (1000.1, 10.0, 0.0),  # or at their beginning
        (1013.0, 10.0, -3.0),
        (997.0, 10.0, 3.0),
        (None, 10.0, None),
    ],
)
def test_a_slow_answer_is_no_difference(monkeypatch, theirs, took, ahead):
    moments = iter([0.0, took])
    fake = SimpleNamespace(time=lambda: 1000.0, monotonic=lambda: next(moments))
    monkeypatch.setattr(clock, "time", fake)
    assert clock.seconds_ahead(lambda: theirs) == ahead


def test_a_database_in_this_process_or_out_of_reach_has_no_clock_to_compare(in_memory, monkeypatch):
    with time_machine.travel(time.time() + 3600):
        if connection.vendor == "sqlite":
            assert found() == []
        monkeypatch.setitem(clock._NOW, connection.vendor, "SELECT 1")

        def gone(*_):
            raise OperationalError("gone")

        monkeypatch.setattr(connections["default"], "cursor", gone)
        assert found() == []


def test_what_was_not_asked_for_is_not_compared(database_clock):
    with time_machine.travel(time.time() + 3600):
        assert found(databases=()) == []
        assert found(databases=None) == []


def test_a_storage_that_can_t_be_used_is_another_checks_to_tell(monkeypatch):
    monkeypatch.setattr(clock, "_of_database", lambda using: lambda: None)
    changed = {**django_settings.APIKEYS, "LIMITS_STORAGE": "memcached://h"}
    with override_settings(APIKEYS=changed):
        assert found() == []
    refused = {**django_settings.APIKEYS, "LIMITS_STORAGE": "redis://127.0.0.1:1/0"}
    with override_settings(APIKEYS=refused), time_machine.travel(time.time() + 3600):
        assert found() == []
