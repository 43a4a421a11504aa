"""What the verdict on a credential carries, costs and says, and who is asked for it."""

from __future__ import annotations

import logging
import os
import signal

import pytest
from django.utils import timezone

from apikeys.credentials import argon2, digests
from apikeys.credentials.keys import Credential
from apikeys.dialects import DefaultDialect
from apikeys.lookup.query import find
from apikeys.models import AccessToken, Membership, Organization
from apikeys.refusals import Reason, Refusal
from apikeys.restrictions import Facts
from apikeys.verification import epochs, memory, validity
from apikeys.verification.epochs import EpochUnavailableError, HostEpoch
from apikeys.verification.verify import admit, prove
from tests.support.apis import say
from tests.support.remembering import remembered

pytestmark = pytest.mark.django_db

HERE = Facts(address="192.0.2.1", secure=True, foreign_origin=False)
FOREIGN = Facts(address="192.0.2.1", secure=True, foreign_origin=True)


class Guarded(DefaultDialect):
    """Pages of other sites may not send keys."""

    foreign_origins = "refuse"


def proven(issued, *, secret=None):
    credential = Credential(issued.token.token_id, secret or issued.secret, "ak_prod")
    return prove(credential, dialects={"default"})


def refused(issued, facts=HERE, **given):
    with pytest.raises(Refusal) as caught:
        admit(proven(issued, **given), facts)
    return caught.value


def test_an_unknown_id_costs_no_argon2_where_tokens_are_hashed_fast(settings, monkeypatch):
    say(settings, TOKEN_HASHER="hmac")
    digests._stand_in_for.cache_clear()
    monkeypatch.setattr(argon2, "digest", lambda *args: pytest.fail("argon2 was asked"))
    monkeypatch.setattr(argon2, "matches", lambda *args: pytest.fail("argon2 was asked"))
    with pytest.raises(Refusal) as caught:
        prove(Credential("0" * 16, "0" * 49, "ak_prod"), dialects={"default"})
    assert caught.value.reason is Reason.UNKNOWN


@pytest.mark.parametrize(
    ("change", "facts", "reason"),
    [
        ({"disabled_at": timezone.now()}, HERE, Reason.DISABLED),
        ({"allowed_networks": ["198.51.100.0/24"]}, HERE, Reason.ADDRESS_NOT_ALLOWED),
        ({"description": ""}, FOREIGN, Reason.FOREIGN_ORIGIN),
    ],
)
def test_a_refusal_names_the_token_for_log_and_counters(issue, settings, change, facts, reason):
    say(settings, DIALECTS={"default": "tests.verification.test_verdicts.Guarded"})
    issued = issue()
    AccessToken.objects.filter(pk=issued.token.pk).update(**change)
    refusal = refused(issued, facts)
    assert refusal.reason is reason
    assert (refusal.token_id, refusal.token_pk) == (issued.token.token_id, issued.token.pk)


def test_a_dialect_that_allows_foreign_origins_lets_one_in(issue, settings):
    issued = issue()
    assert admit(proven(issued), FOREIGN).pk == issued.token.pk
    say(settings, DIALECTS={"default": "tests.verification.test_verdicts.Guarded"})
    assert refused(issued, FOREIGN).reason is Reason.FOREIGN_ORIGIN
    assert admit(proven(issued), HERE).pk == issued.token.pk


def test_a_missing_pepper_is_logged_where_it_is_missing_and_nowhere_else(issue, settings, caplog):
    say(settings, PEPPERS={1: "a" * 32})
    issued = issue()
    wrong = issued.secret[:-1] + ("0" if issued.secret[-1] != "0" else "1")
    with caplog.at_level(logging.ERROR):
        assert refused(issued, secret=wrong).reason is Reason.WRONG_SECRET
    assert caplog.messages == []
    say(settings, PEPPERS={2: "b" * 32})
    with caplog.at_level(logging.ERROR):
        assert refused(issued).reason is Reason.WRONG_SECRET
    assert caplog.messages == [f"pepper missing version=1 token_id={issued.token.token_id}"]
    caplog.clear()
    say(settings, PEPPERS={})
    unpeppered = issue()
    with caplog.at_level(logging.ERROR):
        assert refused(unpeppered, secret=wrong).reason is Reason.WRONG_SECRET
    assert caplog.messages == []


def test_what_a_row_says_is_worked_out_once(issue):
    row = find(issue().token.token_id)
    assert validity.of(row) is validity.of(row)


class TestAnOwnerWhoseActivityIsWorkedOut:
    """A host's user model may make `is_active` a property; that answers one question only."""

    @pytest.fixture
    def issued(self, issue, bob, monkeypatch):
        monkeypatch.setattr(validity, "_is_active_of", lambda model: model.is_active)
        monkeypatch.setattr(type(bob), "is_active", property(lambda user: True))
        return issue(kind="personal", owner=bob, scopes=[])

    def test_is_let_in(self, issued):
        assert admit(proven(issued), HERE).pk == issued.token.pk

    def test_is_refused_in_a_suspended_organization(self, issued):
        Organization.objects.update(suspended_at=timezone.now())
        assert refused(issued).reason is Reason.ORGANIZATION_SUSPENDED

    def test_is_refused_once_gone(self, issued, bob):
        Membership.objects.filter(user=bob)._raw_delete("default")
        assert refused(issued).reason is Reason.OWNER_GONE


class TestTheMemoryOfProofs:
    @pytest.fixture
    def epoch(self, tmp_path, monkeypatch, settings):
        say(settings, CACHE="host")
        made = HostEpoch(tmp_path / "private" / "epoch")
        monkeypatch.setattr(epochs, "current", lambda: made)
        monkeypatch.setattr(memory, "memory", memory.Memory())
        return made

    def present(self, issued):
        credential = Credential(issued.token.token_id, issued.secret, "ak_prod")
        return remembered(credential)

    def test_remembers_nothing_while_the_place_of_the_epoch_can_not_be_checked(
        self, epoch, issue, monkeypatch, django_assert_num_queries
    ):
        def fail():
            raise EpochUnavailableError("gone")

        issued = issue()
        monkeypatch.setattr(epoch, "check", fail)
        for _ in range(3):
            with django_assert_num_queries(1):
                assert self.present(issued).row.values["id"] == issued.token.pk
        assert len(memory.memory._entries) == 0

    def test_notices_with_each_look_up_that_the_place_was_replaced(self, epoch, issue):
        first, second = issue(), issue()
        self.present(first)
        epoch.path.unlink()
        # Another process, started since, maps another file.
        other = HostEpoch(epoch.path)
        assert other.read() != epoch.read()
        self.present(second)
        assert other.read() == epoch.read()

    def test_can_be_written_in_a_child_of_a_process_that_was_writing_it(self, epoch, issue):
        issued = issue()
        kept = memory.Entry(b"", 0.0, self.present(issued))
        with memory.memory._lock:
            child = os.fork()
            if child == 0:  # pragma: no cover - another process
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(10)
                memory.memory.put((b"", "", ()), kept)
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0

    def test_gets_another_lock_where_a_fork_may_have_taken_the_old_one_along(self, epoch):
        before = memory.memory._lock
        memory._renew_lock()
        assert memory.memory._lock is not before
