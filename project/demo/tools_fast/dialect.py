"""How Tools.FAST speaks: one header, servers only, credits."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from apikeys.dialects import JSON, Dialect, EnvNames, Header, Problem

HEADER = "X-Fast-Api-Key"
INVALID = "api_key.invalid_or_ip_not_allowed"

_CODES = {
    400: "request.invalid",
    401: INVALID,
    404: "resource.not_found",
    405: "request.method_not_allowed",
    406: "request.not_acceptable",
    413: "request.too_large",
    415: "request.unsupported_media_type",
    429: "rate_limited",
    500: "server.error",
    503: "server.unavailable",
}


class ToolsFast(Dialect):
    """`{"error": code, "detail": text}`; every refused key gets the same 401."""

    title = "Tools.FAST"
    realm = "tools.fast"
    carriers = (Header(HEADER),)
    prefixes = {"development": "fast_dev", "production": "fast_prod"}
    scopes = {
        "conversions:read": "List the conversions there are",
        "conversions:write": "Convert files",
    }
    env_names = EnvNames(token_id="", secret="", api_key="TOOLS_FAST_API_KEY")
    foreign_origins = "refuse"
    example_path = "/convert/conversions"

    def __init__(self) -> None:
        self.first_party_origins = frozenset({"https://tools.fast", *settings.FIRST_PARTY_ORIGINS})

    def render(self, problem: Problem) -> tuple[Any, str]:
        code = _CODES.get(problem.status, problem.code)
        return {"error": code, "detail": _detail(problem)}, JSON


def _detail(problem: Problem) -> str:
    if problem.status == 401:
        if problem.code == "api_key.missing":
            return f"{HEADER} is required."
        return f"{HEADER} was provided but is invalid for this request (or IP not allowlisted)."
    if problem.status == 429:
        seconds = problem.extra.get("retry_after", 1)
        return f"Too many requests. Retry after {seconds} second{'' if seconds == 1 else 's'}."
    return problem.detail
