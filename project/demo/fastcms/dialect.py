"""How FastCMS speaks: one header, one prefix, scopes with wildcards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apikeys.dialects import HEX, JSON, Dialect, EnvNames, Header, KeyShape, Problem
from apikeys.limits import Window

API_KEY_NOT_FOUND = "API key not found"

_ERRORS = {
    400: "Bad request",
    403: "Permission denied",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    413: "Payload too large",
    415: "Unsupported media type",
    422: "Validation failed",
    429: "Rate limit exceeded",
}
_UNAUTHENTICATED = {
    "api_key.expired": "API key has expired",
    "api_key.disabled": "API key is disabled",
}


class FastCMS(Dialect):
    """`{"error": title, "message": text, "details": {}}`."""

    title = "FastCMS"
    realm = "fastcms"
    carriers = (Header("X-API-Key"),)
    prefixes = {"production": "fcms"}
    key_shape = KeyShape(8, 32, HEX, checksum=False)
    scopes = {
        "*": "Full access",
        "collections:read": "Read collection schemas",
        "collections:write": "Create and update collections",
        "records:read": "Read records",
        "records:write": "Create and update records",
        "records:delete": "Delete records",
        "records:*": "All record operations",
        "files:read": "Read files",
        "files:write": "Upload files",
        "files:*": "All file operations",
    }
    env_names = EnvNames(token_id="", secret="", api_key="FASTCMS_API_KEY")
    self_service = True
    validation_status = 422
    example_path = "/api/v1/collections"

    def render(self, problem: Problem) -> tuple[Any, str]:
        title = _title(problem)
        same = problem.status in (401, 404)
        body = {
            "error": title,
            "message": title if same else problem.detail,
            "details": _details(problem),
        }
        return body, JSON

    def limit_headers(self, windows: Sequence[Window]) -> dict[str, str]:
        """Return the headers of the limits by minute and by hour."""
        headers = {}
        for window in windows:
            unit = "Hour" if window.limit.seconds >= 3600 else "Minute"
            headers[f"X-RateLimit-Limit-{unit}"] = str(window.limit.amount)
            headers[f"X-RateLimit-Remaining-{unit}"] = str(window.remaining)
        return headers


def _title(problem: Problem) -> str:
    if problem.status == 401:
        return _UNAUTHENTICATED.get(problem.code, "Authentication required")
    return problem.extra.get("title") or _ERRORS.get(problem.status) or problem.phrase


def _details(problem: Problem) -> dict[str, Any]:
    if problem.status == 403 and "required_scope" in problem.extra:
        return {"required_scope": problem.extra["required_scope"]}
    return dict(problem.fields)
