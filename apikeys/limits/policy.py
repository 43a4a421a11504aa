"""Rates and what becomes of them: a limit, a charge to it, where it stands. Values only."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

from django.utils.translation import gettext as _
from limits import RateLimitItem, parse

Per = Literal["principal", "user", "token", "organization", "address"]

RATE = re.compile(r"[1-9][0-9]{0,8} ?(/| per ) ?([1-9][0-9]{0,3} ?)?[a-z]+")


@lru_cache(maxsize=1024)
def _parse(rate: str) -> RateLimitItem:
    # The library also takes several rates at once and reads "1/0 hours" as "1/hour".
    try:
        if RATE.fullmatch(rate):
            return parse(rate)
    except (TypeError, ValueError):
        pass
    raise ValueError(
        _(
            "%(rate)r is not a rate: write an amount and a time, such as '1000/hour' or"
            " '10/15 minutes' (second, minute, hour, day, month, year; both at least 1)."
        )
        % {"rate": rate}
    )


@dataclass(frozen=True, slots=True)
class Limit:
    """How many requests of one kind one caller may make in a time.

    ``rate``: "1000/hour", "50/1 hour", "10/15 minutes".
    ``per``: whose requests are counted together.
    ``on``: "any", "read", "write" or a class of requests that a view names, such as "purge".
    ``rolling``: any stretch of that length, instead of a window that begins with the first
    request. It remembers the time of each request, so it suits small amounts.
    ``name``: limits of the same name and rate share their counts; a view that wants its own
    gives it one (no "/"). Default ``<on>-<per>``.
    ``amount``, ``seconds``: requests per window, and its length; from the rate.

    Raises ValueError for anything else.
    """

    rate: str
    per: Per = "token"
    on: str = "any"
    rolling: bool = False
    name: str = ""
    amount: int = field(init=False, repr=False, compare=False)
    seconds: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not all(isinstance(text, str) for text in (self.rate, self.name)):
            raise ValueError(
                f"rate={self.rate!r}, name={self.name!r}: write strings, such as '1000/hour'."
            )
        parsed = _parse(self.rate)
        object.__setattr__(self, "amount", parsed.amount)
        object.__setattr__(self, "seconds", parsed.get_expiry())
        if self.per not in get_args(Per):
            raise ValueError(f"per={self.per!r}: choose one of {', '.join(get_args(Per))}.")
        if not self.on:
            raise ValueError("on='': write 'any', 'read', 'write' or a class of requests.")
        object.__setattr__(self, "name", self.name or f"{self.on}-{self.per}")
        if "/" in self.name or not self.name.isprintable():
            raise ValueError(
                _("name=%(name)r: a limit's name is plain text without '/'.") % {"name": self.name}
            )

    def applies_to(self, kind: str) -> bool:
        """Whether a request of this kind ("read", "write", "purge") is counted."""
        return self.on in ("any", kind)

    def with_rate(self, rate: str) -> Limit:
        """The same limit at another rate, which starts its own count. Raises ValueError."""
        return replace(self, rate=rate)


class Charge(NamedTuple):
    """One request on the account of ``key``, which the caller makes from what ``limit.per``
    says."""

    limit: Limit
    key: str

    @property
    def stored_as(self) -> str:
        """The storage's key. The strategies keep different types, so they never share one."""
        limit = self.limit
        strategy = "rolling" if limit.rolling else "fixed"
        return f"{strategy}/{limit.amount}/{limit.seconds}/{limit.name}/{self.key}"


class Window(NamedTuple):
    """Where one limit stands.

    ``remaining``: requests left, never negative.
    ``reset_at``: Unix time in seconds; the end of the window, or when a rolling one frees its next
    place. A window that nothing has been charged to would begin now.
    ``retry_after``: whole seconds until a request succeeds, at least 1; 0 while any remain.
    """

    limit: Limit
    remaining: int
    reset_at: float
    retry_after: int


class Verdict(NamedTuple):
    """The answer to a hit: its windows in the order of the charges. ``refused_by`` is the one that
    takes longest to wait for, None when allowed."""

    allowed: bool
    windows: tuple[Window, ...]
    refused_by: Window | None
