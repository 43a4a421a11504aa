"""The cached mode: a row is remembered only while nothing has changed."""

from __future__ import annotations

import os
import pickle
import secrets
import shutil
import socket
import stat
import subprocess
import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from apikeys import conf, dialects
from apikeys.lookup.query import find
from apikeys.models import AccessToken, Membership
from apikeys.refusals import Reason
from apikeys.restrictions import Facts
from apikeys.services import members, organizations, tokens
from apikeys.verification import epochs, memory, validity
from apikeys.verification.epochs import EpochUnavailableError, HostEpoch, RedisEpoch
from apikeys.verification.epochs import redis as redis_module
from tests.support.apis import DIALECTS
from tests.support.remembering import HERE, present, refused


@pytest.fixture
def later(monkeypatch):
    """Move the application's clock on."""

    def move(by):
        moment = timezone.now() + by
        monkeypatch.setattr(timezone, "now", lambda: moment)

    return move


@pytest.mark.django_db(transaction=True)
class TestProofs:
    def test_a_second_use_asks_the_database_nothing(self, epoch, issue, django_assert_num_queries):
        issued = issue()
        find("compiles")  # and asks the database once what it can do
        with django_assert_num_queries(1):
            first = present(issued)
        with django_assert_num_queries(0):
            second = present(issued)
            assert second.workspace.organization.slug == "acme"
        assert second is not first
        assert second == first

    def test_a_view_that_changes_what_it_is_handed_changes_nothing_for_the_next(self, epoch, issue):
        issued = issue()
        first = present(issued)
        first.scopes.append("notes:delete")
        first.workspace.organization.limits["any-token"] = "1/day"
        assert present(issued).scopes == ["notes:read"]
        assert present(issued).workspace.organization.limits == {}

    def test_a_revoked_token_is_refused_by_the_next_request(self, epoch, issue, actor):
        issued = issue()
        present(issued)
        tokens.revoke_token(actor=actor, token=issued.token)
        assert refused(issued) is Reason.REVOKED

    def test_a_suspended_organization_is_refused_by_the_next_request(
        self, epoch, issue, acme, actor
    ):
        issued = issue()
        present(issued)
        organizations.suspend_organization(actor=actor, organization=acme)
        assert refused(issued) is Reason.ORGANIZATION_SUSPENDED

    def test_an_owner_who_is_removed_or_switched_off_is_refused_by_the_next_request(
        self, epoch, issue, bob, acme, actor
    ):
        issued = issue(kind="personal", owner=bob)
        present(issued)
        bob.is_active = False
        bob.save()
        assert refused(issued) is Reason.OWNER_INACTIVE
        bob.is_active = True
        bob.save()
        present(issued)
        membership = Membership.objects.get(user=bob)
        members.remove_member(actor=actor, membership=membership)
        assert refused(issued) is Reason.REVOKED

    def test_expiry_is_judged_on_every_request(
        self, epoch, issue, later, django_assert_num_queries
    ):
        issued = issue(expires_at=timezone.now() + timedelta(hours=1))
        present(issued)
        later(timedelta(minutes=59))
        with django_assert_num_queries(0):
            present(issued)
        later(timedelta(minutes=1))
        assert refused(issued) is Reason.EXPIRED

    def test_the_old_secret_of_a_rotation_ends_on_time(
        self, epoch, issue, actor, later, django_assert_num_queries
    ):
        issued = issue()
        tokens.rotate_token(actor=actor, token=issued.token, overlap=timedelta(hours=1))
        assert present(issued).used_previous_secret is True
        with django_assert_num_queries(0):
            assert present(issued).used_previous_secret is True
        later(timedelta(hours=1))
        assert refused(issued) is Reason.WRONG_SECRET

    def test_an_address_off_the_list_is_refused_although_the_proof_is_remembered(
        self, epoch, issue, django_assert_num_queries
    ):
        issued = issue(allowed_networks=["192.0.2.1"])
        present(issued)
        elsewhere = Facts(address="192.0.2.9", secure=True, foreign_origin=False)
        with django_assert_num_queries(0):
            assert refused(issued, facts=elsewhere) is Reason.ADDRESS_NOT_ALLOWED
            assert present(issued) == issued.token

    def test_the_organizations_list_is_asked_too(self, epoch, issue, acme):
        acme.allowed_networks = ["192.0.2.1"]
        acme.save()
        issued = issue()
        present(issued)
        elsewhere = Facts(address="192.0.2.9", secure=True, foreign_origin=False)
        assert refused(issued, facts=elsewhere) is Reason.ADDRESS_NOT_ALLOWED

    def test_plain_http_and_foreign_pages_are_refused_although_the_proof_is_remembered(
        self, epoch, issue, settings, monkeypatch
    ):
        settings.APIKEYS = {**settings.APIKEYS, "REQUIRE_HTTPS": True}
        monkeypatch.setattr(dialects.get("default").__class__, "foreign_origins", "refuse")
        issued = issue()
        present(issued)
        assert refused(issued, facts=replace(HERE, secure=False)) is Reason.PLAIN_HTTP
        assert refused(issued, facts=replace(HERE, foreign_origin=True)) is Reason.FOREIGN_ORIGIN

    def test_a_wrong_secret_is_never_remembered(self, epoch, issue, django_assert_num_queries):
        issued = issue()
        present(issued)
        for _ in range(2):
            with django_assert_num_queries(1):
                assert refused(issued, secret="A" * len(issued.secret)) is Reason.WRONG_SECRET

    def test_the_state_of_what_is_remembered_is_judged_each_time(
        self, epoch, issue, actor, django_assert_num_queries
    ):
        issued = issue()
        tokens.revoke_token(actor=actor, token=issued.token)
        assert refused(issued) is Reason.REVOKED
        with django_assert_num_queries(0):
            assert refused(issued) is Reason.REVOKED

    def test_other_settings_are_judged_anew(self, epoch, issue, settings):
        issued = issue()
        present(issued)
        settings.APIKEYS = {**settings.APIKEYS, "PEPPERS": {7: "another pepper " * 4}}
        assert refused(issued) is Reason.WRONG_SECRET

    def test_what_comes_from_memory_is_as_complete_as_what_comes_from_the_database(
        self, epoch, issue, bob, django_assert_num_queries
    ):
        issued = issue(kind="personal", owner=bob)
        read = present(issued)
        with django_assert_num_queries(0):
            copied, fresh = present(issued), present(issued)
            assert AccessToken._meta.get_field("owner").is_cached(copied)
            assert copied.owner == bob
            assert copied.owner is copied.owner
            assert copied.owner is not fresh.owner
            assert copied.workspace.organization.name == read.workspace.organization.name
            again = pickle.loads(pickle.dumps(fresh))
            assert again.workspace.organization.name == read.workspace.organization.name
            assert again.owner_id == bob.pk  # a pickle takes no person along
        assert {k: v for k, v in vars(copied).items() if k != "_state"} == {
            k: v for k, v in vars(read).items() if k != "_state"
        }

    def test_a_related_row_of_a_copy_can_be_changed_like_any_other(self, epoch, issue, bob, alice):
        issued = issue(kind="personal", owner=bob)
        present(issued)
        token = present(issued)
        token.owner_id = alice.pk
        assert token.owner == alice
        token.owner = bob
        assert token.owner_id == bob.pk
        token.refresh_from_db()
        assert token.owner == bob
        assert present(issued).owner == bob

    def test_a_change_that_is_rolled_back_leaves_the_token_as_it_was(self, epoch, issue, actor):
        issued = issue()
        with transaction.atomic():
            tokens.revoke_token(actor=actor, token=issued.token)
            transaction.set_rollback(True)
        present(issued)

    def test_an_epoch_that_can_not_be_written_stops_the_change(
        self, epoch, issue, actor, monkeypatch
    ):
        issued = issue()

        def fail():
            raise EpochUnavailableError("full")

        monkeypatch.setattr(epoch, "bump", fail)
        with pytest.raises(EpochUnavailableError):
            tokens.revoke_token(actor=actor, token=issued.token)
        assert AccessToken.objects.get().revoked_at is None

    def test_an_epoch_that_can_not_be_read_is_the_default_path(
        self, epoch, issue, actor, monkeypatch, django_assert_num_queries
    ):
        issued = issue()
        present(issued)

        def fail():
            raise EpochUnavailableError("gone")

        monkeypatch.setattr(epoch, "read", fail)
        with django_assert_num_queries(1):
            present(issued)

    def test_the_command_makes_every_process_read_anew(
        self, epoch, issue, django_assert_num_queries, capsys
    ):
        issued = issue()
        present(issued)
        AccessToken.objects.filter(pk=issued.token.pk).update(revoked_at=timezone.now())
        present(issued)  # an update by queryset tells nobody
        call_command("bump_epoch")
        assert refused(issued) is Reason.REVOKED
        assert capsys.readouterr().out == "Every process reads its rows anew.\n"


@pytest.fixture
def clock(monkeypatch):
    """The monotonic clock, in seconds; move its first item on."""
    now = [float(int(time.monotonic()))]
    monkeypatch.setattr(memory.places, "lease", lambda epoch: float("inf"))
    monkeypatch.setattr(memory.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.django_db(transaction=True)
class TestMemory:
    def test_an_entry_ends_after_thirty_seconds(
        self, epoch, issue, clock, django_assert_num_queries
    ):
        issued = issue()
        present(issued)
        clock[0] += 29.9
        with django_assert_num_queries(0):
            present(issued)
        clock[0] += 0.1
        with django_assert_num_queries(1):
            present(issued)

    def test_it_is_bounded_and_what_was_renewed_is_not_the_next_to_go(
        self, epoch, issue, clock, monkeypatch
    ):
        monkeypatch.setattr(memory, "LARGEST", 2)
        old, young, third = issue(), issue(), issue()
        present(old)
        clock[0] += 20.0
        present(young)
        clock[0] += 10.0
        present(old)
        present(third)
        assert [entry.until for entry in memory.memory._entries.values()] == [clock[0] + 30.0] * 2

    def test_an_owner_who_works_out_whether_he_is_active_is_asked_each_time(
        self, epoch, issue, bob, monkeypatch
    ):
        active = [True]
        monkeypatch.setattr(type(bob), "is_active", property(lambda user: active[0]))
        monkeypatch.setattr(validity, "_is_active_of", lambda model: model.is_active)
        issued = issue(kind="personal", owner=bob, scopes=[])
        present(issued)
        active[0] = False
        assert refused(issued) is Reason.OWNER_INACTIVE

    def test_it_can_be_emptied(self, epoch, issue, django_assert_num_queries):
        issued = issue()
        present(issued)
        memory.memory.forget()
        with django_assert_num_queries(1):
            present(issued)

    def test_a_place_that_can_not_be_opened_again_is_the_default_path(self, epoch, issue):
        issued = issue()
        epoch.read()
        epoch.path.unlink()
        epoch.path.parent.chmod(0o777)
        assert present(issued) == issued.token

    @pytest.mark.urls("tests.support.apis")
    def test_what_one_view_remembers_opens_no_view_of_another_dialect(
        self, api, settings, acme, epoch, actor
    ):
        settings.APIKEYS = {**settings.APIKEYS, "DIALECTS": DIALECTS}
        workspace = acme.workspaces.get(slug="production")
        workspace.dialect = "cms"
        workspace.save()
        issued = tokens.create_token(
            actor=actor, workspace=workspace, name="CMS", scopes=["files:read"]
        )
        for _ in range(2):
            assert api.get("/any", headers={"X-API-Key": issued.api_key}).status_code == 200
            assert api.get("/protected", headers={"X-API-Key": issued.api_key}).status_code == 401


def test_processes_of_one_host_share_the_epoch_across_a_fork(tmp_path):
    mine = HostEpoch(tmp_path / "private" / "epoch")
    before = mine.read()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        HostEpoch(tmp_path / "private" / "epoch").bump()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert mine.read() != before


def test_a_file_that_a_cleaner_removed_is_found_again_and_both_places_hear(tmp_path):
    path = tmp_path / "private" / "epoch"
    old, before = HostEpoch(path), b""
    before = old.read()
    path.unlink()
    new = HostEpoch(path)
    assert new.read() != before
    old.bump()
    assert old.read() == new.read() != before


def test_a_folder_that_others_can_write_to_is_refused(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    with pytest.raises(EpochUnavailableError, match="belongs to others"):
        HostEpoch(folder / "epoch").read()


def test_the_file_is_for_its_owner_alone(tmp_path):
    path = tmp_path / "private" / "epoch"
    HostEpoch(path).read()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size == 2 * epochs.LENGTH


@pytest.fixture
def redis_uri(monkeypatch):
    uri = os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/15"
    try:
        client = redis.Redis.from_url(uri)
        client.ping()
    except redis.RedisError:
        pytest.skip("no redis")
    key = f"apikeys-test-{secrets.token_hex(8)}"
    monkeypatch.setattr(redis_module, "REDIS_KEY", key)
    # A busy machine may let 50 ms pass.
    monkeypatch.setattr(redis_module, "TIMEOUT_SECONDS", 10.0)
    yield uri
    client.delete(key, f"{key}:changes")


@pytest.mark.redis
def test_two_hosts_share_the_epoch_over_redis(redis_uri):
    one, other = RedisEpoch(redis_uri), RedisEpoch(redis_uri)
    before = one.read()
    assert other.read() == before
    other.bump()
    assert one.read() == other.read() != before


@pytest.fixture
def redis_socket(tmp_path):
    """A Redis of the test's own, on a socket."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server")
    path = tmp_path / "redis.sock"
    process = subprocess.Popen(
        [binary, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while not path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield path
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.redis
@pytest.mark.parametrize("scheme", ["unix", "redis+unix"])
def test_the_schemes_of_limits_for_a_socket_are_those_of_the_epoch(redis_socket, scheme):
    epoch = RedisEpoch(f"{scheme}://{redis_socket}")
    before = epoch.read()
    change = epoch.begin()
    assert not epoch.is_quiet()
    epoch.end(change)
    assert epoch.is_quiet()
    assert epoch.read() != before


@pytest.mark.redis
def test_connections_that_the_server_closed_are_replaced(redis_uri):
    epoch = RedisEpoch(redis_uri)
    before = epoch.read()
    (idle,) = epoch._idle
    idle._sock.shutdown(socket.SHUT_RDWR)
    after = epoch.read()
    assert epoch._idle != [idle]
    assert after[: epochs.LENGTH] == before[: epochs.LENGTH]
    assert after != before, "a server that was started anew may have gone back to that value"


@pytest.mark.redis
def test_an_answer_that_comes_late_is_taken_for_no_other(redis_uri, monkeypatch):
    epoch = RedisEpoch(redis_uri)
    before = epoch.read()
    (slow,) = epoch._idle

    def time_out():
        raise redis.TimeoutError("too late")

    monkeypatch.setattr(slow, "read_response", time_out)
    with pytest.raises(EpochUnavailableError, match="TimeoutError"):
        epoch.read()
    assert epoch._idle == []
    assert slow._sock is None
    epoch.bump()
    monkeypatch.setattr(epoch, "_silent_until", 0.0)
    assert epoch.read() != before


@pytest.mark.redis
def test_reads_at_once_share_no_connection(redis_uri):
    epoch, values = RedisEpoch(redis_uri), []

    def read():
        values.extend(epoch.read() for _ in range(200))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = epoch.read()
    assert {value[: epochs.LENGTH] for value in values} == {last[: epochs.LENGTH]}
    assert len(values) == 1600
    assert 1 <= len(epoch._idle) <= 8


@pytest.mark.redis
def test_a_forked_child_asks_on_connections_of_its_own(redis_uri, settings):
    settings.APIKEYS = {**settings.APIKEYS, "CACHE": "redis", "LIMITS_STORAGE": redis_uri}
    mine = epochs.current()
    before = mine.read()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        others = epochs.current()
        os._exit(0 if others is not mine and others.read() == before else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert mine.read() == before


def test_a_redis_that_is_down_can_neither_be_read_nor_written():
    epoch = RedisEpoch("redis://127.0.0.1:1/0")
    for act in (epoch.read, epoch.read, epoch.bump):
        with pytest.raises(EpochUnavailableError):
            act()


def test_the_redis_mode_needs_a_redis(settings):
    settings.APIKEYS = {"CACHE": "redis"}
    with pytest.raises(ImproperlyConfigured, match="LIMITS_STORAGE"):
        conf.get()


def test_without_a_cached_mode_there_is_no_epoch(capsys):
    assert epochs.current() is None
    call_command("bump_epoch")
    assert "off" in capsys.readouterr().out


def test_the_command_says_in_one_line_that_the_epoch_can_not_be_written(monkeypatch):
    monkeypatch.setattr(epochs, "current", lambda: RedisEpoch("redis://127.0.0.1:1/0"))
    with pytest.raises(CommandError, match="can't be written"):
        call_command("bump_epoch")
