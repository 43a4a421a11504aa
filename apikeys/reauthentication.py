"""When a person's password was last checked, for acts that ask for it again.

Lives in Django's session alone: knows neither forms nor tokens. A log-in counts as a check, so
people who log in without a password confirm by logging in once more.
"""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import ngettext

from apikeys import conf, guessing, log_ins
from apikeys.limits import Charge, Limit, limiter
from apikeys.models import stores

SESSION_KEY: Final = "apikeys_password_checked_at"
# ``manage.py check`` fails where clocks are further apart.
_MOST_AHEAD: Final = 60.0


class WrongPasswordError(Exception):
    """The password is not this person's."""


class TooManyAttemptsError(Exception):
    """Attempts have run out.

    Args:
        retry_after: seconds until the next one is possible.
    """

    def __init__(self, retry_after: int) -> None:
        sentence = ngettext(
            "Too many attempts. Try again in %(seconds)d second.",
            "Too many attempts. Try again in %(seconds)d seconds.",
            retry_after,
        )
        super().__init__(sentence % {"seconds": retry_after})
        self.retry_after = retry_after


def stamp(request: HttpRequest) -> None:
    """Note in the session that the person has just proved who they are."""
    request.session[SESSION_KEY] = timezone.now().timestamp()


def is_recent(request: HttpRequest) -> bool:
    """Whether the last check is younger than ``REAUTHENTICATE_AFTER``.

    One of a clock that was ahead is forgotten: it would be recent when its moment comes.
    """
    session = getattr(request, "session", None)
    checked_at = session.get(SESSION_KEY) if session is not None else None
    if not isinstance(checked_at, (int, float)):
        return False
    age = timezone.now().timestamp() - checked_at
    if session is not None and age < -_MOST_AHEAD:
        del session[SESSION_KEY]
    return 0 <= age < conf.get().reauthenticate_after.total_seconds()


def confirm(request: HttpRequest, password: str) -> None:
    """Check the password of the person who sent the request, and note it.

    Attempts are limited per person by ``LIMITS["log_in"]``, and slowed down per account as log-ins
    are; a backend that limits them too may leave the seconds to wait on the request as
    ``log_in_wait``.

    Raises:
        WrongPasswordError: it is not theirs.
        TooManyAttemptsError: attempts have run out; the password was not looked at.
    """
    user, name = request.user, request.user.get_username()
    if wait := _wait(user.pk) or guessing.wait_for_account(request, name, user.pk):
        log_ins.slowed(request, name, wait)
        raise TooManyAttemptsError(wait)
    log_ins.confirming(request)
    found = authenticate(request, username=name, password=password)
    if found is None and (wait := getattr(request, "log_in_wait", 0)):
        raise TooManyAttemptsError(wait)
    if found is None or found.pk != user.pk:
        raise WrongPasswordError
    guessing.proven(request, name, user.pk)
    stamp(request)
    log_ins.confirmed(user, request)


def stamp_log_in(sender: object, request: HttpRequest | None, **kwargs: Any) -> None:
    """Receive Django's ``user_logged_in``."""
    if request is not None and hasattr(request, "session"):
        stamp(request)


def _wait(user_pk: object) -> int:
    """Charge one attempt; return the seconds to wait, 0 when it may go on."""
    settings = conf.get()
    limit = Limit(settings.limits["log_in"], per="user", name="confirm")
    charge = Charge(limit, stores.of_people().key(f"confirm:{user_pk}"))
    verdict = limiter(settings.limits_storage).hit([charge])
    return verdict.refused_by.retry_after if verdict.refused_by else 0
