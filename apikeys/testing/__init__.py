"""For a host's tests: keys in any state, clients that send them, limits and use under control.

Each request goes the whole way that it goes in production, from the header to the answer; only the
row of a token may be one that no database holds. pytest has fixtures for this, see
``apikeys.pytest_plugin``. Nothing that serves requests may import it.
"""

from apikeys.testing.clients import (
    APITokenClient,
    AsyncTokenClient,
    TokenClient,
    token_client,
)
from apikeys.testing.isolation import IsolatedMixin, isolated
from apikeys.testing.limits import rate_limited, reset_limits
from apikeys.testing.states import State
from apikeys.testing.tokens import MadeToken, make_token
from apikeys.testing.usage import recorded_uses

__all__ = [
    "APITokenClient",
    "AsyncTokenClient",
    "IsolatedMixin",
    "MadeToken",
    "State",
    "TokenClient",
    "isolated",
    "make_token",
    "rate_limited",
    "recorded_uses",
    "reset_limits",
    "token_client",
]
