"""What of a request decides whether it is let in, whichever framework it came through."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from apikeys.credentials.carriers import Carrier, header_name
from apikeys.credentials.hiding import WITHHELD, give_back

_SECURE: Final = {"https": "https", "wss": "https"}


@dataclass(slots=True)
class Incoming:
    """A request.

    Attributes:
        method: the HTTP method.
        meta: the headers by their CGI names, and ``REMOTE_ADDR``; credentials are taken out of it.
        scheme: ``http`` or ``https``, the server's own word and no header's.
        host: returns the host that the request names, validated; asked only where origins matter.
        path: the path, for logs.
        source: the Django request, which keeps copies of ``meta``.
    """

    method: str
    meta: MutableMapping[str, Any] = field(repr=False)
    scheme: str
    host: Callable[[], str] = field(repr=False)
    path: str = ""
    source: HttpRequest | None = field(default=None, repr=False)

    @classmethod
    def from_django(cls, request: HttpRequest) -> Incoming:
        """Return what a Django request says."""
        # The server's own word: ``request.scheme`` may believe a header that anybody can send.
        scheme = request._get_scheme() or "http"  # type: ignore[attr-defined]
        meta = request.META
        scope = request.__dict__.get("scope")
        hidden = meta.pop(WITHHELD, None) if scope is None else scope.get(WITHHELD)
        if hidden:
            give_back(hidden, meta)
        return cls(request.method or "", meta, scheme, request.get_host, request.path, request)

    @classmethod
    def from_scope(cls, scope: MutableMapping[str, Any]) -> Incoming:
        """Return what an ASGI scope says, of ``http`` or ``websocket``."""
        method = scope.get("method", "GET")
        scheme = _SECURE.get(scope.get("scheme", "http"), "http")
        # The query decides nothing, and need not be text.
        whole = {**scope, "method": method, "scheme": scheme, "query_string": b""}
        incoming = cls.from_django(ASGIRequest(whole, io.BytesIO()))
        incoming.method = method  # as the application sees it: Django writes it in capitals
        return incoming

    def withhold_copies(self, taken: Iterable[tuple[Carrier, bytes]]) -> None:
        """Hide credentials in what Django has made of the headers besides ``meta``.

        Args:
            taken: the credentials, with what brought them.
        """
        if self.source is None:
            return
        copies = self.source.__dict__
        copies.pop("headers", None)
        if "scope" in copies:
            keys = {carrier.meta_key for carrier, _raw in taken}
            copies["scope"] = withheld(copies["scope"], keys)


def withheld(scope: MutableMapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    """Return a copy of an ASGI scope that does not show these headers.

    Args:
        scope: the scope; the server's own stays as it is.
        keys: their names in ``request.META``.
    """
    names = {header_name(key).lower().encode() for key in keys}
    headers = [
        (name, b"***" if name.lower() in names else value) for name, value in scope["headers"]
    ]
    shown = {**scope, "headers": headers}
    shown.pop(WITHHELD, None)
    return shown
