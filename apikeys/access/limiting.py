"""Counting a request on the limits of its endpoint, and telling how they stand."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

from django.utils.translation import gettext as _

from apikeys import conf, limits, networks
from apikeys.access.state import Access
from apikeys.limits import Charge, Limit, Window
from apikeys.models.tokens import Kind
from apikeys.refusals import Reason, Refusal, retry_sentence

ANONYMOUS: Final = "anonymous"
"""``Limit.on`` of limits that count requests without a token."""

logger = logging.getLogger("apikeys.limits")


def charge(access: Access) -> None:
    """Count the request on the limits of its endpoint: on all, or on none. May ask Redis."""
    charges = charges_of(access)
    if not charges:
        return
    verdict = limits.limiter(conf.get().limits_storage).hit(charges)
    access.windows = verdict.windows
    if verdict.refused_by is None:
        return
    token, seconds = access.token, verdict.refused_by.retry_after
    raise Refusal(
        Reason.RATE_LIMITED,
        token_id=token.token_id if token else "",
        token_pk=token.pk if token else None,
        detail=f"{_('Too many requests.')} {retry_sentence(seconds)}",
        extra={"retry_after": seconds},
    )


def charges_of(access: Access) -> Sequence[Charge]:
    """Return what a request is charged to, by what its endpoint asks."""
    asked = access.endpoint
    declared = asked.limits if asked is not None else ()
    if asked is None or not declared:
        return ()
    kind = asked.kind_for(access.incoming.method)
    overrides = access.token.organization.limits if access.token else {}
    store = access.where()
    charges = []
    for limit in declared:
        applies = access.token is None if limit.on == ANONYMOUS else limit.applies_to(kind)
        subject = _subject(limit.per, access) if applies else None
        if subject is None:
            continue
        limit = _overridden(limit, overrides.get(limit.name))
        charges.append(Charge(limit, store.key(f"{access.dialect.name}:{subject}")))
    return charges


def peek(access: Access) -> tuple[Window, ...]:
    """Return the state of the limits a request would have been counted on, charging none."""
    charges = charges_of(access)
    return limits.limiter(conf.get().limits_storage).peek(charges) if charges else ()


def _overridden(limit: Limit, rate: Any) -> Limit:
    if rate is None:
        return limit
    try:
        return limit.with_rate(rate)
    except (ValueError, TypeError) as error:
        # Written past the services: the declared rate holds, and somebody is told.
        logger.error("limit %s of an organization: %s", limit.name, error)
        return limit


def _subject(per: str, access: Access) -> str | None:
    if per == "address":
        return f"address:{networks.address_bucket(access.address)}"
    token = access.token
    if token is None:
        return None
    personal = token.kind == Kind.PERSONAL
    if per == "organization":
        return f"organization:{token.workspace.organization_id}"
    if per == "user":
        return f"user:{token.owner_id}" if personal else None
    if per == "principal" and personal:
        return f"user:{token.owner_id}"
    return f"token:{token.token_id}"
