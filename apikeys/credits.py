"""Views that cost credits: taken before the handler runs, given back when it fails.

Comes after permissions and throttles: a request that is refused costs nothing. Knows the balance
only through ``services.credits``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError, router, transaction
from rest_framework.request import Request

from apikeys.exceptions import InsufficientCredits
from apikeys.models import AccessToken, Organization
from apikeys.services import credits as service

logger = logging.getLogger("apikeys.credits")


class ChargesCredits:
    """Let a DRF view cost credits of the token's organization; put it before the view class.

    The view says ``cost = 5``, or ``cost = {"POST": 5}`` by method; the handler of an extra
    ``@action`` may have a ``cost`` of its own. ``OPTIONS`` and requests without a token cost
    nothing. Too few credits: 402, and the handler does not run. An answer of 4xx or 5xx, and an
    exception, give the credits back; only a killed process does not.

    With ``ATOMIC_REQUESTS`` the balance stays locked until the view has answered, so requests of
    one organization that cost something wait for each other.
    """

    cost: int | Mapping[str, int] = 0

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self._taken: tuple[Organization, int] | None = None
        try:
            response = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        except BaseException:
            self._give_back()
            raise
        if response.status_code >= 400:
            self._give_back()
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        amount = price(self, request.method or "")
        token = request.auth
        if not amount or not isinstance(token, AccessToken):
            return
        if not service.take_credits(organization=token.organization, amount=amount):
            raise InsufficientCredits(
                required=amount, available=service.balance(token.organization)
            )
        self._taken = (token.organization, amount)

    def _give_back(self) -> None:
        if self._taken is None:
            return
        organization, amount = self._taken
        self._taken = None
        # A transaction around the view that is about to be rolled back gives back by itself.
        connection = transaction.get_connection(router.db_for_write(Organization))
        if connection.needs_rollback:
            return
        try:
            service.give_back_credits(organization=organization, amount=amount)
        except DatabaseError:
            # The answer stands; this line is what the operator can grant them back by.
            logger.exception("%d credits not given back to %s", amount, organization.slug)


def price(view: Any, method: str) -> int:
    """Return what a request of that method costs; 0 where the view has no handler for it."""
    name = getattr(view, "action", None) or method.lower()
    handler = getattr(view, name, None)
    if handler is None or method == "OPTIONS":
        return 0
    own = getattr(handler, "cost", None)
    cost: int | Mapping[str, int] = getattr(view, "cost", 0) if own is None else own
    if not isinstance(cost, Mapping):
        return cost
    # HEAD runs the handler of GET.
    return cost.get(method, cost.get("GET", 0) if method == "HEAD" else 0)
