"""The limits of a view as one DRF throttle.

Tests all policies of the view, then charges all or none. DRF's own throttles read, then write:
several requests at once pass beyond the limit. Runs after permissions, so only proven tokens and
addresses are counted.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from apikeys import conf, limits, networks
from apikeys.access import state as states
from apikeys.limits import Charge, Limit, Window
from apikeys.models import stores
from apikeys.models.tokens import Kind
from apikeys.refusals import Reason, Refusal

ANONYMOUS = "anonymous"

logger = logging.getLogger("apikeys.limits")


class AccessTokenThrottle(BaseThrottle):
    """Apply ``view.limits``, a list of ``Limit``.

    A request is of the kind ``read`` or ``write`` by its method, unless the view (or the handler
    of an action) names another as ``limit_kind``. Limits ``on="anonymous"`` count requests
    without a token.
    """

    _wait: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        state = states.of(request._request)
        if state is None:
            return True
        charges = _charges(state, request.method or "")
        if not charges:
            return True
        verdict = limits.limiter(conf.get().limits_storage).hit(charges)
        state.windows = verdict.windows
        if verdict.refused_by is None:
            return True
        token = state.token
        state.refusal = Refusal(
            Reason.RATE_LIMITED,
            token_id=token.token_id if token else "",
            token_pk=token.pk if token else None,
        )
        self._wait = verdict.refused_by.retry_after
        return False

    def wait(self) -> float | None:
        return self._wait


def peek(request: HttpRequest, state: states.RequestState) -> tuple[Window, ...]:
    """Return the state of the limits this request would have been counted on, charging none."""
    charges = _charges(state, request.method or "")
    return limits.limiter(conf.get().limits_storage).peek(charges) if charges else ()


def _charges(state: states.RequestState, method: str) -> Sequence[Charge]:
    declared: Sequence[Limit] = getattr(state.view, "limits", None) or ()
    if not declared:
        return ()
    kind = kind_of(state.view, method)
    overrides = state.token.organization.limits if state.token else {}
    store = stores.current()
    charges = []
    for limit in declared:
        applies = state.token is None if limit.on == ANONYMOUS else limit.applies_to(kind)
        subject = _subject(limit.per, state) if applies else None
        if subject is None:
            continue
        limit = _overridden(limit, overrides.get(limit.name))
        charges.append(Charge(limit, store.key(f"{state.dialect.name}:{subject}")))
    return charges


def _overridden(limit: Limit, rate: Any) -> Limit:
    if rate is None:
        return limit
    try:
        return limit.with_rate(rate)
    except (ValueError, TypeError) as error:
        # Written past the services: the declared rate holds, and somebody is told.
        logger.error("limit %s of an organization: %s", limit.name, error)
        return limit


def kind_of(view: Any, method: str) -> str:
    """Return the kind of request, for the limits: ``read``, ``write`` or what the view names."""
    handler = getattr(view, getattr(view, "action", None) or method.lower(), None)
    named = getattr(handler, "limit_kind", None) or getattr(view, "limit_kind", None)
    return named or ("read" if method in SAFE_METHODS else "write")


def _subject(per: str, state: states.RequestState) -> str | None:
    if per == "address":
        return f"address:{networks.address_bucket(state.address)}"
    token = state.token
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
