"""Guessing a password slows down: so many attempts for each address, and a growing wait for each
account.

The wait is no lock-out. After ``LIMITS["log_in_account"]`` attempts without the right password the
next one is looked at a second later, the one after that two seconds later, then 4, 8, 16, 32 and at
most ``LONGEST_WAIT``, until the rate's time has passed or the right password came. An attempt in
between is not looked at and makes no wait longer. Each attempt is counted before it is judged, so
that guesses made at the same moment count too.

An address from which an account's password was right in the last 30 days counts for itself, so
that strangers elsewhere slow nobody down where they always log in. Names are counted whether or
not somebody has them: what is answered tells nothing. Where the counts are kept, names stand as
digests. Knows no password and no user (OWASP, Authentication Cheat Sheet and "Slow Down Online
Guessing Attacks with Device Cookies").
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from django.utils.crypto import salted_hmac

from apikeys import conf, emails
from apikeys.limits import Charge, Limit, limiter
from apikeys.limits.limiters import Limiter
from apikeys.models import stores
from apikeys.networks import address_bucket, client_address

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


def wait_for_account(request: Any, name: str) -> int:
    """Begin one attempt at an account; return the seconds to wait, 0 when it may go on.

    An attempt that may go on ends with ``ended`` or ``proven``; until then the same request asks
    again for nothing, so that a page and several backends may each ask.

    Args:
        request: the request; the attempt is noted on it.
        name: the log-in name as it was typed.
    """
    who = _who(request, name)
    if getattr(request, _MARK, None) == who:
        return 0
    counts, free = _counts(), _free()
    verdict = counts.hit([Charge(free, who)])
    if not verdict.allowed:
        steps = _steps(free)
        taken = steps.amount - counts.peek([Charge(steps, who)])[0].remaining
        if wait := counts.charge_one(Charge(_gate(taken), who)):
            return wait
        # The next gate is shut before this step is counted: nobody slips between the two.
        counts.charge_one(Charge(_gate(taken + 1), who))
        counts.charge_one(Charge(steps, who))
    elif not verdict.windows[0].remaining:
        counts.charge_one(Charge(_gate(0), who))
    setattr(request, _MARK, who)
    return 0


def proven(request: Any, name: str) -> None:
    """End an attempt: the password was right. Forget the wrong ones, and remember the place."""
    who, counts, free = _who(request, name), _counts(), _free()
    counts.forget([Charge(limit, who) for limit in (free, _steps(free), *_GATES)])
    counts.charge_one(Charge(_PLACE, _place(request, name)))
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


def _who(request: Any, name: str) -> str:
    place = _place(request, name)
    known = not _counts().peek([Charge(_PLACE, place)])[0].remaining
    return f"log-in:{place if known else _account(name)}"


def _place(request: Any, name: str) -> str:
    return f"{_account(name)}@{_bucket(request)}"


def _account(name: str) -> str:
    # A tenant with users of its own has another account of that name.
    return stores.of_people().key(account_digest(name))


def _bucket(request: Any) -> str:
    return address_bucket(client_address(request.META, conf.get().trusted_proxies))


def _free() -> Limit:
    return Limit(conf.get().limits["log_in_account"], per="user", name="log-in-account")


def _steps(free: Limit) -> Limit:
    """A count that never ends before its time, as long as that of the attempts without a wait."""
    rate = re.sub("^[0-9]+", "999999999", free.rate)
    return Limit(rate, per="user", name="log-in-steps")


def _gate(step: int) -> Limit:
    return _GATES[min(step, len(_GATES) - 1)]


def _counts() -> Limiter:
    return limiter(conf.get().limits_storage)
