"""One request judged whole: for every framework but DRF, which runs the steps apart."""

from __future__ import annotations

import logging
import traceback
from typing import Final

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.exceptions import SuspiciousOperation
from django.db import connections

from apikeys import conf, dialects
from apikeys.access import limiting, steps
from apikeys.access.endpoint import Endpoint, MethodNotAllowed
from apikeys.access.incoming import Incoming
from apikeys.access.outages import is_outage
from apikeys.access.problems import problem, problem_of
from apikeys.access.state import Access
from apikeys.models import stores
from apikeys.refusals import Refusal
from apikeys.verification import epochs, memory

logger = logging.getLogger("apikeys.requests")

_ASK_NOTHING: Final = ("apikeys.principals.token", "apikeys.principals.anonymous")


def check(incoming: Incoming, endpoint: Endpoint) -> Access:
    """Judge a request: authenticate, authorize, charge. May ask the database and Redis.

    Where it is not let in, or a store is down, ``access.problem`` says what to answer.

    Args:
        incoming: the request; its credentials are taken out of it.
        endpoint: what is asked of it.

    Raises:
        Exception: a fault of the code; its frames hold no secret.
    """
    return _judge(_begin(incoming, endpoint))


async def acheck(incoming: Incoming, endpoint: Endpoint, *, alone: bool = False) -> Access:
    """Judge a request as ``check`` does, without holding up the event loop.

    A thread is taken once, and not at all where this process remembers what the credential proves
    and counts the limits itself (``CACHE = "host"``, ``LIMITS_STORAGE = "memory://"``).

    Args:
        incoming, endpoint: as ``check``.
        alone: Django's own handler is not around it, which would give each request a thread of its
            own and close its connections.
    """
    access = _begin(incoming, endpoint)
    if _answers_at_once(access):
        return _judge(access)
    if not alone:
        return await sync_to_async(_judge)(access)
    async with ThreadSensitiveContext():
        return await sync_to_async(_judge_alone)(access)


def _begin(incoming: Incoming, endpoint: Endpoint) -> Access:
    try:
        access = steps.begin(incoming, endpoint.dialect, any_dialect=endpoint.any_dialect)
    except Exception as fault:
        raise cleaned(fault) from None
    access.endpoint = endpoint
    return access


def _judge(access: Access) -> Access:
    access.where()  # ``finish`` may run in another thread
    try:
        _run(access)
    except Refusal as refusal:
        access.problem = problem_of(steps.refuse(access, refusal), access.dialect)
        if not access.windows:
            access.windows = limiting.peek(access)
    except MethodNotAllowed as verdict:
        access.taken = ()
        found = problem(405, "method_not_allowed", str(verdict))
        found.allowed = verdict.allowed
        access.problem = found
    except Exception as fault:
        access.taken = ()
        if is_outage(fault):
            _close_unusable()
        elif not isinstance(fault, SuspiciousOperation):  # such as a host that is not ours
            raise cleaned(fault) from None
        access.problem = problem_of(fault, access.dialect)
    return access


def _judge_alone(access: Access) -> Access:
    try:
        return _judge(access)
    finally:
        # The thread ends with the request, unless a synchronous caller has lent its own.
        if not any(one.in_atomic_block for one in connections.all(initialized_only=True)):
            connections.close_all()


def _close_unusable() -> None:
    """Do what Django does at the end of a request, for callers that are none."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def _run(access: Access) -> None:
    asked, method = access.endpoint, access.incoming.method
    wanted = asked.scopes_for(method) if asked is not None else None
    steps.authenticate(access)
    if not access.anonymous:
        steps.authorize(access.token, wanted)
    limiting.charge(access)


def cleaned(fault: Exception) -> Exception:
    """Return a fault without its frames, which hold the secret: error pages print their variables.

    What happened is logged, unless it is an outage, which is told otherwise.
    """
    if not is_outage(fault):
        logger.error("fault in authentication\n%s", traceback.format_exc())
    return fault.with_traceback(None)


def _answers_at_once(access: Access) -> bool:
    """Whether nothing has to be asked that an event loop would wait for."""
    spoken = dialects.all_dialects().values() if access.any_dialect else [access.dialect]
    if not conf.get().limits_storage.startswith("memory") or any(d.restrictions for d in spoken):
        return False
    if stores.may_differ() or conf.get().automation_user not in _ASK_NOTHING:
        return False
    if len(access.taken) != 1:
        return True
    epoch = epochs.current()
    if epoch is None:
        return False
    [(carrier, _raw)] = access.taken
    found = memory.recall(epoch, steps.memory_key(access, carrier))
    # A host's own user model may ask anything to tell whether its owner is active.
    if found is None or found.validity.asked_owner is not None:
        return False
    access.proven = found  # asked once: what is remembered may end at any moment
    return True
