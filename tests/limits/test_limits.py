"""Limits: policies, and exact counts, the same in memory and in Redis."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from apikeys.limits import Charge, Limit, Limiter, Verdict, limiter, limiters, storages
from tests.support.redis_server import allowed, limiter_on_redis, needs_redis

START = 1_800_000_000


@pytest.fixture
def memory() -> Limiter:
    return Limiter("memory://")


@pytest.fixture
def shared() -> Iterator[Limiter]:
    """A limiter on Redis."""
    with limiter_on_redis(patience=10) as found:
        yield found


@pytest.fixture(params=["memory", pytest.param("shared", marks=[needs_redis, pytest.mark.redis])])
def each(request: pytest.FixtureRequest) -> Limiter:
    """The same behaviour from memory and from Redis."""
    found: Limiter = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[time_machine.Traveller]:
    """Stands still at START, and the monotonic clock of memory with it."""
    monkeypatch.setattr(storages, "time", SimpleNamespace(monotonic=lambda: time.time()))
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


# The policy


@pytest.mark.parametrize(
    ("rate", "amount", "seconds"),
    [
        ("1000/hour", 1000, 3600),
        ("50/1 hour", 50, 3600),
        ("6000/minute", 6000, 60),
        ("10/15 minutes", 10, 900),
        ("5 per 2 days", 5, 172_800),
        ("1/second", 1, 1),
    ],
)
def test_a_rate_is_an_amount_and_a_time(rate: str, amount: int, seconds: int) -> None:
    limit = Limit(rate)
    assert (limit.amount, limit.seconds) == (amount, seconds)


@pytest.mark.parametrize(
    "rate",
    [
        *("", "1000", "/hour", "-1/hour", "0/hour", "1/0 hours", "1.5/hour", "ten/hour"),
        *("1/fortnight", "1/second;5/minute", "1/hour, 2/day", "9999999999/hour", "1/hour\x00"),
        *(None, 5, b"1/hour"),
    ],
)
def test_anything_else_is_refused_with_an_example_of_a_rate(rate: Any) -> None:
    with pytest.raises(ValueError, match="such as '1000/hour'"):
        Limit(rate)


@pytest.mark.parametrize(
    "fields", [{"per": "planet"}, {"on": ""}, {"name": "a/b"}, {"on": "a/b"}], ids=str
)
def test_a_limit_that_could_never_be_charged_rightly_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"per=|on=|name="):
        Limit("1/hour", **fields)


def test_a_limit_is_named_after_what_it_counts_unless_it_has_a_name() -> None:
    assert Limit("1/hour").name == "any-token"
    assert Limit("1/hour", per="user", on="write").name == "write-user"
    assert Limit("1/hour", name="uploads").name == "uploads"


def test_a_limit_applies_to_its_own_kind_of_request_only() -> None:
    kinds = ("read", "write", "purge")
    applies = {on: [Limit("1/hour", on=on).applies_to(kind) for kind in kinds] for on in kinds}
    assert applies == {
        "read": [True, False, False],
        "write": [False, True, False],
        "purge": [False, False, True],
    }
    assert [Limit("1/hour").applies_to(kind) for kind in kinds] == [True, True, True]


def test_an_override_changes_the_rate_and_nothing_else() -> None:
    limit = Limit("1/hour", per="organization", on="purge", rolling=True)
    assert limit.with_rate("2/day") == Limit(
        "2/day", per="organization", on="purge", rolling=True, name="purge-organization"
    )
    with pytest.raises(ValueError, match="'lots' is not a rate"):
        limit.with_rate("lots")


# Counting, the same in memory and in Redis


@pytest.mark.parametrize("rolling", [False, True])
def test_a_limit_lets_through_exactly_its_amount(each: Limiter, rolling: bool) -> None:
    charge = Charge(Limit("7/hour", rolling=rolling), "alice")
    verdicts = [each.hit([charge]) for _ in range(20)]
    assert [verdict.allowed for verdict in verdicts] == [True] * 7 + [False] * 13
    remaining = [verdict.windows[0].remaining for verdict in verdicts]
    assert remaining == [6, 5, 4, 3, 2, 1, 0] + [0] * 13
    assert [verdict.refused_by for verdict in verdicts[:7]] == [None] * 7
    assert verdicts[7].refused_by == verdicts[7].windows[0]
    assert 3590 <= verdicts[7].windows[0].retry_after <= 3601


def test_keys_names_rates_and_strategies_are_counted_apart(each: Limiter) -> None:
    limit = Limit("1/hour")
    apart = [
        Charge(limit, "alice"),
        Charge(limit, "bob"),
        Charge(Limit("1/hour", name="uploads"), "alice"),
        Charge(Limit("1/minute"), "alice"),
        Charge(Limit("1/hour", rolling=True), "alice"),
        Charge(limit, "alice/alice"),
        Charge(limit, "ä \n:*"),
    ]
    assert [each.hit([charge]).allowed for charge in apart] == [True] * len(apart)
    assert [each.hit([charge]).allowed for charge in apart] == [False] * len(apart)


def test_no_charges_are_allowed_and_charge_nothing(each: Limiter) -> None:
    assert each.hit([]) == Verdict(True, (), None)
    assert each.peek([]) == ()


@pytest.mark.parametrize("rolling", [False, True])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_request_refused_by_one_limit_charges_none(
    each: Limiter, rolling: bool, position: int
) -> None:
    wide = [Charge(Limit("5/hour", name="a"), "k"), Charge(Limit("9/day", rolling=True), "k")]
    narrow = Charge(Limit("1/hour", rolling=rolling, name="narrow"), "k")
    charges = [*wide[:position], narrow, *wide[position:]]
    assert each.hit(charges).allowed
    for _ in range(10):
        verdict = each.hit(charges)
        assert not verdict.allowed
        assert verdict.refused_by == verdict.windows[position]
    assert [window.remaining for window in each.peek([*wide, narrow])] == [4, 8, 0]


@pytest.mark.parametrize("rolling", [False, True])
def test_a_request_that_loses_the_race_for_the_last_place_gives_back_what_it_took(
    each: Limiter, rolling: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = Charge(Limit("5/hour", name="wide"), "k")
    last = Charge(Limit("1/hour", name="last", rolling=rolling), "k")
    peek = limiters._peek

    def peek_then_lose(storage: Any, charges: Any) -> Any:
        windows = peek(storage, charges)
        monkeypatch.setattr(limiters, "_peek", peek)
        assert limiters._hit(storage, [last]).allowed
        return windows

    monkeypatch.setattr(limiters, "_peek", peek_then_lose)
    verdict = each.hit([wide, last])
    assert not verdict.allowed
    assert verdict.refused_by is not None
    assert verdict.refused_by.limit == last.limit
    assert verdict.refused_by.retry_after >= 1
    assert [window.remaining for window in verdict.windows] == [5, 0]
    assert each.peek([wide])[0].remaining == 5


def test_refused_by_is_the_limit_that_takes_longest_to_wait_for(each: Limiter) -> None:
    charges = [Charge(Limit(rate), "k") for rate in ("1/minute", "1/day", "1/hour")]
    assert each.hit(charges).allowed
    verdict = each.hit(charges)
    assert verdict.refused_by == verdict.windows[1]


def test_an_override_counts_from_the_next_request_on(each: Limiter) -> None:
    limit = Limit("2/hour", per="organization")
    assert allowed(each, Charge(limit, "acme"), 5) == 2
    assert allowed(each, Charge(limit.with_rate("3/hour"), "acme"), 5) == 3
    assert allowed(each, Charge(limit, "globex"), 5) == 2


@pytest.mark.parametrize("rolling", [False, True])
def test_a_peek_charges_nothing(each: Limiter, rolling: bool) -> None:
    charge = Charge(Limit("3/hour", rolling=rolling), "k")
    assert [each.peek([charge])[0].remaining for _ in range(10)] == [3] * 10
    assert allowed(each, charge, 1) == 1
    assert [each.peek([charge])[0].remaining for _ in range(10)] == [2] * 10
    assert allowed(each, charge, 10) == 2
    assert each.peek([charge])[0].retry_after >= 3590


def test_clear_forgets_every_count(each: Limiter) -> None:
    charge = Charge(Limit("2/hour"), "k")
    assert allowed(each, charge, 5) == 2
    each.clear()
    assert allowed(each, charge, 5) == 2


def test_threads_of_one_process_share_exactly_one_limit(each: Limiter) -> None:
    charges = [Charge(Limit("50/hour"), "k"), Charge(Limit("10000/hour", per="user"), "k")]
    counts: list[int] = []
    barrier = threading.Barrier(8)
    interval = sys.getswitchinterval()

    def work() -> None:
        barrier.wait()
        counts.append(sum(each.hit(charges).allowed for _ in range(20)))

    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not each.degraded
    assert sum(counts) == 50
    assert [window.remaining for window in each.peek(charges)] == [0, 9950]


def test_nothing_happens_between_the_test_and_the_charge_in_memory(
    memory: Limiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []
    for name in ("_hit", "_peek"):
        work = getattr(limiters, name)

        def watch(storage: Any, charges: Any, work: Any = work) -> Any:
            held.append(storage.lock.locked())
            return work(storage, charges)

        monkeypatch.setattr(limiters, name, watch)
    charges = [Charge(Limit("1/hour"), key) for key in "ab"]
    memory.hit(charges)
    memory.peek(charges)
    assert held == [True, True, True]
    assert not memory._memory.lock.locked()


def test_a_refund_that_comes_after_its_window_shows_no_more_than_the_limit(each: Limiter) -> None:
    charge = Charge(Limit("5/hour"), "k")
    storage: Any = each._redis or each._memory
    storage.add([charge], -1)
    assert each.peek([charge])[0].remaining == 5


# Time, in memory


def test_a_fixed_window_ends_as_a_whole_and_retry_after_is_its_first_second(
    memory: Limiter, clock: time_machine.Traveller
) -> None:
    charge = Charge(Limit("2/10 seconds"), "k")
    assert memory.peek([charge])[0].reset_at == START + 10
    assert memory.hit([charge]).allowed
    clock.shift(4)
    assert memory.hit([charge]).allowed
    refused = memory.hit([charge]).refused_by
    assert refused is not None
    assert (refused.remaining, refused.reset_at, refused.retry_after) == (0, START + 10, 6)
    clock.shift(5)
    assert not memory.hit([charge]).allowed
    clock.shift(1)
    assert allowed(memory, charge, 5) == 2


def test_a_rolling_window_frees_one_place_at_a_time_and_retry_after_is_its_first_second(
    memory: Limiter, clock: time_machine.Traveller
) -> None:
    charge = Charge(Limit("2/10 seconds", rolling=True), "k")
    assert memory.peek([charge])[0].reset_at == START
    assert memory.hit([charge]).allowed
    clock.shift(4)
    assert memory.hit([charge]).allowed
    refused = memory.hit([charge]).refused_by
    assert refused is not None
    assert (refused.remaining, refused.reset_at, refused.retry_after) == (0, START + 10, 7)
    clock.shift(6)
    assert not memory.hit([charge]).allowed
    clock.shift(1)
    assert allowed(memory, charge, 5) == 1


def test_a_rolling_window_has_no_edge_to_burst_over_and_a_fixed_one_has(
    memory: Limiter, clock: time_machine.Traveller
) -> None:
    let_through = {}
    for rolling in (False, True):
        charge = Charge(Limit("10/minute", rolling=rolling), f"{rolling}")
        clock.move_to(START)
        passed = allowed(memory, charge, 1)
        clock.shift(59)
        passed += allowed(memory, charge, 50)
        clock.shift(2)
        let_through[rolling] = passed + allowed(memory, charge, 50)
    assert let_through == {False: 20, True: 11}


@pytest.mark.parametrize("rolling", [False, True])
@pytest.mark.parametrize("late", [0.0, 0.25, 0.5, 0.999])
def test_whoever_waits_retry_after_is_let_through_and_a_second_less_is_not_enough(
    memory: Limiter, clock: time_machine.Traveller, rolling: bool, late: float
) -> None:
    charge = Charge(Limit("1/5 seconds", rolling=rolling), "k")
    assert memory.hit([charge]).allowed
    clock.shift(late)
    refused = memory.hit([charge]).refused_by
    assert refused is not None
    assert refused.retry_after >= 1
    if refused.retry_after > 1:
        clock.shift(refused.retry_after - 1)
        assert not memory.hit([charge]).allowed
        clock.shift(1)
    else:
        clock.shift(1)
    assert memory.hit([charge]).allowed


# Memory: its bound, its thread, its forks


def test_memory_forgets_the_oldest_keys_beyond_its_bound(
    memory: Limiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storages, "MEMORY_KEYS", 100)
    for rolling in (False, True):
        limit = Limit("1/hour", rolling=rolling)
        for number in range(1000):
            assert memory.hit([Charge(limit, str(number))]).allowed
        assert not memory.hit([Charge(limit, "999")]).allowed
        assert memory.hit([Charge(limit, "0")]).allowed
    [kept] = memory._memory.shelves.values()
    # Full the moment before: then the oldest ten made room.
    assert [len(kept.expirations), len(kept.storage), len(kept.events)] == [91, 91, 91]


def test_a_process_that_counts_in_memory_exits_by_itself() -> None:
    program = (
        "from apikeys.limits import Charge, Limit, limiter\n"
        "l = limiter('memory://')\n"
        "for i in range(2000): l.hit([Charge(Limit('1/hour'), str(i))])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], timeout=20, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_forked_child_counts_for_itself_and_keeps_forgetting() -> None:
    program = (
        "import os, time\n"
        "from apikeys.limits import Charge, Limit, limiter\n"
        "charge = Charge(Limit('1/hour'), 'k')\n"
        "parent = limiter('memory://')\n"
        "parent.hit([charge])\n"
        "parent._memory.lock.acquire()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    mine = limiter('memory://')\n"
        "    ok = mine is not parent and mine.hit([charge]).allowed\n"
        "    os._exit(0 if ok and not mine.hit([charge]).allowed else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], timeout=20, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_there_is_one_limiter_for_each_uri() -> None:
    assert limiter("memory://") is limiter("memory://")
    assert limiter("memory://") is not limiter("memory://other")


@pytest.mark.parametrize("uri", ["", "memory", "memcached://h", "mongodb://u:hunter2@h"])
def test_another_storage_is_refused_without_quoting_its_password(uri: str) -> None:
    with pytest.raises(ValueError, match="use memory:// or redis://") as caught:
        Limiter(uri)
    assert "hunter2" not in str(caught.value)


def test_charging_one_counts_as_a_hit_does_and_gives_the_same_seconds(
    each: Limiter, clock: time_machine.Traveller
) -> None:
    one, other = (Charge(Limit("2/minute", name=name), "somebody") for name in ("one", "other"))
    assert [each.charge_one(one) for _ in range(2)] == [0, 0]
    verdicts = [each.hit([other]) for _ in range(3)]
    refused = verdicts[2].refused_by
    assert refused is not None
    assert each.charge_one(one) == refused.retry_after == 60


def test_a_rolling_limit_is_not_charged_as_one_that_does_not_roll(each: Limiter) -> None:
    with pytest.raises(ValueError, match="hit"):
        each.charge_one(Charge(Limit("2/minute", rolling=True), "somebody"))
