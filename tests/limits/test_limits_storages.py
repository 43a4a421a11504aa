"""What limits may be called, and where their counts live: bounds, namespaces, connections."""

from __future__ import annotations

import contextlib
import inspect
import math
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from limits.storage import RedisStorage
from redis import ConnectionError as RedisConnectionError

from apikeys.limits import Charge, Limit, Limiter, storages
from tests.limits.test_limits_redis import Gate, behind
from tests.support.redis_server import allowed, client, limiter_on_redis, needs_redis, redis_uri

MINUTE = Limit("5/minute")
ROLLING = Limit("5/minute", rolling=True)


@pytest.fixture
def shared() -> Iterator[Limiter]:
    """A limiter on Redis."""
    with limiter_on_redis() as found:
        yield found


@pytest.fixture
def hanging() -> Iterator[Gate]:
    gate = Gate()
    gate.open()
    yield gate
    gate.close()


@pytest.fixture
def uptime(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The monotonic clock of memory, moved by hand."""
    fake = SimpleNamespace(now=1000.0)
    fake.monotonic = lambda: fake.now
    monkeypatch.setattr(storages, "time", fake)
    return fake


# The policy


@pytest.mark.parametrize(
    ("rate", "name"), [("1/hour", 5), ("1/hour", None), ("1/hour", b"a"), (5, "a"), (None, 5)]
)
def test_a_rate_or_a_name_that_is_no_text_is_refused_with_both_shown(rate: Any, name: Any) -> None:
    with pytest.raises(ValueError, match="write strings") as caught:
        Limit(rate, name=name)
    assert str(caught.value) == (
        f"rate={rate!r}, name={name!r}: write strings, such as '1000/hour'."
    )


@pytest.mark.parametrize("name", ["a\nb", "a\x00", "\x1b[31m", "a\u2028b", "\ud800"], ids=ascii)
def test_a_name_that_would_break_a_line_of_headers_or_of_a_log_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="plain text without '/'") as caught:
        Limit("1/hour", name=name)
    assert str(caught.value) == f"name={name!r}: a limit's name is plain text without '/'."
    assert Limit("1/hour", name="büro 7").name == "büro 7"


def test_another_subject_is_refused_with_the_list_of_those_there_are() -> None:
    with pytest.raises(ValueError, match="planet") as caught:
        Limit("1/hour", per="planet")  # type: ignore[arg-type]
    assert str(caught.value) == (
        "per='planet': choose one of principal, user, token, organization, address."
    )


def test_a_limit_shows_what_was_written_and_not_what_follows_from_it() -> None:
    assert repr(Limit("5/minute")) == (
        "Limit(rate='5/minute', per='token', on='any', rolling=False, name='any-token')"
    )


def test_a_time_has_four_digits_at_most() -> None:
    assert Limit("1/9999 seconds").seconds == 9999
    with pytest.raises(ValueError, match="is not a rate"):
        Limit("1/10000 seconds")


def test_counts_are_stored_under_strategy_rate_name_and_key() -> None:
    """Another spelling would begin every count anew at an upgrade."""
    assert charge("k").stored_as == "fixed/5/60/any-token/k"
    assert charge("k", ROLLING).stored_as == "rolling/5/60/any-token/k"


# Memory


def charge(key: object, limit: Limit = MINUTE) -> Charge:
    return Charge(limit, str(key))


def used(found: Limiter, key: object, limit: Limit) -> int:
    return limit.amount - found.peek([charge(key, limit)])[0].remaining


@pytest.mark.parametrize("limit", [MINUTE, ROLLING], ids=["fixed", "rolling"])
def test_memory_keeps_so_many_keys_and_then_forgets_the_oldest_tenth(
    monkeypatch: pytest.MonkeyPatch, limit: Limit
) -> None:
    monkeypatch.setattr(storages, "MEMORY_KEYS", 990)
    found = Limiter("memory://")
    for key in range(990):
        found.hit([charge(key, limit)])
    assert [used(found, key, limit) for key in range(990)] == [1] * 990
    found.hit([charge("one more", limit)])
    assert [used(found, key, limit) for key in range(990)] == [0] * 99 + [1] * 891
    assert used(found, "one more", limit) == 1


@pytest.mark.parametrize("aged", [1, 9, 10, 40])
def test_rolling_keys_that_hold_nothing_any_more_go_before_those_in_use(
    monkeypatch: pytest.MonkeyPatch, uptime: SimpleNamespace, aged: int
) -> None:
    monkeypatch.setattr(storages, "MEMORY_KEYS", 100)
    found = Limiter("memory://")
    long = Limit("5/hour", rolling=True)
    busy = [charge("busy", long)]
    found.hit(busy)
    for key in range(99 - aged):
        found.hit([charge(key, long)])
    for key in range(aged):
        found.hit([charge(f"aged {key}", ROLLING)])
    uptime.now += 61
    found.hit(busy)
    found.hit([charge("one more", long)])
    assert used(found, "busy", long) == 2
    kept = found._memory.shelves[long.name].events
    assert [key for key in kept if "aged" in key] == []
    # Those that were used least recently make the tenth full.
    assert [used(found, key, long) for key in range(99 - aged)] == [
        *[0] * max(0, 10 - aged),
        *[1] * (99 - aged - max(0, 10 - aged)),
    ]


def test_a_rolling_key_is_in_use_until_the_moment_its_last_place_is_free(
    monkeypatch: pytest.MonkeyPatch, uptime: SimpleNamespace
) -> None:
    monkeypatch.setattr(storages, "MEMORY_KEYS", 10)
    found = Limiter("memory://")
    long = Limit("5/hour", rolling=True)
    found.hit([charge("oldest", long)])
    found.hit([charge("edge", ROLLING)])
    for key in range(8):
        found.hit([charge(key, long)])
    uptime.now += ROLLING.seconds
    found.hit([charge("one more", long)])
    assert (used(found, "oldest", long), used(found, "edge", ROLLING)) == (0, 1)


def test_a_look_at_a_rolling_window_counts_no_place_that_is_free_again(
    uptime: SimpleNamespace,
) -> None:
    found = Limiter("memory://")
    found.hit([charge("k", ROLLING)])
    uptime.now += 30
    found.hit([charge("k", ROLLING)])
    uptime.now += 31
    assert used(found, "k", ROLLING) == 1


def test_a_fixed_window_begun_anew_counts_as_young(
    monkeypatch: pytest.MonkeyPatch, uptime: SimpleNamespace
) -> None:
    monkeypatch.setattr(storages, "MEMORY_KEYS", 10)
    found = Limiter("memory://")
    found.hit([charge("first")])
    long = Limit("5/hour")
    for key in range(9):
        found.hit([charge(key, long)])
    uptime.now += 61
    found.hit([charge("first")])
    found.hit([charge("one more", long)])
    assert used(found, "first", MINUTE) == 1
    assert [used(found, key, long) for key in (0, 1, "one more")] == [0, 1, 1]


@pytest.mark.parametrize("limit", [MINUTE, ROLLING], ids=["fixed", "rolling"])
def test_a_full_memory_forgets_nobody_for_a_caller_it_knows(
    monkeypatch: pytest.MonkeyPatch, limit: Limit
) -> None:
    monkeypatch.setattr(storages, "MEMORY_KEYS", 10)
    found = Limiter("memory://")
    for key in range(10):
        found.hit([charge(key, limit)])
    found.hit([charge(9, limit)])
    assert [used(found, key, limit) for key in range(10)] == [1] * 9 + [2]


def test_memory_starts_no_thread() -> None:
    before = threading.active_count()
    found = Limiter("memory://")
    for key in range(100):
        found.hit([charge(key, ROLLING), charge(key)])
        assert threading.active_count() == before


# Redis: keys


@needs_redis
@pytest.mark.redis
@pytest.mark.parametrize("limit", [MINUTE, ROLLING], ids=["fixed", "rolling"])
def test_namespaces_of_one_redis_are_counted_and_cleared_apart(
    shared: Limiter, limit: Limit
) -> None:
    other = Limiter(redis_uri(), namespace=f"apikeys-test-{uuid.uuid4().hex}")
    assert allowed(shared, charge("k", limit), 9) == 5
    assert allowed(other, charge("k", limit), 9) == 5
    other.clear()
    assert allowed(other, charge("k", limit), 1) == 1
    assert allowed(shared, charge("k", limit), 9) == 0
    assert not shared.degraded
    assert not other.degraded
    other.clear()
    client(other).connection_pool.disconnect()


@needs_redis
@pytest.mark.redis
def test_a_peek_tells_the_true_end_of_a_window_that_has_begun(shared: Limiter) -> None:
    assert shared._redis is not None
    key = shared._redis.prefixed_key(charge("k").stored_as)
    shared.hit([charge("k")])
    client(shared).pexpire(key, 20_000)
    window = shared.peek([charge("k")])[0]
    assert 19 < window.reset_at - time.time() <= 20
    assert window.remaining == 4


@needs_redis
@pytest.mark.redis
def test_a_window_that_has_not_begun_would_begin_now(shared: Limiter) -> None:
    assert shared._redis is not None
    assert shared._redis.read([charge("k")]) == [(0, None)]
    window = shared.peek([charge("k")])[0]
    assert (window.remaining, window.retry_after) == (5, 0)
    assert 59 < window.reset_at - time.time() <= 60


@needs_redis
@pytest.mark.redis
def test_a_window_whose_time_to_live_was_lost_ends_a_whole_window_from_now(
    shared: Limiter,
) -> None:
    assert shared._redis is not None
    client(shared).set(shared._redis.prefixed_key(charge("k").stored_as), 5)
    refused = shared.hit([charge("k")]).refused_by
    assert refused is not None
    assert refused.retry_after == 60
    assert 59 < refused.reset_at - time.time() <= 60


@needs_redis
@pytest.mark.redis
def test_the_rest_of_a_window_is_known_to_the_millisecond(shared: Limiter) -> None:
    assert shared._redis is not None
    tell = shared._redis._counts
    assert tell([charge("k")] * 3, [b"1", 2, None], [59_999, 1, -2]) == [
        (1, 59.999),
        (2, 0.001),
        (0, None),
    ]


@needs_redis
@pytest.mark.redis
def test_charging_is_one_transaction_and_looking_is_none(
    shared: Limiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactions = []
    pipeline = client(shared).pipeline

    def watched(*args: Any, **options: Any) -> Any:
        made = pipeline(*args, **options)
        transactions.append(made.explicit_transaction or made.transaction)
        return made

    monkeypatch.setattr(client(shared), "pipeline", watched)
    shared.peek([charge("k")])
    assert transactions == [False]
    shared.hit([charge("k")])
    assert transactions == [False, True]


# Redis: connections


@needs_redis
@pytest.mark.redis
def test_idle_connections_are_dropped_and_those_in_use_go_on(shared: Limiter) -> None:
    assert shared._redis is not None
    pool = client(shared).connection_pool
    busy, idle = pool.get_connection(), pool.get_connection()
    sockets = busy._sock, idle._sock
    assert None not in sockets
    pool.release(idle)
    shared._redis.drop_idle_connections()
    assert busy._sock is sockets[0]
    assert idle._sock is None
    busy.send_command("PING")
    assert busy.read_response() == b"PONG"
    pool.release(busy)


@pytest.mark.parametrize("limit", [MINUTE, ROLLING], ids=["fixed", "rolling"])
@pytest.mark.parametrize("way", ["hit", "peek"])
def test_a_hanging_redis_costs_whatever_kind_of_limit_one_timeout(
    hanging: Gate, limit: Limit, way: str
) -> None:
    found = behind(hanging)
    began = time.perf_counter()
    getattr(found, way)([charge("k", limit)])
    assert 0.04 < time.perf_counter() - began < 1
    assert found.degraded
    assert len(hanging.sockets) == 1
    assert allowed(found, charge("k", limit), 9) == (4 if way == "hit" else 5)
    assert len(hanging.sockets) == 1


def test_an_address_that_asks_for_retries_gets_none(hanging: Gate) -> None:
    found = Limiter(f"redis://127.0.0.1:{hanging.port}/0?retry_on_timeout=yes")
    found.hit([charge("k")])
    assert found.degraded
    assert len(hanging.sockets) == 1


def test_a_hanging_redis_does_not_hang_who_clears_it(hanging: Gate) -> None:
    found = behind(hanging)
    began = time.perf_counter()
    found.clear()
    assert time.perf_counter() - began < 1
    assert found.degraded


def test_a_redis_that_refuses_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Gate()
    found = behind(refused)
    attempts = 0

    def refuse(*_: object) -> None:
        nonlocal attempts
        attempts += 1
        raise RedisConnectionError("refused")

    monkeypatch.setattr(client(found).connection_pool.connection_class, "_connect", refuse)
    with contextlib.closing(refused):
        found.hit([charge("k")])
        assert attempts == 1
        found.hit([charge("k")])
        assert attempts == 1
    assert found.degraded


@pytest.mark.parametrize("limit", [MINUTE, ROLLING], ids=["fixed", "rolling"])
@pytest.mark.parametrize("error", [OSError("no buffer space"), TimeoutError(), BrokenPipeError()])
def test_an_error_of_the_socket_itself_is_an_outage(
    monkeypatch: pytest.MonkeyPatch, limit: Limit, error: OSError
) -> None:
    found = Limiter("redis://127.0.0.1:1/0")

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(client(found).connection_pool, "get_connection", fail)
    assert allowed(found, charge("k", limit), 9) == 5
    assert found.degraded


def test_only_the_scheme_of_a_unix_socket_is_rewritten(tmp_path: Path) -> None:
    odd = f"{tmp_path}/redis+unix://redis.sock"
    found = Limiter(f"redis+unix://{odd}")
    assert client(found).connection_pool.connection_kwargs["path"] == odd


# One protocol


def methods(storage: type) -> set[str]:
    mixed_in = set(dir(RedisStorage))
    return {name for name in vars(storage) if not name.startswith("_") and name not in mixed_in}


def test_memory_and_redis_answer_to_the_same_methods() -> None:
    asked = {"read", "add", "acquire", "look", "forget"}
    assert methods(storages.MemoryCounts) == asked
    assert methods(storages.RedisCounts) - {"time", "drop_idle_connections", "client"} == asked
    for storage in (storages.MemoryCounts, storages.RedisCounts):
        for name in asked | {"reset"}:
            assert callable(getattr(storage, name)), (storage, name)
    for name in asked:
        memory, redis = (
            inspect.signature(getattr(storage, name))
            for storage in (storages.MemoryCounts, storages.RedisCounts)
        )
        assert memory == redis, name


def script(storage: storages.Storage) -> list[Any]:
    """Everything that a storage can be asked, its answers with the seconds rounded up."""
    a, b, rolling = charge("a"), charge("b"), charge("r", ROLLING)
    told: list[Any] = [
        storage.read([a, b]),
        storage.add([a, b], 1),
        storage.add([a], 3),
        storage.add([b], -2),
        storage.read([a, b, charge("c")]),
        storage.look(rolling),
        [storage.acquire(rolling) for _ in range(6)],
        storage.look(rolling),
        storage.forget([a, rolling, charge("never")]),
        storage.read([a, b]),
        storage.look(rolling),
        storage.add([a], 1),
    ]
    storage.reset()
    told += [storage.read([a, b]), storage.look(rolling), storage.acquire(rolling)]

    def rounded(answer: Any) -> Any:
        if isinstance(answer, float):
            return math.ceil(answer)
        if isinstance(answer, (list, tuple)):
            return [rounded(part) for part in answer]
        return answer

    return [rounded(answer) for answer in told]


ANSWERS = [
    [[0, None], [0, None]],
    [[1, 60], [1, 60]],
    [[4, 60]],
    [[-1, 60]],
    [[4, 60], [-1, 60], [0, None]],
    [0, None],
    [True] * 5 + [False],
    [5, 60],
    None,
    [[0, None], [-1, 60]],
    [0, None],
    [[1, 60]],
    [[0, None], [0, None]],
    [0, None],
    True,
]


def test_memory_gives_the_answers_of_the_protocol() -> None:
    assert script(storages.MemoryCounts()) == ANSWERS


@needs_redis
@pytest.mark.redis
def test_redis_gives_the_answers_of_the_protocol(shared: Limiter) -> None:
    assert shared._redis is not None
    assert script(shared._redis) == ANSWERS


@pytest.mark.parametrize("limit", [MINUTE, ROLLING], ids=["fixed", "rolling"])
def test_keys_of_one_limit_push_out_none_of_another(
    monkeypatch: pytest.MonkeyPatch, limit: Limit
) -> None:
    monkeypatch.setattr(storages, "MEMORY_KEYS", 50)
    found = Limiter("memory://")
    kept = Limit("5/30 day", per="user", name="kept", rolling=limit.rolling)
    found.hit([charge("home", kept)])
    for key in range(500):
        found.hit([charge(key, limit)])
    assert used(found, "home", kept) == 1
    assert sum(used(found, key, limit) for key in range(500)) <= 50
