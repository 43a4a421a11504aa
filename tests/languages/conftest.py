"""The callers of the management API."""

from __future__ import annotations

from tests.api.conftest import logged_in, managing, session

__all__ = ["logged_in", "managing", "session"]
