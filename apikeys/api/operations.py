"""What an operation takes and answers, said on the view for its documentation.

A view carries ``operations``: action (of a ViewSet) or method in small letters to ``Operation``.
Knows no documentation library: that is an extra, and ``schema`` is its face.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    Attributes:
        request: the serializer class of the body; None when there is none.
        response: a serializer class, or a JSON schema; None for an empty body.
        status: the status of success.
        many: the response is a page or list of them.
        errors: statuses this operation can answer besides those that follow from the view.
        media_type: content type of the response, when it is not JSON.
        headers: request headers it understands, name to description.
        query: a serializer class of its query parameters.
        body_type: content type of the request, when it is not what the view's parsers say.
    """

    request: Any = None
    response: Any = None
    status: int = 200
    many: bool = False
    errors: tuple[int, ...] = ()
    media_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    query: Any = None
    body_type: str = ""


IDEMPOTENCY: tuple[tuple[str, str], ...] = (
    (
        "Idempotency-Key",
        "Makes a retry safe: a repeat makes nothing and never shows the secret again (409).",
    ),
)
