"""Limits while a clock is wrong: a window ends when it should, whatever the host's clock says.

Memory counts by the monotonic clock, Redis by its own; neither asks the clock that time servers,
administrators and suspended machines move.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from apikeys.dialects import DefaultDialect
from apikeys.limits import Charge, Limit, Limiter, Window, storages
from tests.support.redis_server import allowed, client, limiter_on_redis, needs_redis

DAY = 86_400
STEPS = [DAY, -DAY, 4000 * DAY, -4000 * DAY, 30, -30]


@pytest.fixture
def shared() -> Iterator[Limiter]:
    """A limiter on Redis."""
    with limiter_on_redis(patience=10) as found:
        yield found


@pytest.fixture
def memory() -> Limiter:
    return Limiter("memory://")


@pytest.fixture
def fallback() -> Limiter:
    """A limiter whose Redis is away: port 1 refuses."""
    return Limiter("redis://127.0.0.1:1/0")


EVERY = ["memory", "fallback", pytest.param("shared", marks=[needs_redis, pytest.mark.redis])]


@pytest.fixture(params=EVERY)
def each(request: pytest.FixtureRequest) -> Limiter:
    found: Limiter = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def uptime(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The monotonic clock of memory, moved by hand."""
    fake = SimpleNamespace(now=1000.0)
    fake.monotonic = lambda: fake.now
    monkeypatch.setattr(storages, "time", fake)
    return fake


def stepped(seconds: float) -> Any:
    """The host's clock, wrong by so many seconds."""
    return time_machine.travel(time.time() + seconds)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("rolling", [False, True])
def test_a_moment_of_wrong_clock_lengthens_no_window_and_forgets_no_count(
    each: Limiter, rolling: bool, step: int
) -> None:
    charge = Charge(Limit("10/minute", rolling=rolling), "k")
    assert allowed(each, charge, 3) == 3
    with stepped(step):
        assert allowed(each, charge, 3) == 3
        assert each.peek([charge])[0].remaining == 4
    assert allowed(each, charge, 10) == 4
    refused = each.hit([charge]).refused_by
    assert refused is not None
    assert 1 <= refused.retry_after <= 60
    assert 0 < refused.reset_at - time.time() <= 60


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("rolling", [False, True])
def test_a_window_that_began_under_a_wrong_clock_ends_after_its_own_length(
    memory: Limiter, uptime: SimpleNamespace, rolling: bool, step: int
) -> None:
    charge = Charge(Limit("2/minute", rolling=rolling), "k")
    with stepped(step):
        assert allowed(memory, charge, 5) == 2
    uptime.now += 59
    refused = memory.hit([charge]).refused_by
    assert refused is not None
    assert refused.retry_after in (1, 2)
    uptime.now += 1.5
    assert allowed(memory, charge, 5) == 2


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("rolling", [False, True])
def test_a_clock_that_stays_wrong_changes_nothing_either(
    memory: Limiter, uptime: SimpleNamespace, rolling: bool, step: int
) -> None:
    charge = Charge(Limit("2/minute", rolling=rolling), "k")
    assert allowed(memory, charge, 5) == 2
    with stepped(step):
        refused = memory.hit([charge]).refused_by
        assert refused is not None
        assert refused.retry_after in (60, 61)
        assert refused.reset_at == pytest.approx(time.time() + 60, abs=1)
        uptime.now += 61
        assert allowed(memory, charge, 5) == 2


@pytest.mark.parametrize("step", STEPS)
def test_charging_one_under_a_wrong_clock_makes_nobody_wait_longer_than_the_window(
    each: Limiter, step: int
) -> None:
    charge = Charge(Limit("2/minute"), "k")
    with stepped(step):
        assert [each.charge_one(charge) for _ in range(2)] == [0, 0]
    assert 1 <= each.charge_one(charge) <= 60


def test_a_whole_window_is_never_rounded_up_beyond_its_length(
    memory: Limiter, uptime: SimpleNamespace
) -> None:
    # At some of these moments (now + 60) - now is a little more than 60.
    for number in range(2000):
        uptime.now = 100_000 + number * 0.7
        charge = Charge(Limit("1/minute"), str(number))
        assert memory.charge_one(charge) == 0
        assert memory.charge_one(charge) == 60


@needs_redis
@pytest.mark.redis
@pytest.mark.parametrize("step", STEPS)
def test_hosts_whose_clocks_differ_share_one_rolling_limit(shared: Limiter, step: int) -> None:
    charge = Charge(Limit("10/minute", rolling=True), "k")
    passed = 0
    for _ in range(10):
        passed += allowed(shared, charge, 1)
        with stepped(step):
            passed += allowed(shared, charge, 1)
    assert passed == 10
    assert not shared.degraded


@needs_redis
@pytest.mark.redis
def test_a_rolling_window_in_redis_frees_its_place_after_its_length(shared: Limiter) -> None:
    charge = Charge(Limit("2/second", rolling=True), "k")
    began = time.monotonic()
    assert allowed(shared, charge, 5) == 2
    while not shared.hit([charge]).allowed:
        assert time.monotonic() - began < 10
    assert time.monotonic() - began >= 1


@needs_redis
@pytest.mark.redis
@pytest.mark.parametrize("rolling", [False, True])
def test_a_window_that_redis_stored_under_a_wrong_clock_of_its_own_ends_too(
    shared: Limiter, rolling: bool
) -> None:
    charge = Charge(Limit("2/minute", rolling=rolling), "k")
    assert shared._redis is not None
    key = shared._redis.prefixed_key(charge.stored_as)
    if rolling:
        client(shared).lpush(key, *[f"{time.time() + DAY:.6f}"] * 2)
        client(shared).expire(key, DAY)
        assert shared.hit([charge]).allowed
        assert shared.peek([charge])[0].remaining == 1
    else:
        client(shared).set(key, 2, ex=DAY)
        refused = shared.hit([charge]).refused_by
        assert refused is not None
        assert refused.retry_after <= 60
    assert client(shared).ttl(key) <= 60
    assert not shared.degraded


@pytest.mark.parametrize("ahead", [DAY, 61.5])
def test_no_header_says_more_than_the_window_if_the_clock_steps_before_it_is_written(
    ahead: float,
) -> None:
    limit = Limit("100/minute")
    headers = DefaultDialect().limit_headers([Window(limit, 99, time.time() + ahead, 0)])
    assert headers["RateLimit"] == '"any-token";r=99;t=60'
    headers = DefaultDialect().limit_headers([Window(limit, 99, time.time() - ahead, 0)])
    assert headers["RateLimit"] == '"any-token";r=99;t=0'


@needs_redis
@pytest.mark.redis
def test_a_window_a_moment_longer_than_its_limit_is_cut_to_it(shared: Limiter) -> None:
    charge = Charge(Limit("2/minute"), "k")
    assert shared._redis is not None
    key = shared._redis.prefixed_key(charge.stored_as)
    client(shared).set(key, 2, px=60_055)
    refused = shared.hit([charge]).refused_by
    assert refused is not None
    assert refused.retry_after == 60
    assert client(shared).pttl(key) <= 60_000
