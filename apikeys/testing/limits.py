"""The counts of limits in tests: forgotten, kept apart, used up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from apikeys import conf
from apikeys.limits import Charge, Limiter, Verdict, Window, limiter, limiters


def reset_limits() -> None:
    """Forget every count, where ``LIMITS_STORAGE`` keeps it: in Redis that is for all who share it.

    Within ``isolated`` there is nothing to share.
    """
    limiter(conf.get().limits_storage).clear()


@contextmanager
def rate_limited(*names: str) -> Iterator[None]:
    """Have every limit of every endpoint be used up, for everybody.

    A request that is counted on one is then answered as in production: 429, in the words of the
    dialect, with the headers of its limits. One that no limit of its endpoint counts is not.

    Args:
        names: of limits (``Limit.name``); of all when none is given.
    """
    with _counting_by(_UsedUp(names)):
        yield


@contextmanager
def kept_apart() -> Iterator[None]:
    """Count in memory, from nothing on, wherever the settings say, and forget it at the end."""
    with _counting_by(Limiter("memory://")):
        yield


class _UsedUp(Limiter):
    def __init__(self, names: Sequence[str]) -> None:
        super().__init__("memory://")
        self._names = names

    def hit(self, charges: Sequence[Charge]) -> Verdict:
        self._use_up(charges)
        return super().hit(charges)

    def peek(self, charges: Sequence[Charge]) -> tuple[Window, ...]:
        self._use_up(charges)
        return super().peek(charges)

    def _use_up(self, charges: Sequence[Charge]) -> None:
        for charge in charges:
            if self._names and charge.limit.name not in self._names:
                continue
            if charge.limit.rolling:
                while super().hit([charge]).allowed:
                    pass
            else:
                [used] = self.add([charge], 0)
                self.add([charge], max(0, charge.limit.amount - used))


class _One(dict[str, Limiter]):
    """Has the same limiter for every place where counts may be kept."""

    def __init__(self, one: Limiter) -> None:
        super().__init__()
        self._one = one

    def get(self, uri: str, default: Any = None) -> Any:
        return self._one


@contextmanager
def _counting_by(one: Limiter) -> Iterator[None]:
    before = limiters._limiters
    limiters._limiters = _One(one)
    try:
        yield
    finally:
        limiters._limiters = before
