"""Guessing at one account slows down, at whichever door, and locks nobody out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.contrib.auth import aauthenticate, authenticate
from django.test import RequestFactory
from django.utils import timezone

from apikeys import conf, guessing, reauthentication
from apikeys.backends import SlowedModelBackend
from apikeys.limits import limiter
from tests.support.redis_server import client as redis_client
from tests.support.redis_server import limiter_on_redis, needs_redis

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("limits_in_memory")]

PASSWORD = "correct horse battery staple"
LOG_IN = "/accounts/login/"
NAME = "alice@example.org"


@pytest.fixture
def clock() -> Any:
    """A clock that stands still until a test moves it."""
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def attempt(client: Any) -> Any:
    """Try to log in, each time from another address; return status and seconds to wait."""
    tried = 0

    def try_it(password: str = "wrong", name: str = NAME, address: str = "") -> tuple[int, int]:
        nonlocal tried
        tried += 1
        address = address or f"203.0.{tried // 250}.{tried % 250 + 1}"
        body = {"username": name, "password": password}
        response = type(client)().post(LOG_IN, body, REMOTE_ADDR=address)
        return response.status_code, int(response.headers.get("Retry-After", 0))

    return try_it


@pytest.mark.project
def test_after_five_wrong_passwords_each_attempt_waits_twice_as_long_up_to_a_minute(
    attempt: Any, alice: Any, clock: Any
) -> None:
    assert [attempt() for _ in range(5)] == [(200, 0)] * 5
    for seconds in (1, 2, 4, 8, 16, 32, 60, 60, 60):
        assert attempt() == (429, seconds)
        clock.shift(timedelta(seconds=seconds - 0.5))
        assert attempt() == (429, 1)
        clock.shift(timedelta(seconds=0.75))
        assert attempt() == (200, 0)


@pytest.mark.project
def test_a_right_password_is_not_looked_at_during_the_wait_and_works_after_it(
    attempt: Any, alice: Any, clock: Any, monkeypatch: Any
) -> None:
    for _ in range(5):
        attempt()
    with monkeypatch.context() as patch:
        patch.setattr("django.contrib.auth.base_user.check_password", lambda *a, **k: 1 / 0)
        assert attempt(PASSWORD) == (429, 1)
    clock.shift(timedelta(seconds=1.1))
    assert attempt(PASSWORD) == (302, 0)
    assert [attempt() for _ in range(5)] == [(200, 0)] * 5, "the count begins anew"
    assert attempt() == (429, 1)


@pytest.mark.project
def test_attempts_during_the_wait_make_it_no_longer(attempt: Any, alice: Any, clock: Any) -> None:
    for _ in range(300):
        attempt()
    clock.shift(timedelta(seconds=1.1))
    assert attempt(PASSWORD) == (302, 0)


@pytest.mark.project
def test_an_unknown_name_waits_as_a_known_one_does(attempt: Any, alice: Any, clock: Any) -> None:
    answers = [[attempt(name=name) for _ in range(8)] for name in (NAME, "nobody@example.org")]
    assert answers[0] == answers[1] == [(200, 0)] * 5 + [(429, 1)] * 3


@pytest.mark.project
def test_strangers_slow_nobody_down_at_an_address_where_they_have_logged_in(
    attempt: Any, alice: Any, clock: Any
) -> None:
    home = "198.51.100.7"
    assert attempt(PASSWORD, address=home) == (302, 0)
    for _ in range(20):
        attempt()
    assert attempt(PASSWORD) == (429, 1)
    assert attempt(PASSWORD, address=home) == (302, 0)
    assert attempt() == (429, 1), "who is home forgives no stranger"
    # Who guesses there is slowed down like anybody.
    answers = [attempt(address=home) for _ in range(6)]
    assert answers == [(200, 0)] * 5 + [(429, 1)]


@pytest.mark.project
def test_wrong_passwords_that_lie_an_hour_back_are_forgotten(
    attempt: Any, alice: Any, clock: Any
) -> None:
    for _ in range(5):
        attempt()
    clock.shift(timedelta(hours=1, seconds=1))
    assert [attempt() for _ in range(5)] == [(200, 0)] * 5


@pytest.mark.project
def test_the_rate_is_a_setting(attempt: Any, alice: Any, clock: Any, settings: Any) -> None:
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS": {"log_in_account": "2/day"}}
    assert [attempt()[0] for _ in range(3)] == [200, 200, 429]
    clock.shift(timedelta(hours=23))
    assert attempt() == (200, 0)
    assert attempt() == (429, 2)


@pytest.mark.parametrize(
    "name",
    [
        "ALICE@example.org",
        " alice@example.org ",
        "alice@EXAMPLE.org\u200b",
        "\uff41lice@example.org",
        "al\u0131\u0307ce@example.org".replace("\u0131\u0307", "\u0130"),
        "\u00e1lice@example.org",
    ],
)
def test_names_that_a_database_may_take_for_one_count_as_one(name: str) -> None:
    assert guessing.account_digest(name) == guessing.account_digest(NAME)


def test_other_names_count_for_themselves_and_no_name_is_kept_in_the_clear() -> None:
    digests = {guessing.account_digest(name) for name in (NAME, "alicia@example.org", "", "a")}
    assert len(digests) == 4
    assert all(len(digest) == 32 and digest.isalnum() for digest in digests)
    assert guessing.account_digest("x" * 100_000) == guessing.account_digest("x" * 512)


def test_guesses_at_the_same_moment_are_counted_before_they_are_judged(rf: Any) -> None:
    def begin(number: int) -> int:
        request = rf.get("/", REMOTE_ADDR=f"203.0.113.{number + 1}")
        return guessing.wait_for_account(request, NAME)

    with ThreadPoolExecutor(16) as pool:
        waits = list(pool.map(begin, range(100)))
    assert waits.count(0) in (5, 6)


def test_the_counts_of_many_names_take_bounded_memory(rf: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("apikeys.limits.storages.MEMORY_KEYS", 500)
    for number in range(2000):
        guessing.wait_for_account(rf.get("/"), f"name{number}@example.org")
    shelves = limiter(conf.get().limits_storage)._memory.shelves
    assert 400 < max(len(shelf.expirations) for shelf in shelves.values()) <= 500


@pytest.mark.project
def test_all_doors_count_together(
    attempt: Any, api: Any, bob: Any, client: Any, clock: Any
) -> None:
    name = "bob@example.org"
    client.force_login(bob)
    session = client.session
    session[reauthentication.SESSION_KEY] = 1.0
    session.save()

    def fastcms(password: str = "wrong", address: str = "192.0.2.1") -> Any:
        body = {"email": name, "password": password}
        return api.post("/api/v1/auth/login", body, format="json", REMOTE_ADDR=address)

    def fastly(password: str = "wrong") -> Any:
        body = {"username": name, "password": password, "name": "x", "scope": "global"}
        return api.post("/tokens", body, format="multipart", REMOTE_ADDR="192.0.2.2")

    def confirm(password: str = "wrong") -> Any:
        return client.post("/dashboard/confirm", {"password": password}, REMOTE_ADDR="192.0.2.3")

    assert attempt(name=name)[0] == 200
    assert fastcms().status_code == 401
    assert fastly().status_code == 401
    assert confirm().status_code == 200
    assert attempt(name=name)[0] == 200
    for door in (fastcms, fastly, confirm):
        answer = door(PASSWORD)
        assert (answer.status_code, answer["Retry-After"]) == (429, "1")
    assert "Try again in 1 second." in confirm(PASSWORD).content.decode()
    assert attempt(PASSWORD, name=name) == (429, 1)
    clock.shift(timedelta(seconds=1.1))
    assert confirm(PASSWORD).status_code == 302
    assert fastcms(PASSWORD).status_code == 403, "the password is right; bob uses no FastCMS"


@pytest.mark.project
def test_the_admin_s_log_in_says_how_long_to_wait(
    client: Any, alice: Any, attempt: Any, clock: Any
) -> None:
    alice.is_staff = True
    alice.save()
    for _ in range(5):
        attempt()
    body = {"username": NAME, "password": PASSWORD}
    slowed = client.post("/admin/login/", body)
    assert (slowed.status_code, slowed["Retry-After"]) == (429, "1")
    assert "Too many attempts. Try again in 1 second." in slowed.content.decode()
    clock.shift(timedelta(seconds=1.1))
    assert (
        "Please enter the correct"
        in client.post("/admin/login/", {**body, "password": "x"}).content.decode()
    )
    clock.shift(timedelta(seconds=2.1))
    assert client.post("/admin/login/?next=/admin/", body)["Location"] == "/admin/"


def test_confirming_is_slowed_down_with_a_backend_that_is_not(
    client: Any, alice: Any, clock: Any, settings: Any
) -> None:
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    client.force_login(alice)
    session = client.session
    session[reauthentication.SESSION_KEY] = 1.0
    session.save()
    answers = [client.post("/dashboard/confirm", {"password": "wrong"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    clock.shift(timedelta(seconds=1.1))
    right = client.post("/dashboard/confirm", {"password": PASSWORD})
    assert right.status_code == 302


def test_several_attempts_in_one_request_are_several_attempts(alice: Any, clock: Any) -> None:
    request = RequestFactory().get("/")
    for _ in range(5):
        assert authenticate(request, username=alice.get_username(), password="wrong") is None
        assert request.log_in_wait == 0
    assert authenticate(request, username=alice.get_username(), password=PASSWORD) is None
    assert request.log_in_wait == 1


@pytest.mark.django_db(transaction=True)
def test_the_asynchronous_door_counts_too(alice: Any, settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = ["apikeys.backends.SlowedModelBackend"]
    request = RequestFactory().get("/")

    async def guess() -> None:
        for _ in range(5):
            await aauthenticate(request, username=alice.get_username(), password="wrong")
        assert await aauthenticate(request, username=NAME, password=PASSWORD) is None

    async_to_sync(guess)()
    assert request.log_in_wait >= 1


def test_without_a_request_nothing_is_counted(alice: Any) -> None:
    backend = SlowedModelBackend()
    for _ in range(20):
        assert backend.authenticate(None, username=alice.get_username(), password="wrong") is None
    assert backend.authenticate(None, username=alice.get_username(), password=PASSWORD) == alice


# Accounts whose names look alike

LOOK_ALIKE = "alice@ex\u00e4mple.org"


@pytest.fixture
def twin(make_user: Any) -> Any:
    """Somebody whose name is counted as alice's is."""
    assert guessing.account_digest(LOOK_ALIKE) == guessing.account_digest(NAME)
    return make_user(LOOK_ALIKE)


@pytest.mark.project
def test_a_look_alike_s_right_password_takes_back_no_attempt_at_another(
    attempt: Any, alice: Any, twin: Any, clock: Any
) -> None:
    looked_at = 0
    for _ in range(20):
        looked_at += attempt()[0] == 200
        attempt(PASSWORD, name=LOOK_ALIKE)
    assert looked_at == 5


@pytest.mark.project
def test_the_look_alike_takes_back_its_own_attempts(
    attempt: Any, alice: Any, twin: Any, clock: Any
) -> None:
    assert [attempt(name=LOOK_ALIKE) for _ in range(3)] == [(200, 0)] * 3
    assert attempt() == (200, 0)
    assert attempt(PASSWORD, name=LOOK_ALIKE) == (302, 0)
    assert [attempt() for _ in range(4)] == [(200, 0)] * 4
    assert attempt() == (429, 1), "the attempt at alice before it counts"


@pytest.mark.project
def test_where_a_look_alike_logs_in_is_no_place_of_another(
    attempt: Any, alice: Any, twin: Any, clock: Any
) -> None:
    theirs = "198.51.100.66"
    assert attempt(PASSWORD, name=LOOK_ALIKE, address=theirs) == (302, 0)
    for _ in range(5):
        attempt()
    assert attempt(address=theirs) == (429, 1)
    assert attempt(PASSWORD, address=theirs) == (429, 1)


@pytest.mark.project
def test_attempts_kept_from_an_hour_before_are_taken_back_from_no_later_hour(
    attempt: Any, alice: Any, twin: Any, clock: Any
) -> None:
    attempt()
    clock.shift(timedelta(minutes=59))
    for _ in range(4):
        attempt(name=LOOK_ALIKE)
    for _ in range(20):
        assert attempt(name=LOOK_ALIKE)[0] == 429
    clock.shift(timedelta(minutes=1, seconds=1))
    assert [attempt() for _ in range(4)] == [(200, 0)] * 4
    assert attempt(PASSWORD, name=LOOK_ALIKE) == (302, 0)
    assert attempt() == (429, 1)


@pytest.mark.project
def test_the_look_alike_of_a_name_waits_the_same_whether_or_not_somebody_has_the_name(
    attempt: Any, alice: Any, clock: Any
) -> None:
    def answers(typed: str, like: str) -> list[tuple[int, int]]:
        return [attempt(name=typed) for _ in range(5)] + [attempt(name=like)]

    told = answers("\u00e1lice@example.org", NAME)
    assert told == answers("n\u00f3body@example.org", "nobody@example.org")
    assert told[-1] == (429, 1)


@pytest.mark.project
def test_a_place_is_known_for_thirty_days_from_the_last_log_in(
    attempt: Any, alice: Any, clock: Any
) -> None:
    home = "198.51.100.7"
    for _ in range(2):
        assert attempt(PASSWORD, address=home) == (302, 0)
        clock.shift(timedelta(days=20))
    for _ in range(5):
        attempt()
    assert attempt(PASSWORD) == (429, 1)
    assert attempt(PASSWORD, address=home) == (302, 0)


@pytest.mark.project
def test_strangers_keys_and_names_push_no_place_out(
    attempt: Any, api: Any, rf: Any, alice: Any, clock: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("apikeys.limits.storages.MEMORY_KEYS", 50)
    home = "198.51.100.7"
    assert attempt(PASSWORD, address=home) == (302, 0)
    for _ in range(6):
        attempt()
    for number in range(120):
        api.get(
            "/api/demo/notes",
            headers={"X-API-Key": "junk"},
            REMOTE_ADDR=f"2001:db8:1:{number:x}::1",
        )
    assert attempt() == (429, 1), "what was tried at the account is still known"
    for number in range(120):
        guessing.wait_for_account(rf.get("/"), f"name{number}@example.org")
    for _ in range(6):
        attempt()
    assert attempt(PASSWORD, address=home) == (302, 0)


def test_right_passwords_cost_nothing_where_a_backend_finds_people_by_something_else(
    make_user: Any, rf: Any, clock: Any
) -> None:
    other = make_user("other@example.org")
    for account in (None, other.pk):
        for _ in range(20):
            request = rf.get("/", REMOTE_ADDR="203.0.113.1")
            assert guessing.wait_for_account(request, f"nick{account}", account) == 0
            guessing.proven(request, f"nick{account}", "another")


@needs_redis
def test_redis_counts_for_all_processes_keeps_no_name_and_forgets_in_time(
    rf: Any, monkeypatch: Any
) -> None:
    with limiter_on_redis(patience=10) as shared:
        monkeypatch.setattr(guessing, "_counts", lambda: shared)
        waits = [guessing.wait_for_account(rf.get("/"), NAME, 1) for _ in range(7)]
        assert waits == [0] * 5 + [1] * 2
        redis = redis_client(shared)
        assert shared._redis is not None
        pattern = shared._redis.prefixed_key("*")
        keys = redis.keys(pattern)
        assert len(keys) == 3, "all attempts, those at the account, and one wait"
        assert not any(b"alice" in key for key in keys)
        assert all(0 < redis.ttl(key) <= 3600 for key in keys)
        guessing.proven(rf.get("/"), NAME, 1)
        [place] = redis.keys(pattern)
        assert b"log-in-place" in place
        assert guessing.wait_for_account(rf.get("/"), NAME, 1) == 0
