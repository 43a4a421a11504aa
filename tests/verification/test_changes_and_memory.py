"""In the cached mode every change reaches what is remembered, whatever goes wrong around it."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from apikeys.models import AccessToken, EpochPlace
from apikeys.refusals import Reason, Refusal
from apikeys.services import tokens
from apikeys.verification import epochs, invalidation, places
from apikeys.verification import memory as cache
from apikeys.verification.epochs import EpochUnavailableError, HostEpoch, RedisEpoch
from tests.support.race import race
from tests.support.redis_server import needs_redis, redis_uri
from tests.support.remembering import present, refused

pytestmark = pytest.mark.django_db(transaction=True)


class BrokerError(Exception):
    """What a queue says when its broker is away."""


def fail() -> None:
    raise BrokerError


def elsewhere(issued):
    """Present the token on another connection, as another worker does."""
    (answer,) = race(lambda: present(issued))
    return answer.reason if isinstance(answer, Refusal) else "accepted"


@pytest.fixture(params=["host", pytest.param("redis", marks=[pytest.mark.redis, needs_redis])])
def memory(request, epoch, monkeypatch, settings):
    """The epoch of either mode."""
    if request.param == "host":
        yield epoch
        return
    monkeypatch.setattr(
        "apikeys.verification.epochs.redis.REDIS_KEY", f"apikeys-test-{os.getpid()}"
    )
    made = RedisEpoch(redis_uri())
    monkeypatch.setattr(epochs, "current", lambda: made)
    yield made
    made._client.delete(made._key, made._changes)


def test_a_row_read_while_a_change_is_under_way_is_not_remembered(memory, issue, actor):
    issued = issue()
    present(issued)
    with suppress(BrokerError), transaction.atomic():
        transaction.on_commit(fail)
        tokens.revoke_token(actor=actor, token=issued.token)
        assert elsewhere(issued) == "accepted", "not committed yet"
    assert AccessToken.objects.get().revoked_at is not None
    assert refused(issued) is Reason.REVOKED


@pytest.mark.parametrize("robust", [True, False])
def test_a_slow_hook_of_somebody_else_keeps_nothing_alive(memory, issue, actor, robust):
    issued, seen = issue(), []
    with transaction.atomic():
        transaction.on_commit(lambda: seen.append(elsewhere(issued)), robust=robust)
        tokens.revoke_token(actor=actor, token=issued.token)
        assert elsewhere(issued) == "accepted"
    assert seen == [Reason.REVOKED]


def test_what_is_rolled_back_lets_memory_go_on(memory, issue, actor, django_assert_num_queries):
    issued = issue()
    with suppress(BrokerError), transaction.atomic():
        tokens.revoke_token(actor=actor, token=issued.token)
        raise BrokerError
    assert memory.is_quiet()
    present(issued)
    with django_assert_num_queries(0):
        present(issued)


def test_a_change_in_a_savepoint_that_is_undone_ends_there(memory, issue, actor):
    issued, other = issue(), issue()
    with transaction.atomic():
        with suppress(BrokerError), transaction.atomic():
            tokens.revoke_token(actor=actor, token=issued.token)
            raise BrokerError
        assert memory.is_quiet()
        tokens.revoke_token(actor=actor, token=other.token)
        assert not memory.is_quiet()
        with suppress(BrokerError), transaction.atomic():
            tokens.revoke_token(actor=actor, token=issued.token)
            raise BrokerError
        assert not memory.is_quiet(), "the other one is still under way"
        assert elsewhere(other) == "accepted"
    assert memory.is_quiet()
    assert refused(other) is Reason.REVOKED
    present(issued)


def test_a_process_that_dies_after_its_commit_leaves_memory_off(
    epoch,
    issue,
    actor,
    monkeypatch,
):
    issued = issue()
    present(issued)
    monkeypatch.setattr(invalidation.Change, "_end", lambda change: None)  # as kill -9 does
    with transaction.atomic():
        tokens.revoke_token(actor=actor, token=issued.token)
        assert elsewhere(issued) == "accepted"
    assert refused(issued) is Reason.REVOKED
    assert not epoch.is_quiet()
    (left,) = epoch._changes.iterdir()
    late = int(left.name.partition("-")[0])
    monkeypatch.setattr(
        "apikeys.verification.epochs.host.time.clock_gettime_ns", lambda clock: late - 1
    )
    assert not epoch.is_quiet()
    monkeypatch.setattr(
        "apikeys.verification.epochs.host.time.clock_gettime_ns", lambda clock: late
    )
    assert epoch.is_quiet()
    assert list(epoch._changes.iterdir()) == []


def test_a_commit_whose_answer_was_lost_may_have_been_made(epoch, bob):
    class Lost:
        closed = True

    class Wrapper:
        connection = Lost()

    change = invalidation.Change(epoch, "default")
    change._connection = Wrapper()
    del change
    assert not epoch.is_quiet()


def test_a_statement_that_commits_by_itself_is_not_run_when_nobody_could_hear(
    epoch,
    bob,
    monkeypatch,
):
    def gone():
        raise EpochUnavailableError("gone")

    bob.is_active = False
    with monkeypatch.context() as broken:
        broken.setattr(epoch, "bump", gone)
        with pytest.raises(EpochUnavailableError):
            bob.save()
        with pytest.raises(EpochUnavailableError):
            bob.delete()
    assert get_user_model()._base_manager.get(pk=bob.pk).is_active
    assert epoch.is_quiet()
    bob.save()
    assert epoch.is_quiet()


def test_a_statement_that_fails_by_itself_lets_memory_go_on(epoch, bob):
    twin = get_user_model()(**{f: getattr(bob, f) for f in (bob.USERNAME_FIELD, "password")})
    with pytest.raises(IntegrityError):
        twin.save(force_insert=True)
    del twin
    import gc

    gc.collect()
    assert epoch.is_quiet()


def test_a_host_that_commits_by_hand_is_heard(epoch, issue, bob):
    issued = issue(kind="personal", owner=bob)
    present(issued)
    transaction.set_autocommit(False)
    try:
        bob.is_active = False
        bob.save()
        assert elsewhere(issued) == "accepted"
        transaction.commit()
        assert elsewhere(issued) is Reason.OWNER_INACTIVE
    finally:
        transaction.set_autocommit(True)
    assert refused(issued) is Reason.OWNER_INACTIVE
    assert epoch.is_quiet()


def test_a_fork_does_not_end_what_its_parent_has_begun(epoch):
    change = invalidation.Change(epoch, "default")
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        del change
        os._exit(0 if not epoch.is_quiet() else 1)
    assert os.waitpid(child, 0)[1] == 0
    change()
    assert epoch.is_quiet()


def test_a_transaction_with_an_older_view_remembers_nothing(epoch, issue, monkeypatch):
    issued = issue()
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        with transaction.atomic():
            present(issued)
        assert len(cache.memory._entries) == 1, "READ COMMITTED sees every commit"
        cache.memory.forget()
        monkeypatch.setattr(connection, "isolation_level", 3)
    with transaction.atomic():
        present(issued)
    assert not cache.memory._entries


class TestPlaces:
    def test_a_process_that_is_no_place_remembers_nothing(
        self,
        epoch,
        issue,
        monkeypatch,
        django_assert_num_queries,
    ):
        issued = issue()
        monkeypatch.setattr(places, "_keeper", places.Keeper())
        present(issued)
        with django_assert_num_queries(1):
            present(issued)
        places.renew(epoch, "default")
        present(issued)
        with django_assert_num_queries(0):
            present(issued)

    def test_a_thread_makes_the_process_a_place_once_it_would_like_to_remember(
        self, epoch, issue, monkeypatch, django_assert_num_queries
    ):
        issued = issue()
        EpochPlace.objects.all().delete()
        keeper = places.Keeper()
        monkeypatch.setattr(places, "_keeper", keeper)
        monkeypatch.delattr(mail, "outbox")
        present(issued)
        deadline = time.monotonic() + 30
        while not keeper.leases:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert EpochPlace.objects.get().identity == epoch.identity
        present(issued)
        with django_assert_num_queries(0):
            present(issued)

    def test_a_place_out_of_reach_stops_the_change(self, epoch, issue, actor):
        issued = issue()
        EpochPlace.objects.create(identity="0" * 32, user=1, host="elsewhere", seen_at=Now())
        with pytest.raises(EpochUnavailableError, match="user 1 on elsewhere remember keys"):
            tokens.revoke_token(actor=actor, token=issued.token)
        assert AccessToken.objects.get().revoked_at is None
        assert epoch.is_quiet()

    def test_a_place_that_nobody_has_renewed_stops_nothing(self, epoch, issue, actor):
        issued = issue()
        seen_at = Now() - timedelta(seconds=places.DEAD_SECONDS + 1)
        EpochPlace.objects.create(identity="0" * 32, user=1, host="elsewhere", seen_at=seen_at)
        tokens.revoke_token(actor=actor, token=issued.token)
        assert AccessToken.objects.get().revoked_at is not None

    def test_a_place_of_another_user_in_reach_hears(
        self,
        epoch,
        issue,
        actor,
        tmp_path,
        monkeypatch,
    ):
        issued = issue()
        other = HostEpoch(tmp_path / "other" / "epoch")
        places.renew(other, "default")
        monkeypatch.setattr(epochs, "of_user", lambda user: HostEpoch(other.path, user=user))
        before = other.read()
        with transaction.atomic():
            tokens.revoke_token(actor=actor, token=issued.token)
            assert not other.is_quiet()
        assert other.read() != before
        assert other.is_quiet()

    def test_a_file_of_that_name_that_is_another_one_stops_the_change(
        self,
        epoch,
        issue,
        actor,
        tmp_path,
        monkeypatch,
    ):
        issued = issue()
        other = HostEpoch(tmp_path / "other" / "epoch")
        places.renew(other, "default")
        other.path.unlink()
        monkeypatch.setattr(epochs, "of_user", lambda user: HostEpoch(other.path))
        with pytest.raises(EpochUnavailableError, match="is another one"):
            tokens.revoke_token(actor=actor, token=issued.token)

    def test_a_lease_ends(self, epoch, issue, monkeypatch, django_assert_num_queries):
        issued, now = issue(), [places.time.monotonic()]
        monkeypatch.setattr(places.time, "monotonic", lambda: now[0])
        places.renew(epoch, "default")
        now[0] += 20
        present(issued)
        now[0] += 9.9
        with django_assert_num_queries(0):
            present(issued)
        now[0] += 0.1
        for _ in range(2):
            with django_assert_num_queries(1):
                present(issued)

    def test_a_new_file_is_a_new_place(self, epoch, issue, django_assert_num_queries):
        issued = issue()
        present(issued)
        epoch.path.unlink()
        epoch.check()
        for _ in range(2):
            with django_assert_num_queries(1):
                present(issued)

    @pytest.mark.postgres
    def test_nobody_becomes_a_place_while_a_change_is_under_way(
        self,
        epoch,
        issue,
        actor,
        tmp_path,
    ):
        issued = issue()
        late = HostEpoch(tmp_path / "late" / "epoch")
        with transaction.atomic():
            tokens.revoke_token(actor=actor, token=issued.token)
            assert race(lambda: places.renew(late, "default")) == [False]
        assert race(lambda: places.renew(late, "default")) == [True]
