"""What people do with their accounts, told twice: a line in the log, and events for admins.

Hears Django's signals, so it works with any host's log-in; what signs in otherwise, such as an API
that hands out tokens of its own, calls ``logged_in``. Each organization that the person is in gets
an event of its own, which names no other. A failed attempt at a name that nobody has is a line and
a count. Lines name people only after their account was found: what was typed may be a password.

Events of failed attempts are written with the usage counters, after the answer: it must not take
longer because an account exists.
"""

from __future__ import annotations

import logging
import os
import threading
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import get_hasher, identify_hasher
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    transaction,
)
from django.db.models.signals import post_save, pre_save
from django.utils import timezone

from apikeys import guessing
from apikeys.activity import usage
from apikeys.logs import printable
from apikeys.models import people, stores
from apikeys.models.stores import Store
from apikeys.networks import address_bucket, address_of
from apikeys.services import audit
from apikeys.services.actors import Actor
from apikeys.services.audit import Action

logger = logging.getLogger("apikeys.log_in")

FAILED: Final = "log_in.failed"
SLOWED: Final = "log_in.slowed"
LARGEST_QUEUE: Final = 10_000

_ACTOR: Final = "_apikeys_changes_password"
_CHANGED: Final = "_apikeys_password_changed"
_CONFIRMS: Final = "apikeys_confirms"


class _Failure(NamedTuple):
    """One failed attempt at an account that exists."""

    user_pk: Any
    name: str
    actor: Actor
    at: datetime
    where: str
    store: Store


_failures: list[_Failure] = []
_lock = threading.Lock()


def connect() -> None:
    """Hear of log-ins, log-outs and saved users."""
    user_logged_in.connect(_on_logged_in, dispatch_uid="apikeys.logged_in")
    user_logged_out.connect(_on_logged_out, dispatch_uid="apikeys.logged_out")
    user_login_failed.connect(_on_failed, dispatch_uid="apikeys.log_in_failed")
    # Of every model: a proxy of the user model is a sender of its own.
    pre_save.connect(_before_save, dispatch_uid="apikeys.password_before")
    post_save.connect(_after_save, dispatch_uid="apikeys.password_after")
    usage.write_too(flush)


def logged_in(user: Any, request: Any) -> None:
    """Tell of a log-in that Django's ``login`` did not make, such as one against a JWT."""
    address = _address(request)
    logger.info("logged in address=%s user=%s", address or "-", _printable_name(user))
    _record(user, Action.MEMBER_LOGGED_IN, Actor.person(user, address=address))


def confirmed(user: Any, request: Any) -> None:
    """Tell the log that a person's password was right once more; what it was for has its event."""
    address = _address(request)
    logger.info("password confirmed address=%s user=%s", address or "-", _printable_name(user))


def confirming(request: Any) -> None:
    """Say that the attempts of this request are those of the person it is by."""
    setattr(request, _CONFIRMS, True)


def slowed(request: Any, name: str, wait: int) -> None:
    """Tell of an attempt that was not looked at."""
    address = _address(request)
    logger.warning(
        "log-in slowed wait=%d address=%s account=%s", wait, address or "-", _short(name)
    )
    usage.refuse(SLOWED, dialect="", address=address_bucket(address))


def changes_password(user: Any, request: Any) -> None:
    """Say who answers for the password that is about to be saved: the person of the request."""
    setattr(user, _ACTOR, Actor.person(request.user, address=_address(request)))


def flush() -> None:
    """Write the events of failed attempts; those that can't be written wait for the next time."""
    with _lock:
        failures, _failures[:] = _failures[:], []
    kept: list[_Failure] = []
    silent: set[Store] = set()
    for failure in failures:
        if failure.store in silent:  # asked once: each further try might wait for an answer
            kept.append(failure)
            continue
        try:
            _write(failure)
        except (DatabaseError, InterfaceError) as error:
            logger.error("events not written, kept for the next time: %s", type(error).__name__)
            silent.add(failure.store)
            kept.append(failure)
        except Exception:
            # Tried again it would fail again, and hold up what came after it.
            logger.exception("event of a failed log-in dropped")
    with _lock:
        _failures[:0] = kept[: max(0, LARGEST_QUEUE - len(_failures))]


def _write(failure: _Failure) -> None:
    with stores.entered(failure.store):
        try:
            with transaction.atomic(failure.store.alias):
                audit.record_in_each(
                    failure.actor,
                    Action.MEMBER_LOG_IN_FAILED,
                    user_pk=failure.user_pk,
                    target=failure.name,
                    at=failure.at,
                    where=failure.where,
                )
        except ProgrammingError:
            # The tenant has been dropped, and its events with it.
            if not stores.is_gone(failure.store):
                raise


def _on_logged_in(sender: object, request: Any, user: Any, **kwargs: Any) -> None:
    logged_in(user, request)


def _on_logged_out(sender: object, request: Any, user: Any, **kwargs: Any) -> None:
    if user is None:
        return
    address = _address(request)
    logger.info("logged out address=%s user=%s", address or "-", _printable_name(user))
    _record(user, Action.MEMBER_LOGGED_OUT, Actor.person(user, address=address))


def _on_failed(
    sender: object, credentials: dict[str, Any], request: Any = None, **kwargs: Any
) -> None:
    name = credentials.get("username", credentials.get(get_user_model().USERNAME_FIELD))
    if not isinstance(name, str):
        name = ""
    if request is not None:
        guessing.ended(request)
    if wait := getattr(request, "log_in_wait", 0):
        slowed(request, name, wait)
        return
    confirms = getattr(request, _CONFIRMS, False)
    user = request.user if confirms else people.called(name)
    where = "confirmation" if confirms else "log-in"
    address = _address(request)
    logger.warning(
        "log-in failed at=%s address=%s account=%s user=%s",
        where,
        address or "-",
        _short(name),
        "-" if user is None else _printable_name(user),
    )
    usage.refuse(FAILED, dialect="", address=address_bucket(address))
    if user is not None:
        actor = Actor.person(user, address=address) if confirms else Actor.nobody(address=address)
        label = str(user.get_username())
        _keep(_Failure(user.pk, label, actor, timezone.now(), where, stores.current()))


def _before_save(
    sender: Any, instance: Any, raw: bool, using: str, update_fields: Any, **kwargs: Any
) -> None:
    if not isinstance(instance, get_user_model()):
        return
    if raw or instance._state.adding or (update_fields and "password" not in update_fields):
        return
    if not any(field.attname == "password" for field in sender._meta.concrete_fields):
        return  # people log in elsewhere
    stored = sender._base_manager.using(using).filter(pk=instance.pk)
    before = stored.values_list("password", flat=True).first()
    changed = before is not None and before != instance.password
    setattr(instance, _CHANGED, changed and not _is_new_hash(instance, before, update_fields))


def _after_save(sender: Any, instance: Any, **kwargs: Any) -> None:
    if not isinstance(instance, get_user_model()) or not instance.__dict__.pop(_CHANGED, False):
        return
    actor: Actor = instance.__dict__.pop(_ACTOR, None) or Actor.system("password change")
    logger.info(
        "password changed address=%s user=%s", actor.address or "-", _printable_name(instance)
    )
    _record(instance, Action.MEMBER_PASSWORD_CHANGED, actor)


def _is_new_hash(user: Any, before: str | None, update_fields: Any) -> bool:
    """Whether Django renews the hash of the same password, as it does at a log-in."""
    if set(update_fields or ()) != {"password"} or getattr(user, "_password", None) is not None:
        return False
    try:
        old, preferred = identify_hasher(before or ""), get_hasher("default")
    except ValueError:  # an unusable password
        return False
    return old.algorithm != preferred.algorithm or preferred.must_update(before or "")


def _record(user: Any, action: Action, actor: Actor) -> None:
    """Write the events of an act; without them it is not done.

    Raises:
        OperationalError: they can't be written: an outage, whatever the database calls it.
    """
    try:
        audit.record_in_each(actor, action, user_pk=user.pk, target=str(user.get_username()))
    except (InterfaceError, OperationalError):
        raise
    except DatabaseError as error:
        raise OperationalError(f"no audit event: {type(error).__name__}") from error


def _keep(failure: _Failure) -> None:
    with _lock:
        if len(_failures) < LARGEST_QUEUE:
            _failures.append(failure)


def _printable_name(user: Any) -> str:
    return printable(str(user.get_username()))


def _short(name: str) -> str:
    return guessing.account_digest(name)[:12]


def _address(request: Any) -> str | None:
    return None if request is None else address_of(request)


def _forget() -> None:
    # What was kept before a fork is the parent's to write, and its lock did not come along.
    global _lock
    _lock = threading.Lock()
    _failures.clear()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_forget)
