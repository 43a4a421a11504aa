"""In the cached mode a revoked token is refused by the next request of every process."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from apikeys.models import AccessToken
from apikeys.services.tokens import revoke_token
from apikeys.verification import epochs
from apikeys.verification.epochs import EpochUnavailableError, HostEpoch, RedisEpoch, redis
from tests.support.redis_server import needs_redis, redis_uri

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PROCESSES = 4
TRIALS = 200

# Verifies one credential a line; answers how it went and how often the database was asked.
WORKER = """
import json, os, sys
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = sys.argv[1]
import django
django.setup()
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

connection.settings_dict["NAME"] = sys.argv[2]
settings.APIKEYS = {**settings.APIKEYS, **json.loads(sys.argv[3])}
from apikeys import dialects
from apikeys.credentials.carriers import Bearer
from apikeys.credentials.keys import Credential
from apikeys.lookup.query import find
from apikeys.models import stores
from apikeys.refusals import Refusal
from apikeys.verification import epochs, memory, places
from apikeys.verification.epochs import redis
from apikeys.restrictions import Facts
from apikeys.verification.verify import admit, prove

if sys.argv[4]:
    place = epochs.HostEpoch(Path(sys.argv[4]) / "epoch")
    epochs._host = lambda secret_key: place
redis.REDIS_KEY = sys.argv[5]
redis.TIMEOUT_SECONDS = 10.0  # a busy machine may let 50 ms pass
find("compiles")
for module in ("apikeys.services.tokens", "encodings.idna", "socket"):
    __import__(module)
if len(sys.argv) > 6:  # everything is imported: as another Unix user from here on
    connection.close()
    os.setgid(int(sys.argv[6]))
    os.setuid(int(sys.argv[6]))
    find("connects")
if settings.APIKEYS["CACHE"] == "host":
    while not places.renew(epochs.current(), "default"):
        pass  # another process is becoming a place
print("ready", flush=True)
facts = Facts(address="192.0.2.1", secure=True, foreign_origin=False)
for line in sys.stdin:
    with CaptureQueriesContext(connection) as queries:
        try:
            credential = Credential(*json.loads(line))
            key = (line.encode(), Bearer().label, dialects.get("default"), False, stores.current())
            proven = memory.prove(
                epochs.current(), key, lambda: prove(credential, dialects=("default",))
            )
            admit(proven, facts)
            answer = "accepted"
        except Refusal as refusal:
            answer = refusal.reason.value
    print(json.dumps([answer, len(queries)]), flush=True)
"""


class Workers:
    """Processes that verify, on one host or on several: a host is a folder of shared memory."""

    def __init__(
        self, hosts: list[Path | str], options: dict[str, str], key: str, *more: str
    ) -> None:
        module = os.environ["DJANGO_SETTINGS_MODULE"]
        name = str(connection.settings_dict["NAME"])
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER, module, name, json.dumps(options), host, key, *more],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for host in hosts
        ]
        for process in self.processes:
            assert process.stdout.readline() == "ready\n"

    def present(self, issued: Any) -> list[list[Any]]:
        """Present the token to every process at the same time; return their answers."""
        line = json.dumps([issued.token.token_id, issued.secret, "ak_prod"]) + "\n"
        for process in self.processes:
            process.stdin.write(line)
            process.stdin.flush()
        return [json.loads(process.stdout.readline()) for process in self.processes]

    def stop(self) -> None:
        for process in self.processes:
            process.communicate(timeout=30)
        assert [process.returncode for process in self.processes] == [0] * len(self.processes)


@pytest.fixture
def start(settings, monkeypatch) -> Iterator[Any]:
    """Start processes under a cached mode; this process makes its changes on the first host."""
    key = f"apikeys-test-{secrets.token_hex(8)}"

    @contextmanager
    def running(hosts: list[Path], **options: str) -> Iterator[Workers]:
        settings.APIKEYS = {**settings.APIKEYS, **options}
        place = HostEpoch(hosts[0] / "epoch")
        monkeypatch.setattr(epochs, "_host", lambda secret_key: place)
        monkeypatch.setattr(redis, "REDIS_KEY", key)
        monkeypatch.setattr(redis, "TIMEOUT_SECONDS", 10.0)
        workers = Workers(hosts, options, key)
        try:
            yield workers
        finally:
            workers.stop()
            if options["CACHE"] == "redis":
                RedisEpoch(redis_uri())._client.delete(key, f"{key}:changes")

    with ExitStack() as stack:
        yield lambda hosts, **options: stack.enter_context(running(hosts, **options))


def assert_every_revocation_is_heard(workers, issue, actor):
    for _ in range(TRIALS):
        issued = issue()
        assert workers.present(issued) == [["accepted", 1]] * PROCESSES
        assert workers.present(issued) == [["accepted", 0]] * PROCESSES, "from memory"
        revoke_token(actor=actor, token=issued.token)
        assert workers.present(issued) == [["token.revoked", 1]] * PROCESSES


def test_a_revoked_token_is_refused_by_the_next_request_of_each_process_of_a_host(
    start, tmp_path, issue, actor
):
    workers = start([tmp_path / "shared"] * PROCESSES, CACHE="host")
    assert_every_revocation_is_heard(workers, issue, actor)


@needs_redis
@pytest.mark.redis
def test_a_revoked_token_is_refused_by_the_next_request_of_each_process_of_two_hosts(
    start, tmp_path, issue, actor
):
    hosts = [tmp_path / name for name in ("one", "one", "other", "other")]
    workers = start(hosts, CACHE="redis", LIMITS_STORAGE=redis_uri())
    assert_every_revocation_is_heard(workers, issue, actor)
    assert list(tmp_path.iterdir()) == [], "Redis alone carries the news"


def test_the_mode_for_one_host_makes_no_change_that_another_host_would_not_hear_of(
    start, tmp_path, issue, actor
):
    issued = issue()
    workers = start([tmp_path / "one", tmp_path / "other"], CACHE="host")
    assert workers.present(issued) == [["accepted", 1]] * 2
    with pytest.raises(EpochUnavailableError, match="can't be told of the change"):
        revoke_token(actor=actor, token=issued.token)
    assert workers.present(issued) == [["accepted", 0]] * 2
    assert AccessToken.objects.get().revoked_at is None


# Revokes a token by the command, as a Unix user of its own.
REVOKE = """
import json, os, sys

os.environ["DJANGO_SETTINGS_MODULE"] = sys.argv[1]
import django
django.setup()
from django.conf import settings
from django.core.management import call_command, CommandError
from django.db import connection

connection.settings_dict["NAME"] = sys.argv[2]
settings.APIKEYS = {**settings.APIKEYS, "CACHE": "host"}
list(connection.introspection.table_names())
connection.close()
from apikeys.management.commands import revoke_token
if sys.argv[4] != "0":
    os.setgid(int(sys.argv[4]))
    os.setuid(int(sys.argv[4]))
try:
    call_command("revoke_token", sys.argv[3])
except CommandError as error:
    print(error)
    sys.exit(error.returncode)
"""
OTHER_SHM = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs none /dev/shm && exec "$@"', "sh")
NOBODY = 65534


def revoke(token_id: str, *, user: int = 0, within: tuple[str, ...] = ()) -> tuple[int, str]:
    module, name = os.environ["DJANGO_SETTINGS_MODULE"], str(connection.settings_dict["NAME"])
    done = subprocess.run(
        [*within, sys.executable, "-c", REVOKE, module, name, token_id, str(user)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert not done.stderr
    return done.returncode, done.stdout


@contextmanager
def served_by(user: int) -> Iterator[Workers]:
    """Start a process of that user, which remembers where all its processes do."""
    workers = Workers([""], {"CACHE": "host"}, "unused", str(user))
    try:
        yield workers
    finally:
        workers.stop()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be other users")


@needs_root
@pytest.mark.postgres
class TestUsersAndContainers:
    def test_roots_shell_reaches_the_web_users_processes(self, issue):
        issued = issue()
        with served_by(NOBODY) as workers:
            workers.present(issued)
            assert workers.present(issued) == [["accepted", 0]]
            assert revoke(issued.token.token_id)[0] == 0
            assert workers.present(issued) == [["token.revoked", 1]]

    def test_a_user_who_can_not_reach_them_changes_nothing_and_is_told_why(self, issue):
        issued = issue()
        with served_by(0) as workers:
            workers.present(issued)
            code, said = revoke(issued.token.token_id, user=NOBODY)
            assert (code, said.count("\n")) == (2, 1)
            assert said.startswith("Nothing was changed: processes of user 0 on ")
            assert "Permission denied" in said
            assert workers.present(issued) == [["accepted", 0]]
        assert AccessToken.objects.get().revoked_at is None

    def test_a_container_with_memory_of_its_own_changes_nothing_and_is_told_why(self, issue):
        issued = issue()
        with served_by(0) as workers:
            workers.present(issued)
            code, said = revoke(issued.token.token_id, within=OTHER_SHM)
            assert code == 2
            assert "is another one" in said or "No such file" in said
            assert workers.present(issued) == [["accepted", 0]]
        assert AccessToken.objects.get().revoked_at is None

    def test_the_same_user_is_heard(self, issue):
        issued = issue()
        with served_by(NOBODY) as workers:
            workers.present(issued)
            assert revoke(issued.token.token_id, user=NOBODY)[0] == 0
            assert workers.present(issued) == [["token.revoked", 1]]
