"""Guessing a password slows down: so many attempts for each address, and a growing wait for each
account.

The wait is no lock-out. After ``LIMITS["log_in_account"]`` attempts without the right password the
next one is looked at a second later, the one after that two seconds later, then 4, 8, 16, 32 and at
most ``LONGEST_WAIT``, until the rate's time has passed or the right password came. An attempt in
between is not looked at and makes no wait longer. Each attempt is counted before it is judged, so
that guesses made at the same moment count too.

An address from which an account's password was right in the last 30 days counts for itself, so
that strangers elsewhere slow nobody down where they always log in. Names are counted whether or
not somebody has them: what is answered tells nothing. Names that look alike count together, but a
right password takes back the attempts at its own account alone, and makes a place for no other:
somebody may own a name that looks like another's. Where the counts are kept, names stand as
digests. Knows no password, and of a user the primary key (OWASP, Authentication Cheat Sheet and
"Slow Down Online Guessing Attacks with Device Cookies").
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final, NamedTuple

from django.utils.crypto import salted_hmac

from apikeys import conf, emails
from apikeys.limits import Charge, Limit, limiter
from apikeys.limits.limiters import Limiter
from apikeys.limits.policy import Window
from apikeys.models import stores
from apikeys.networks import address_bucket, address_of

LONGEST_WAIT: Final = 60
LONGEST_NAME: Final = 512

_GATES: Final = tuple(
    Limit(f"1/{seconds} second", per="user", name="log-in-wait")
    for seconds in (1, 2, 4, 8, 16, 32, LONGEST_WAIT)
)
_PLACE: Final = Limit("1/30 day", per="user", name="log-in-place")
_MARK: Final = "apikeys_attempt_at"


def wait_for_address(request: Any) -> int:
    """Charge one attempt of the address; return the seconds to wait, 0 when it may go on."""
    settings = conf.get()
    limit = Limit(settings.limits["log_in"], per="address", name="log-in")
    return _counts().charge_one(Charge(limit, f"log-in:{_bucket(request)}"))


def wait_for_account(request: Any, name: str, account: Any = None) -> int:
    """Begin one attempt at an account; return the seconds to wait, 0 when it may go on.

    An attempt that may go on ends with ``ended`` or ``proven``; until then the same request asks
    again for nothing, so that a page and several backends may each ask.

    Args:
        request: the request; the attempt is noted on it.
        name: the log-in name as it was typed.
        account: the primary key of whoever has that name; None where nobody has it. Without it no
            place is known.
    """
    attempt = _attempt(request, name, account)
    if getattr(request, _MARK, None) == attempt:
        return 0
    counts, amount, (tries, steps) = _counts(), _amount(), _tries()
    tried = counts.add(attempt.charges(tries))[0]
    if tried > amount:
        taken = _used(counts.peek([Charge(steps, attempt.key)])[0])
        if wait := counts.charge_one(Charge(_gate(taken), attempt.key)):
            return wait
        # The next gate is shut before this step is counted: nobody slips between the two.
        counts.charge_one(Charge(_gate(taken + 1), attempt.key))
        counts.add(attempt.charges(steps))
    elif tried == amount:
        counts.charge_one(Charge(_gate(0), attempt.key))
    setattr(request, _MARK, attempt)
    return 0


def proven(request: Any, name: str, account: Any) -> None:
    """End an attempt: the password was right. Take back the account's attempts, remember the place.

    Args:
        request: the request.
        name: the log-in name as it was typed.
        account: the primary key of the user whose password it was.
    """
    counts, (tries, steps) = _counts(), _tries()
    attempt = getattr(request, _MARK, None) or _attempt(request, name, account)
    at_place, own = _at_place(request, account), _own(attempt.key, account)
    if attempt.key == at_place:
        _forget(counts, attempt.key)
    elif attempt.own != own:
        # The backend found somebody else than whose name it is: the right password counts not.
        counts.add(attempt.charges(tries), -1)
    else:
        left = [_take_back(counts, limit, attempt) for limit in (tries, steps)]
        if not any(left):
            _forget(counts, attempt.key)
    place = Charge(_PLACE, at_place)
    counts.forget([place])  # its time begins anew
    counts.add([place])
    ended(request)


def ended(request: Any) -> None:
    """End an attempt that was wrong; it is counted already."""
    if getattr(request, _MARK, None) is not None:
        setattr(request, _MARK, None)


def account_digest(name: str) -> str:
    """Return what an account is counted under: keyed, and equal for names that may be one account.

    Case, accents, width, blanks and invisible characters are left out: databases differ in which
    of them they tell apart, and two names too many under one count harm nobody.
    """
    written = unicodedata.normalize("NFKC", str(name)[:LONGEST_NAME]).casefold()
    folded = emails.with_domain_in_letters(written.strip())
    letters = (c for c in unicodedata.normalize("NFKD", folded) if _is_told_apart(c))
    return salted_hmac(__name__, "".join(letters), algorithm="sha256").hexdigest()[:32]


def _is_told_apart(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CMZ"


class _Attempt(NamedTuple):
    """One attempt, and what it is charged to.

    Args:
        key: what decides: the name as it looks, or an account's place.
        own: of what is counted under ``key``, what was tried at one account.
    """

    key: str
    own: str = ""

    def charges(self, limit: Limit) -> list[Charge]:
        # In one transaction and in this order: the account's window never begins the earlier.
        return [Charge(limit, key) for key in self if key]


def _attempt(request: Any, name: str, account: Any) -> _Attempt:
    # A tenant with users of its own has another account of that name.
    alike = stores.of_people().key(f"log-in:{account_digest(name)}")
    if account is None:
        return _Attempt(alike)
    place = _at_place(request, account)
    if _used(_counts().peek([Charge(_PLACE, place)])[0]):
        return _Attempt(place)
    return _Attempt(alike, _own(alike, account))


def _own(alike: str, account: Any) -> str:
    return f"{alike}={account}"


def _at_place(request: Any, account: Any) -> str:
    return stores.of_people().key(f"log-in-at:{account}@{_bucket(request)}")


def _take_back(counts: Limiter, limit: Limit, attempt: _Attempt) -> int:
    """Take back what was tried at the account; return how much else is left."""
    shared, own = Charge(limit, attempt.key), Charge(limit, attempt.own)
    tried, all_tried = counts.peek([own, shared])
    # A window that began before the shared one holds attempts that are no part of that.
    amount = _used(tried) if tried.reset_at >= all_tried.reset_at else 0
    counts.forget([own])
    left = counts.add([shared], -amount)[0]
    if left <= 0:  # less than nothing: the shared window ended in between
        counts.forget([shared])
    return max(left, 0)


def _forget(counts: Limiter, key: str) -> None:
    counts.forget([Charge(limit, key) for limit in (*_tries(), *_GATES)])


def _bucket(request: Any) -> str:
    return address_bucket(address_of(request))


def _amount() -> int:
    return Limit(conf.get().limits["log_in_account"], per="user").amount


def _tries() -> tuple[Limit, Limit]:
    """Two counts as long as the rate: of all attempts, and of those after a wait.

    They count on beyond the rate's amount, so that what was counted can be taken back.
    """
    rate = re.sub("^[0-9]+", "999999999", conf.get().limits["log_in_account"])
    return (
        Limit(rate, per="user", name="log-in-account"),
        Limit(rate, per="user", name="log-in-steps"),
    )


def _used(window: Window) -> int:
    return window.limit.amount - window.remaining


def _gate(step: int) -> Limit:
    return _GATES[min(step, len(_GATES) - 1)]


def _counts() -> Limiter:
    return limiter(conf.get().limits_storage)
