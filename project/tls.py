"""The part of gunicorn's configuration for a server that ends TLS itself."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any


def ssl_context(config: Any, default_factory: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Return gunicorn's own context with TLS 1.2 as the floor (RFC 8996 retires what is below)."""
    context = default_factory()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
