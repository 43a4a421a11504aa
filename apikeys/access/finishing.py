"""After the response: usage, last use, one log line for a refusal, headers for limits.

Looks only at what the steps left, and never breaks a response.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from apikeys import conf, networks, pasted
from apikeys.access import limiting
from apikeys.access.state import Access
from apikeys.activity import usage
from apikeys.logs import printable
from apikeys.models import stores
from apikeys.models.activity import Outcome
from apikeys.refusals import Reason, Refusal

logger = logging.getLogger("apikeys.requests")

ABANDONED: Final = 499
"""The status, as nginx writes it, of a request whose client left before there was an answer."""
_NONE: Final[Mapping[str, str]] = {}


def finish(access: Access, status: int) -> Mapping[str, str]:
    """Count a request that has been answered, and return the headers of its limits.

    On an event loop only where ``waits`` says no.

    Args:
        access: of the request.
        status: the HTTP status of the answer.
    """
    # What was left to somebody else was refused by somebody else.
    if status == 401 and access.refusal is None and access.token is None and not access.left:
        access.refusal = Refusal(Reason.MISSING)
    _count(access, status)
    # An answer that nothing was charged for would be told of limits that nobody keeps.
    windows = access.windows or (limiting.peek(access) if status >= 400 else ())
    return access.dialect.limit_headers(windows) if windows else _NONE


def waits(access: Access) -> bool:
    """Whether ``finish`` must not run on an event loop.

    It may ask Redis, or a tenant's schema may be named on the connection of the request's thread.
    """
    if access.store is None and stores.may_differ():
        return True
    if access.windows or access.endpoint is None or not access.endpoint.limits:
        return False
    return not conf.get().limits_storage.startswith("memory")


def _count(access: Access, status: int) -> None:
    refusal, token = access.refusal, access.token
    if refusal is not None:
        _count_refusal(access, refusal, status)
    pk = token.pk if token else refusal.token_pk if refusal else None
    if pk is not None:
        usage.record(
            pk,
            _outcome(refusal, status),
            address=access.address,
            agent=access.incoming.meta.get("HTTP_USER_AGENT", ""),
            previous=token is not None and token.used_previous_secret,
            used=token is not None,
            store=access.where(),
        )


def _count_refusal(access: Access, refusal: Refusal, status: int) -> None:
    name = access.dialect.name
    usage.refuse(
        refusal.reason,
        dialect=name,
        address=networks.address_bucket(access.address),
        token_id=refusal.token_id,
        store=access.where(),
    )
    logger.warning(
        "refused status=%d reason=%s dialect=%s token_id=%s address=%s method=%s path=%s",
        status,
        refusal.reason.value,
        name,
        refusal.token_id or "-",
        access.address or "unknown",
        printable(access.incoming.method),
        printable(pasted.without_secrets(access.incoming.path)),
        extra={"kind": f"refused {refusal.reason.value}"},
    )


def _outcome(refusal: Refusal | None, status: int) -> str:
    if refusal is not None:
        limited = refusal.reason is Reason.RATE_LIMITED
        return Outcome.LIMITED.value if limited else Outcome.REFUSED.value
    if status >= 500:
        return Outcome.SERVER_ERROR.value
    return Outcome.CLIENT_ERROR.value if status >= 400 else Outcome.SUCCESS.value
