"""`TOKEN_HASHER = "argon2"`: one derivation for many requests, and never a remembered verdict."""

from __future__ import annotations

import threading

import pytest
from argon2.exceptions import VerificationError

from apikeys.credentials import argon2
from apikeys.credentials.digests import text_of
from apikeys.models import AccessToken
from apikeys.services.tokens import revoke_token
from tests.support.apis import say

PROTECTED = "/protected"

pytestmark = [
    pytest.mark.urls("tests.support.apis"),
    pytest.mark.usefixtures("limits_in_memory"),
]


class Counting:
    """argon2-cffi's hasher, counting how often it derives."""

    def __init__(self, hasher):
        self.hasher = hasher
        self.derivations = 0

    def hash(self, text):
        self.derivations += 1
        return self.hasher.hash(text)

    def verify(self, stored, text):
        self.derivations += 1
        return self.hasher.verify(stored, text)


@pytest.fixture(autouse=True)
def hasher(monkeypatch, settings):
    say(settings, TOKEN_HASHER="argon2")
    counting = Counting(argon2._HASHER)
    monkeypatch.setattr(argon2, "_HASHER", counting)
    argon2.forget()
    yield counting
    argon2.forget()


@pytest.fixture
def token(issue, hasher):
    issued = issue()
    hasher.derivations = 0
    return issued


def test_only_an_argon2id_hash_with_the_recommended_parameters_is_stored(token):
    stored = AccessToken.objects.get(pk=token.token.pk).digest
    assert text_of(stored).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_many_requests_cost_one_derivation(api, token, hasher):
    assert [api.key(token).get(PROTECTED).status_code for _ in range(5)] == [200] * 5
    assert hasher.derivations == 1


def test_a_malformed_key_costs_none(api, token, hasher):
    wrong = token.api_key[:-1] + ("b" if token.api_key.endswith("a") else "a")
    for junk in (wrong, "junk", "", token.secret):
        assert api.get(PROTECTED, headers={"X-API-Key": junk}).status_code == 401
    assert hasher.derivations == 0


def test_an_unknown_id_costs_as_much_as_a_wrong_secret(api, token, hasher, issue):
    other = issue()
    AccessToken.objects.filter(pk=other.token.pk).delete()
    api.key(other).get(PROTECTED)  # the stand-in is derived once per process
    hasher.derivations = 0
    assert api.key(other).get(PROTECTED).status_code == 401
    unknown, hasher.derivations = hasher.derivations, 0
    AccessToken.objects.filter(pk=token.token.pk).update(digest=argon2.digest("x", "y"))
    hasher.derivations = 0
    assert api.key(token).get(PROTECTED).status_code == 401
    assert unknown == hasher.derivations == 1


def test_a_revoked_token_is_refused_by_the_next_request(api, token, actor):
    assert api.key(token).get(PROTECTED).status_code == 200
    revoke_token(actor=actor, token=token.token)
    assert api.key(token).get(PROTECTED).status_code == 401


def test_a_replaced_digest_is_not_remembered(api, token):
    assert api.key(token).get(PROTECTED).status_code == 200
    AccessToken.objects.filter(pk=token.token.pk).update(digest=argon2.digest("x", "y"))
    assert api.key(token).get(PROTECTED).status_code == 401


def test_a_digest_moved_to_another_row_matches_nothing():
    stored = argon2.digest("one", "secret")
    assert argon2.matches("one", "secret", stored)
    assert not argon2.matches("two", "secret", stored)
    assert not argon2.matches("one", stored, stored)


def test_a_damaged_hash_is_a_fault_and_no_wrong_secret():
    with pytest.raises(VerificationError, match="Decoding failed"):
        argon2.matches("one", "secret", "$argon2id$v=19$damaged")


def test_a_want_of_memory_is_a_fault_and_no_wrong_secret(monkeypatch):
    class Exhausted:
        def verify(self, stored, text):
            raise VerificationError("Memory allocation error")

    monkeypatch.setattr(argon2, "_HASHER", Exhausted())
    with pytest.raises(VerificationError):
        argon2.matches("one", "secret", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA")


def test_what_is_remembered_is_bounded_and_holds_no_secret(monkeypatch):
    monkeypatch.setattr(argon2, "_REMEMBERED", 2)
    pairs = [("one", argon2.digest("one", "s")), ("two", argon2.digest("two", "s"))]
    pairs.append(("three", argon2.digest("three", "s")))
    for token_id, stored in pairs:
        assert argon2.matches(token_id, "s", stored)
    assert len(argon2._memory) == 2
    assert all(len(key) == 32 for key in argon2._memory)


def test_no_more_derivations_run_at_once_than_there_are_processors(monkeypatch):
    running, most, lock = 0, 0, threading.Lock()
    both = threading.Barrier(2)

    class Slow:
        def verify(self, stored, text):
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            both.wait(10)
            with lock:
                running -= 1
            return True

    monkeypatch.setattr(argon2, "_HASHER", Slow())
    monkeypatch.setattr(argon2, "_AT_ONCE", threading.BoundedSemaphore(2))
    threads = [threading.Thread(target=argon2.matches, args=(str(n), "s", "x")) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == 2


def test_tokens_digested_otherwise_before_keep_working(api, settings, issue):
    say(settings, TOKEN_HASHER="hmac")
    before = issue()
    say(settings, TOKEN_HASHER="argon2")
    assert text_of(before.token.digest).startswith("hmac-sha256$1$")
    assert api.key(before).get(PROTECTED).status_code == 200
