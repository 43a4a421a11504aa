"""How Fastly speaks: one header, no prefix, four scopes, the state of the limits on each answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from apikeys.dialects import JSON, Dialect, EnvNames, Header, Problem
from apikeys.limits import Window

_MESSAGES = {
    400: "Bad request",
    401: "Provided credentials are missing or invalid",
    403: "You are not authorized to perform this action",
    404: "Record not found",
    405: "Method not allowed",
    406: "Not acceptable",
    413: "Payload too large",
    415: "Unsupported media type",
    422: "Bad request",
    429: "Too many requests",
}


class Fastly(Dialect):
    """`{"msg": title, "detail": text}`; a 401 says `msg` alone."""

    title = "Fastly"
    realm = "fastly"
    # HTTP Basic is no carrier here: it brings a person's password to `POST /tokens`.
    carriers = (Header("Fastly-Key"),)
    prefixes = {"production": ""}
    scopes = {
        "global": "Everything",
        "global:read": "Read services and objects, list tokens",
        "purge_all": "Purge everything of a service",
        "purge_select": "Purge by surrogate key and by URL",
    }
    implies = {"global": frozenset({"global:read", "purge_all", "purge_select"})}
    env_names = EnvNames(token_id="", secret="", api_key="FASTLY_API_TOKEN")
    self_service = True
    validation_status = 422
    example_path = "/service"

    def render(self, problem: Problem) -> tuple[Any, str]:
        body = {"msg": _MESSAGES.get(problem.status, problem.phrase)}
        if problem.status != 401:
            named = (f"{name}: {text}" for name, text in problem.fields.items())
            body["detail"] = " ".join(named) or problem.detail
        return body, JSON

    def limit_headers(self, windows: Sequence[Window]) -> dict[str, str]:
        """Return what is left of the tightest limit, and the Unix time at which it ends."""
        tightest = min(windows, key=lambda window: (window.remaining, -window.reset_at))
        return {
            "Fastly-RateLimit-Remaining": str(tightest.remaining),
            "Fastly-RateLimit-Reset": str(math.ceil(tightest.reset_at)),
        }
