"""Says in the log which proxy is not set up, where lists of networks refuse keys for that reason.

Decides nothing: ``networks`` reads the address.
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
_told_at: Final[dict[str, float]] = {}


def tell_of_unknown(meta: Mapping[str, object], proxies: Sequence[TrustedProxy]) -> None:
    """Log, at most once a minute, what leaves the addresses of all clients unknown.

    Args:
        meta: the environment of a request whose address is not known.
        proxies: the setting ``TRUSTED_PROXIES``.
    """
    kind = "address unknown"
    if _is_due(kind) and (advice := _advice(meta, proxies)):
        _tell(kind, advice)


def tell_of_stranger(
    meta: Mapping[str, object], address: str | None, proxies: Sequence[TrustedProxy]
) -> None:
    """Log, at most once a minute, that whoever was refused for its address may be a proxy.

    Args:
        meta: the environment of the request.
        address: what was taken for the client's address.
        proxies: the setting ``TRUSTED_PROXIES``.
    """
    kind = "address refused"
    if address is None or not _is_due(kind) or not _handed_on(meta, address, proxies):
        return
    _tell(
        kind,
        f"X-Forwarded-For from {address}, which is not in TRUSTED_PROXIES. If that is a proxy of "
        'yours, and no client that wrote the header itself, add it to APIKEYS["TRUSTED_PROXIES"].',
    )


def _is_due(kind: str) -> bool:
    return time.monotonic() - _told_at.get(kind, float("-inf")) >= _SECONDS


def _tell(kind: str, advice: str) -> None:
    _told_at[kind] = time.monotonic()
    logger.warning("%s: %s", kind, advice, extra={"kind": kind})


def _handed_on(meta: Mapping[str, object], address: str, proxies: Sequence[TrustedProxy]) -> bool:
    """Whether this address, which no proxy of ours has, sent an X-Forwarded-For of its own."""
    forwarded = meta.get("HTTP_X_FORWARDED_FOR")
    if not isinstance(forwarded, str):
        return False
    if not networks.is_proxy(meta, proxies):
        return True
    # Behind a proxy of ours: what stands to its left, it has written.
    leftmost = forwarded.partition(",")[0].strip(" \t")
    return networks.client_address({"REMOTE_ADDR": leftmost}) != address


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
