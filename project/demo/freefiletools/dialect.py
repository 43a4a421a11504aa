"""How FreeFileTools speaks: one header, browsers welcome, a rolling hour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings

from apikeys import urlconfs
from apikeys.dialects import JSON, Dialect, EnvNames, Header, Problem
from apikeys.limits import Window

_TITLES = {
    # The standard phrases of these have changed over the versions of Python.
    413: "Payload Too Large",
    422: "Unprocessable Entity",
    429: "Rate limit exceeded",
}


class FreeFileTools(Dialect):
    """`{"error": title, "message": text}`; its keys have no scopes."""

    title = "FreeFileTools"
    realm = "freefiletools"
    carriers = (Header("x-api-key"),)
    prefixes = {"production": "fft"}
    env_names = EnvNames(token_id="", secret="", api_key="FREEFILETOOLS_API_KEY")

    def __init__(self) -> None:
        own = settings.FIRST_PARTY_ORIGINS
        self.first_party_origins = frozenset({"https://freefiletools.io", *own})

    def render(self, problem: Problem) -> tuple[Any, str]:
        body = {
            "error": _TITLES.get(problem.status, problem.phrase),
            "message": _message(problem),
        }
        if problem.status == 429:
            body["retryAfter"] = problem.extra.get("retry_after", 1)
        return body, JSON

    def limit_headers(self, windows: Sequence[Window]) -> dict[str, str]:
        tightest = min(windows, key=lambda window: window.remaining)
        return {
            "X-RateLimit-Limit": str(tightest.limit.amount),
            "X-RateLimit-Remaining": str(tightest.remaining),
        }


def _message(problem: Problem) -> str:
    if problem.status == 401:
        keys = urlconfs.link_to("apikeys_dashboard:api-keys")
        return f"Invalid or missing API key. Get your key at {problem.host}{keys}"
    if problem.status == 429:
        return "You have exceeded the rate limit. Please try again later."
    return problem.detail
