"""The thread that renews a process's place goes on, whatever happens: nobody starts another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import BaseDatabaseWrapper

from apikeys.models import EpochPlace
from apikeys.verification import epochs, places
from apikeys.verification.epochs import HostEpoch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> places.Keeper:
    """One that renews without pauses."""
    monkeypatch.setattr(places, "RENEW_SECONDS", 0.001)
    monkeypatch.setattr(places, "RETRY_SECONDS", 0.001)
    monkeypatch.delattr(mail, "outbox")
    made = places.Keeper()
    monkeypatch.setattr(places, "_keeper", made)
    return made


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_database_that_is_wanted_while_others_are_renewed_is_renewed_too(
    keeper: places.Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewing, go_on = threading.Event(), threading.Event()
    renewed: list[str] = []

    def renew(alias: str) -> bool:
        renewing.set()
        go_on.wait()
        renewed.append(alias)
        return True

    thread = threading.Thread(target=keeper._run, daemon=True)

    class Overtaken(set[str]):
        """The thread wakes up after this set was looked up and before anything is added."""

        def add(self, alias: str) -> None:
            if alias == "second":
                thread.start()
                until(lambda: renewing.is_set() or keeper._lock.locked())
            super().add(alias)

    monkeypatch.setattr(keeper, "_renew", renew)
    monkeypatch.setattr(keeper, "_wanted", Overtaken())
    monkeypatch.setattr(keeper, "_thread", thread)
    keeper.want("first")
    keeper.want("second")
    go_on.set()
    until(lambda: set(renewed) == {"first", "second"} or not thread.is_alive())
    assert thread.is_alive()


def test_a_connection_that_fails_to_close_does_not_end_it(
    keeper: places.Keeper,
    epoch: HostEpoch,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(places, "_keeper", keeper)
    close = BaseDatabaseWrapper.close

    def fail(connection: Any) -> None:
        close(connection)
        if threading.current_thread().name == "apikeys-epoch":
            raise OSError("connection reset by peer")

    monkeypatch.setattr(BaseDatabaseWrapper, "close", fail)
    for _ in range(3):
        keeper.leases.clear()
        EpochPlace.objects.all().delete()
        keeper.want("default")
        until(lambda: keeper.leases)
        assert EpochPlace.objects.get().identity == epoch.identity
    assert "connection not closed" in caplog.text


def test_a_mode_that_can_t_be_told_does_not_end_it(
    keeper: places.Keeper,
    epoch: HostEpoch,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(places, "_keeper", keeper)
    answers: list[Any] = [ImproperlyConfigured("no such mode"), OSError("no space left")]

    def current() -> HostEpoch:
        if answers:
            raise answers.pop()
        return epoch

    monkeypatch.setattr(epochs, "current", current)
    keeper.want("default")
    until(lambda: keeper.leases)
    assert not answers
    assert caplog.text.count("place not renewed") == 2
