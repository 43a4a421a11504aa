"""The limits of a view as one DRF throttle.

Tests all policies of the view, then charges all or none. DRF's own throttles read, then write:
several requests at once pass beyond the limit. Runs after permissions, so only proven tokens and
addresses are counted.
"""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from apikeys import access
from apikeys.access import state as states
from apikeys.refusals import Refusal


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
        try:
            access.charge(state)
        except Refusal as refusal:
            state.refusal = refusal.with_traceback(None)
            self._wait = state.wait = refusal.extra["retry_after"]
            return False
        return True

    def wait(self) -> float | None:
        return self._wait
