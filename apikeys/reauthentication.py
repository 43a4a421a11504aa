"""When a person's password was last checked, for acts that ask for it again.

Lives in Django's session alone: knows neither forms nor tokens. A log-in counts as a check, so
people who log in without a password confirm by logging in once more. A host that confirms people
itself says where (``REAUTHENTICATE_URL``), and either calls ``stamp`` there or names what knows
when that was (``REAUTHENTICATED_AT``).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.contrib.auth import authenticate, get_backends
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import ngettext

from apikeys import conf, guessing, log_ins
from apikeys.limits import Charge, Limit, limiter
from apikeys.models import stores
from apikeys.services import accounts

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
    """Note in the session that the person has just proved who they are.

    For a host's own page that confirms people; call it after the proof, never because somebody
    merely asks: whoever has taken a session over could ask, too.
    """
    request.session[SESSION_KEY] = timezone.now().timestamp()


def is_recent(request: HttpRequest) -> bool:
    """Whether the last check, ours or the host's, is younger than ``REAUTHENTICATE_AFTER``.

    One of a clock that was ahead is forgotten: it would be recent when its moment comes.
    """
    session = getattr(request, "session", None)
    checked_at = session.get(SESSION_KEY) if session is not None else None
    if isinstance(checked_at, (int, float)):
        age = _age(checked_at)
        if session is not None and age < -_MOST_AHEAD:
            del session[SESSION_KEY]
        elif _is_young(age):
            return True
    return session is not None and _is_confirmed_by_host(request)


def page_url() -> str | None:
    """Return the host's own page that confirms people, to be asked with ``?next=``; None for ours.

    Raises:
        NoReverseMatch: ``REAUTHENTICATE_URL`` is no URL and no name of one.
    """
    named = conf.get().reauthenticate_url
    return None if named is None else resolve_url(named)


def confirm(request: HttpRequest, password: str) -> None:
    """Check the password of the person who sent the request, and note it.

    Attempts are limited per person by ``LIMITS["log_in"]``, and slowed down per account as log-ins
    are; a backend that limits them too may leave the seconds to wait on the request as
    ``log_in_wait``.

    Raises:
        WrongPasswordError: it is not theirs.
        TooManyAttemptsError: attempts have run out; the password was not looked at.
    """
    user, name = request.user, str(request.user.get_username())
    if wait := _wait(user.pk) or guessing.wait_for_account(request, name, user.pk):
        log_ins.slowed(request, name, wait)
        raise TooManyAttemptsError(wait)
    log_ins.confirming(request)
    found = authenticate(request, **_credentials(user, name, password))
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


def confirmed_at() -> Callable[[HttpRequest], datetime | float | None] | None:
    """Return the function that ``REAUTHENTICATED_AT`` names; None where it names none.

    Raises:
        ImproperlyConfigured: there is no such function.
    """
    path = conf.get().reauthenticated_at
    if path is None:
        return None
    try:
        found = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(f"APIKEYS['REAUTHENTICATED_AT']: {error}") from error
    if not callable(found):
        raise ImproperlyConfigured(f"APIKEYS['REAUTHENTICATED_AT']: {path} can't be called.")
    return found  # type: ignore[no-any-return]


def _credentials(user: Any, name: str, password: str) -> dict[str, str]:
    """Return what to show the backends: the address too where all of them take it, since some, such
    as django-allauth's, may know people by nothing else."""
    named = {"username": name, "password": password}
    if not (email := accounts.email_of(user)):
        return named
    both = {**named, "email": email}
    for backend in get_backends():
        try:
            inspect.signature(backend.authenticate).bind(None, **both)
        except TypeError:
            return named
    return both


def _is_confirmed_by_host(request: HttpRequest) -> bool:
    if (tell := confirmed_at()) is None or not request.user.is_authenticated:
        return False
    moment = tell(request)
    if isinstance(moment, datetime):
        moment = moment.timestamp()
    return isinstance(moment, (int, float)) and _is_young(_age(moment))


def _age(moment: float) -> float:
    return timezone.now().timestamp() - moment


def _is_young(age: float) -> bool:
    return 0 <= age < conf.get().reauthenticate_after.total_seconds()


def _wait(user_pk: object) -> int:
    """Charge one attempt; return the seconds to wait, 0 when it may go on."""
    settings = conf.get()
    limit = Limit(settings.limits["log_in"], per="user", name="confirm")
    charge = Charge(limit, stores.of_people().key(f"confirm:{user_pk}"))
    verdict = limiter(settings.limits_storage).hit([charge])
    return verdict.refused_by.retry_after if verdict.refused_by else 0
