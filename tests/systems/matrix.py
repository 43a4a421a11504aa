"""The scope matrix: every endpoint by every scope by every carrier, against a declared table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from apikeys import dialects
from apikeys.authentication import AccessTokenAuthentication
from apikeys.services.tokens import IssuedToken
from apikeys.testing.headers import headers_of

Endpoint = tuple[str, str]
"""Method and route."""


def endpoints(patterns: list[Any], dialect: str) -> set[Endpoint]:
    """Return every method of every route whose view takes tokens of the dialect."""
    found = set()
    for pattern in patterns:
        view = pattern.callback.cls
        first = view.authentication_classes[0]
        if not (issubclass(first, AccessTokenAuthentication) and first.dialect == dialect):
            continue
        actions = getattr(pattern.callback, "actions", None)
        methods = actions or [m for m in view.http_method_names if hasattr(view, m)]
        found |= {
            (method.upper(), str(pattern.pattern))
            for method in methods
            if method not in ("options", "head")
        }
    return found


def carried(issued: IssuedToken) -> Iterator[dict[str, str]]:
    """Yield the headers of each carrier of the token's dialect."""
    for carrier in issued.token.workspace.speaks.carriers:
        yield headers_of(issued, carrier.label)


def mismatches(
    table: Mapping[Endpoint, set[str]],
    dialect: str,
    *,
    issue: Callable[..., IssuedToken],
    send: Callable[[Endpoint, dict[str, str]], int],
) -> list[str]:
    """Return where the answers differ from the table.

    Args:
        table: endpoint to the scopes each of which alone suffices.
        dialect: its name; all its scopes are tried, and none at all.
        issue: makes a token of these scopes.
        send: sends a request to the endpoint with these headers and returns the status.
    """
    wrong = []
    for scope in [None, *sorted(dialects.get(dialect).available_scopes)]:
        for endpoint, sufficient in table.items():
            issued = issue(scopes=[scope] if scope else [])
            for headers in carried(issued):
                status = send(endpoint, headers)
                if status in (401, 404, 405) or status >= 500:
                    wrong.append(f"{endpoint} with {scope}: {status} proves nothing")
                elif (status != 403) is not (scope in sufficient or "any" in sufficient):
                    wrong.append(f"{endpoint} with {scope}: {status}")
    return wrong
