"""Which of the systems on this server a path belongs to, for answers that come from no view."""

from __future__ import annotations

from typing import Final

from apikeys import dialects
from apikeys.dialects import Dialect

# The longest that matches wins.
_PREFIXES: Final = {
    "/access": "default",
    "/api/demo": "default",
    "/convert": "tools-fast",
    "/entitlements": "tools-fast",
    "/api": "freefiletools",
    "/on-demand": "fastpix",
    "/api/v1": "fastcms",
    "/service": "fastly",
    "/purge": "fastly",
    "/tokens": "fastly",
    "/public-ip-list": "fastly",
}


def dialect_at(path: str) -> Dialect | None:
    """Return the dialect spoken at that path, None where there are pages for people."""
    parts = path.split("/")
    for length in range(min(len(parts), 4), 1, -1):
        name = _PREFIXES.get("/".join(parts[:length]))
        if name is not None:
            return dialects.all_dialects().get(name)
    return None
