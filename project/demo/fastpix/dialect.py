"""How FastPix speaks: token id and secret over HTTP Basic, permissions instead of scopes."""

from __future__ import annotations

from typing import Any

from apikeys.dialects import JSON, Basic, Dialect, EnvNames, Problem

_MESSAGES = {
    413: "Payload too large",
    422: "Invalid payload",
    429: "Too many requests",
}
_PERMISSIONS = {"media:read": "Read-only", "media:write": "Read and write"}


class FastPix(Dialect):
    """`{"success": false, "error": {"code", "message", "description"}}`."""

    title = "FastPix"
    realm = "fastpix"
    carriers = (Basic(),)
    prefixes = {"development": "fastpix_dev", "production": "fastpix_prod"}
    scopes = {
        "media:read": "List and read media",
        "media:write": "Create, change and delete media",
    }
    env_names = EnvNames(token_id="FASTPIX_USERNAME", secret="FASTPIX_PASSWORD", api_key="")  # noqa: S106
    validation_status = 422
    example_path = "/on-demand"

    def render(self, problem: Problem) -> tuple[Any, str]:
        message = _MESSAGES.get(problem.status) or problem.phrase.capitalize()
        error = {"code": problem.status, "message": message, "description": _description(problem)}
        return {"success": False, "error": error}, JSON


def _description(problem: Problem) -> str:
    if problem.code in ("api_key.missing", "api_key.invalid_or_ip_not_allowed"):
        return "Send a valid Access Token ID and Secret Key over HTTP Basic."
    required = problem.extra.get("required_scope")
    if required in _PERMISSIONS:
        return f'This access token does not have the permission "{_PERMISSIONS[required]}".'
    return problem.detail
