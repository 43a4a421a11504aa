"""Views that cost credits: taken before the handler runs, given back when it fails.

``ChargesCredits`` is for classes, ``charges_credits`` for functions under ``@api_view``; either may
be ``async``, as those of adrf are.

Comes after permissions and throttles: a request that is refused costs nothing. Knows the balance
only through ``services.credits``.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import DatabaseError, router, transaction
from rest_framework.request import Request

from apikeys.exceptions import InsufficientCredits
from apikeys.models import AccessToken, Organization
from apikeys.services import credits as service

logger = logging.getLogger("apikeys.credits")

F = TypeVar("F", bound=Callable[..., Any])
Taken = tuple[Organization, int]


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
        self._taken: Taken | None = None
        try:
            response = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        except BaseException:
            _give_back(self._taken)
            raise
        if inspect.isawaitable(response):
            return self._afinish(response)
        if response.status_code >= 400:
            _give_back(self._taken)
        return response

    async def _afinish(self, coming: Any) -> Any:
        try:
            response = await coming
        except BaseException:
            await _agive_back(self._taken)
            raise
        if response.status_code >= 400:
            await _agive_back(self._taken)
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        self._taken = _take(request, price(self, request.method or ""))


def charges_credits(cost: int | Mapping[str, int]) -> Callable[[F], F]:
    """Let a function under ``@api_view`` cost credits; put it below ``@api_view``.

    What ``ChargesCredits`` says of views holds for it as well.

    Args:
        cost: what a request costs, or that by method.
    """

    def decorate(function: F) -> F:
        @wraps(function)
        def charged(request: Request, *args: Any, **kwargs: Any) -> Any:
            taken = _take(request, _amount(cost, request.method or ""))
            try:
                response = function(request, *args, **kwargs)
            except BaseException:
                _give_back(taken)
                raise
            if response.status_code >= 400:
                _give_back(taken)
            return response

        @wraps(function)
        async def acharged(request: Request, *args: Any, **kwargs: Any) -> Any:
            taken = await _atake(request, _amount(cost, request.method or ""))
            try:
                response = await function(request, *args, **kwargs)
            except BaseException:
                await _agive_back(taken)
                raise
            if response.status_code >= 400:
                await _agive_back(taken)
            return response

        found: Any = acharged if inspect.iscoroutinefunction(function) else charged
        found.cost = cost
        return found  # type: ignore[no-any-return]

    return decorate


def _take(request: Request, amount: int) -> Taken | None:
    token = request.auth
    if not amount or not isinstance(token, AccessToken):
        return None
    if not service.take_credits(organization=token.organization, amount=amount):
        raise InsufficientCredits(required=amount, available=service.balance(token.organization))
    return token.organization, amount


def _give_back(taken: Taken | None) -> None:
    if taken is None:
        return
    organization, amount = taken
    # A transaction around the view that is about to be rolled back gives back by itself.
    connection = transaction.get_connection(router.db_for_write(Organization))
    if connection.needs_rollback:
        return
    try:
        service.give_back_credits(organization=organization, amount=amount)
    except DatabaseError:
        # The answer stands; this line is what the operator can grant them back by.
        logger.exception("%d credits not given back to %s", amount, organization.slug)


_atake = sync_to_async(_take)
_agive_back = sync_to_async(_give_back)


def price(view: Any, method: str) -> int:
    """Return what a request of that method costs; 0 where the view has no handler for it."""
    name = getattr(view, "action", None) or method.lower()
    handler = getattr(view, name, None)
    if handler is None or method == "OPTIONS":
        return 0
    own = getattr(handler, "cost", None)
    return _amount(getattr(view, "cost", 0) if own is None else own, method)


def _amount(cost: int | Mapping[str, int], method: str) -> int:
    if not isinstance(cost, Mapping):
        return cost
    # HEAD runs the handler of GET.
    return cost.get(method, cost.get("GET", 0) if method == "HEAD" else 0)
