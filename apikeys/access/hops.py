"""Says in the log why nobody's address is known, and what to set.

Lists of networks refuse silently then. Decides nothing: ``networks`` reads the address.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final

from apikeys import networks
from apikeys.conf import UNIX, TrustedProxy

logger = logging.getLogger("apikeys.requests")

_SECONDS: Final = 60
_told_at = float("-inf")


def tell_of_unknown(meta: Mapping[str, object], proxies: Sequence[TrustedProxy]) -> None:
    """Log, at most once a minute, what leaves the addresses of all clients unknown.

    Args:
        meta: the environment of a request whose address is not known.
        proxies: the setting ``TRUSTED_PROXIES``.
    """
    global _told_at
    now = time.monotonic()
    if now - _told_at < _SECONDS:
        return
    if advice := _advice(meta, proxies):
        _told_at = now
        logger.warning("address unknown: %s", advice, extra={"kind": "address unknown"})


def _advice(meta: Mapping[str, object], proxies: Sequence[TrustedProxy]) -> str:
    unix = networks.is_unix(meta)
    if unix and UNIX not in proxies:
        return (
            "requests come through a Unix socket. Let the proxy before it set X-Forwarded-For, and "
            'add "unix" to APIKEYS["TRUSTED_PROXIES"].'
        )
    if not networks.is_proxy(meta, proxies):
        return ""
    peer = "at the Unix socket" if unix else str(meta.get("REMOTE_ADDR"))
    if "HTTP_X_FORWARDED_FOR" in meta:
        return f"X-Forwarded-For from the trusted proxy {peer} names no client."
    return (
        f"no X-Forwarded-For from the trusted proxy {peer}. Let it set that header, and the server "
        "hand it on (waitress: --no-clear-untrusted-proxy-headers)."
    )
