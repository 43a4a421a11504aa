"""Errors for the documentation: the dialect itself renders one of each status.

So what is documented is what is answered, whatever words a dialect has. Knows no documentation
library.
"""

from __future__ import annotations

from typing import Any, Final

from apikeys.access.problems import missing
from apikeys.dialects import Dialect, Problem

EVERY_VIEW: Final = (400, 401, 403, 429, 500, 503)
_FIELDS: Final = {400: {"name": "This field is required."}}
_DETAILS: Final = {
    400: ("request.invalid", "name: This field is required."),
    401: ("api_key.missing", ""),
    402: ("entitlements.insufficient_credits", "Insufficient credits. Required: 5, Available: 2"),
    403: ("scope.insufficient", "This API key does not have the required scope: notes:write."),
    404: ("not_found", "There is nothing here that you can see."),
    406: ("not_acceptable", "Could not satisfy the request Accept header."),
    409: ("token.revoked", "This token is revoked, for ever."),
    413: ("request.too_large", "The request is too large."),
    415: ("unsupported_media_type", "Unsupported media type in request."),
    422: ("request.invalid", "name: This field is required."),
    429: ("rate_limit.exceeded", "Too many requests. Retry after 12 seconds."),
    500: ("server.error", "Something went wrong on our side."),
    503: ("service.unavailable", "Try again in a moment."),
}


def _example(dialect: Dialect, status: int) -> tuple[Any, str]:
    if status == 401:
        return dialect.render(missing(dialect))
    code, detail = _DETAILS[status]
    extra = {"retry_after": 12} if status == 429 else {}
    fields = _FIELDS.get(status, {})
    problem = Problem(status=status, code=code, detail=detail, extra=extra, fields=fields)
    return dialect.render(problem)


def error_response(dialect: Dialect, status: int, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the response object of one status.

    Args:
        dialect: who words it.
        status: the HTTP status.
        schema: what ``error_schema`` returned, or a reference to it.
    """
    example, media_type = _example(dialect, status)
    content = {media_type: {"schema": schema, "example": example}}
    response: dict[str, Any] = {
        "description": Problem(status=status, code="", detail="").title,
        "content": content,
    }
    if status == 401:
        response["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    elif status in (429, 503):
        response["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return response


def error_schema(dialect: Dialect) -> dict[str, Any]:
    """Describe the dialect's errors from one of each status."""
    examples = [_example(dialect, status)[0] for status in _DETAILS]
    properties: dict[str, Any] = {}
    for example in examples:
        for name, value in example.items():
            properties.setdefault(name, _described(value))
    required = [name for name in properties if all(name in example for example in examples)]
    return {"type": "object", "properties": properties, "required": required}


def _described(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case str():
            return {"type": "string"}
        case list():
            return {"type": "array", "items": _described(value[0]) if value else {}}
        case dict():
            described = {name: _described(item) for name, item in value.items()}
            return {"type": "object", **({"properties": described} if described else {})}
    return {}
