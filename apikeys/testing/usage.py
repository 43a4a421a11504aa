"""What was counted of the requests that a test has made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import Sum

from apikeys.activity import usage
from apikeys.models import AccessToken, UsageCounter
from apikeys.services.issuing import IssuedToken
from apikeys.testing import rows


def recorded_uses(token: AccessToken | IssuedToken) -> dict[str, int]:
    """Return how many requests of a token were counted, by outcome: ``success``, ``client_error``,
    ``server_error``, ``refused``, ``limited``.

    For a token with a row, what is still in memory is written first, which is what makes
    ``last_used_at`` and the usage pages show it; that needs the database. What proved nothing, such
    as a wrong secret, is no use of a token.

    Args:
        token: the token, or what ``make_token`` or ``create_token`` has returned.
    """
    row = token.token if isinstance(token, IssuedToken) else token
    if (counted := rows.uses_of(row)) is not None:
        return dict(counted)
    usage.flush()
    found = UsageCounter.objects.filter(token=row.pk).order_by()
    return dict(found.values_list("outcome").annotate(Sum("count")))


@contextmanager
def forgotten_afterwards() -> Iterator[None]:
    """Begin with nothing that would still have to be written, and drop at the end what is left."""
    before = usage._buffer
    usage._buffer = usage.Buffer()
    try:
        yield
    finally:
        usage._buffer = before
