"""Addresses and answers that several tests of FastCMS name."""

from __future__ import annotations

from typing import Any

PASSWORD = "correct horse battery staple"
KEYS = "/api/v1/api-keys"
COLLECTIONS = "/api/v1/collections"
UNAUTHENTICATED = (
    b'{"error": "Authentication required", "message": "Authentication required", "details": {}}'
)
NO_SUCH_KEY = b'{"error": "API key not found", "message": "API key not found", "details": {}}'


def use(key: str | dict[str, Any]) -> dict[str, str]:
    return {"X-API-Key": key if isinstance(key, str) else key["key"]}
