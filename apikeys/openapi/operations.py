"""What an operation takes and answers, said on the view for its documentation.

A view carries ``operations``: action (of a ViewSet) or method in small letters to ``Operation``,
and may carry ``documented_as``, the word under which its operations are filed. Knows no
documentation library: that is an extra, and ``schema`` is its face.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from apikeys.services.idempotency import LONGEST_CREATION_ID

Shape = Mapping[str, Any]
"""A JSON schema."""

TEXT: Final[Shape] = {"type": "string"}
WHOLE: Final[Shape] = {"type": "integer"}
FLAG: Final[Shape] = {"type": "boolean"}
MOMENT: Final[Shape] = {"type": "string", "format": "date-time"}
IDENTIFIER: Final[Shape] = {"type": "string", "format": "uuid"}
BINARY: Final[Shape] = {"type": "string", "format": "binary"}


def listed(shape: Shape) -> dict[str, Any]:
    """Return the schema of a list of that."""
    return {"type": "array", "items": dict(shape)}


def nullable(shape: Shape) -> dict[str, Any]:
    """Return the schema of that or null."""
    return {**shape, "type": [shape["type"], "null"]}


def record(optional: Mapping[str, Shape] | None = None, /, **members: Shape) -> dict[str, Any]:
    """Return the schema of an object with these members, and maybe the optional ones."""
    properties = {name: dict(shape) for name, shape in {**members, **(optional or {})}.items()}
    return {"type": "object", "required": list(members), "properties": properties}


class RequestHeader(NamedTuple):
    """A request header that an operation understands, with the schema of its value."""

    name: str
    description: str
    shape: Shape = TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    Attributes:
        request: the serializer class of the body, or a JSON schema; None when there is none.
        response: a serializer class, or a JSON schema; None for an empty body.
        status: the status of success.
        many: the response is a page or list of them.
        errors: statuses this operation can answer besides those that follow from the view.
        media_type: content type of the response, when it is not JSON.
        body_type: content type of the request, when it is not what the view's parsers take.
        headers: request headers it understands.
        query: a serializer class of its query parameters.
        sessions_only: a token gets no further than 403 here.
        ends_caller: it can end the credential that carries it, as revoking "oneself", "all" or a
            list does. What concerns the one object of the URL is not meant.
        name: the operation's id; made from the view when not given.
        example: an example of the body.
    """

    request: Any = None
    response: Any = None
    status: int = 200
    many: bool = False
    errors: tuple[int, ...] = ()
    media_type: str = ""
    body_type: str = ""
    headers: tuple[RequestHeader, ...] = ()
    query: Any = None
    sessions_only: bool = False
    ends_caller: bool = False
    name: str = ""
    example: Any = None


IDEMPOTENCY: tuple[RequestHeader, ...] = (
    RequestHeader(
        "Idempotency-Key",
        "Makes a retry safe: a repeat makes nothing and never shows the secret again (409).",
        {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_CREATION_ID,
            "pattern": "^[!#-~]([ -~]*[!-~])?$",
        },
    ),
)
