"""Bodies of requests: how large and how deep they may be."""

from __future__ import annotations

from typing import Any, Final

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

LARGEST_TEXT: Final = 1024 * 1024


class TooLarge(APIException):
    """The body is larger than this endpoint takes (HTTP 413)."""

    status_code = 413
    default_code = "request.too_large"
    default_detail = "The request is too large."


class ShallowJSONParser(JSONParser):
    """JSON that is nested too deeply is the caller's fault, not ours."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(*args, **kwargs)
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None


def in_ascii(text: str) -> str:
    """Return what a caller sent in a form that can be sent back: half a character can't."""
    return text[:64].encode("ascii", "backslashreplace").decode("ascii")


def require_body_within(request: Request, most: int) -> None:
    """Refuse a body that says it is larger, before any of it is read.

    Args:
        request: the request; its ``data`` was not asked for yet.
        most: bytes.

    Raises:
        TooLarge: it is.
    """
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > most:
        raise TooLarge(f"The request is larger than {most} bytes.")


class SmallBodyMixin:
    """Confine the bodies of a view, which DRF's parsers read whole, to ``largest_body`` bytes."""

    largest_body: int = LARGEST_TEXT

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        require_body_within(request, self.largest_body)
