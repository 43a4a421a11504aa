"""Bodies of requests: how large they may be, and which of their text can be kept and sent back."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpRequest, UnreadablePostError
from rest_framework.exceptions import APIException
from rest_framework.request import Request

LARGEST_TEXT: Final = 1024 * 1024
# Clients send their whole body before they look at the answer: hung up on, they would see a broken
# connection in the place of a 401 or a 413. Beyond this much they are hung up on.
DROPPED: Final = 128 * 1024 * 1024


class TooLarge(APIException):
    """The body is larger than this endpoint takes (HTTP 413)."""

    status_code = 413
    default_code = "request.too_large"
    default_detail = "The request is too large."


def in_ascii(text: str) -> str:
    """Return what a caller sent in a form that can be sent back: half a character can't."""
    return text[:64].encode("ascii", "backslashreplace").decode("ascii")


def is_storable(text: str) -> bool:
    """Tell whether every database can keep the text: no NUL, no half of a character."""
    return "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def storable_or_404(text: str) -> str:
    """Return a text out of an address.

    Raises:
        Http404: nothing can be stored under it, so nothing is.
    """
    if not is_storable(text):
        raise Http404
    return text


def require_body_within(request: Request, most: int) -> None:
    """Refuse a body that says it is larger, before any of it is kept.

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
        drop_unread(request._request)
        raise TooLarge(f"The request is larger than {most} bytes.")


def drop_unread(request: HttpRequest) -> None:
    """Read what the client is still sending, so that it gets to see the answer."""
    left = DROPPED
    try:
        while left > 0 and (chunk := request.read(min(64 * 1024, left))):
            left -= len(chunk)
    except UnreadablePostError:
        pass  # the client has hung up


class AcceptsAnyMixin:
    """Answer in the one form there is, whatever the client says it accepts."""

    accepts_any = True

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Choose that form."""
        return super().perform_content_negotiation(request, force=True)  # type: ignore[misc]


class SmallBodyMixin:
    """Confine the bodies of a view, which DRF's parsers read whole, to ``largest_body`` bytes."""

    largest_body: int = LARGEST_TEXT

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        require_body_within(request, self.largest_body)
