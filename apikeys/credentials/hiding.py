"""Which headers bring an API key, told before anybody has read them, and what to show instead.

A header of a dialect's own is always hidden. ``Authorization`` belongs to others too, so it is
hidden only where what it brings looks like a key: another's JWT or password stays as it is.
Knows no models, no Django and no dialect.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from apikeys.credentials.carriers import (
    Basic,
    Carrier,
    WithheldHeader,
    bare,
    bringer,
    by_header,
    credential_in,
)
from apikeys.credentials.keys import KeyShape, MalformedCredentialError, Mistyped

WITHHELD: Final = "apikeys.withheld"
"""Under this, environ and scope hold what was hidden: key of ``request.META`` to header."""
_LATIN: Final = "latin-1"
_NO_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]")


@dataclass(frozen=True, slots=True)
class Keys:
    """What the keys of some dialects look like in a request.

    Args:
        carriers: how they travel.
        prefixes: those that a key may have.
        shapes: those that a key may have.
    """

    carriers: Collection[Carrier]
    prefixes: Collection[str]
    shapes: Sequence[KeyShape]
    _headers: Mapping[str, Mapping[str, Carrier]] = field(init=False, repr=False)
    _names: Mapping[bytes, str] = field(init=False, repr=False)
    _starts: tuple[bytes, ...] = field(init=False, repr=False)
    _alike: tuple[KeyShape, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "_headers", by_header(self.carriers))
        names = {key.removeprefix("HTTP_").replace("_", "-").lower(): key for key in self._headers}
        set_(self, "_names", {name.encode(): key for name, key in names.items()})
        set_(self, "_starts", tuple(f"{prefix}_".encode() for prefix in self.prefixes if prefix))
        set_(self, "_alike", tuple(map(Mistyped.of, self.shapes)))

    def hide_in(self, environ: MutableMapping[str, Any]) -> None:
        """Put what shows no secret in the place of each key in a WSGI environ, which is changed."""
        hidden: dict[str, WithheldHeader] = {}
        for key in self._headers:
            value = environ.get(key)
            if value is None:
                continue
            if (header := self._hidden(key, value.encode(_LATIN, "replace"))) is not None:
                hidden[key] = header
                environ[key] = str(header)
        if hidden:
            environ[WITHHELD] = hidden

    def hidden_in(self, scope: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Return an ASGI scope with what shows no secret in the place of each key.

        Returns:
            The scope itself where there is no key, else a copy.
        """
        hidden: dict[str, WithheldHeader] = {}
        headers = []
        for name, value in scope.get("headers", ()):
            key = self._names.get(name.lower())
            if key is not None and (header := self._hidden(key, value)) is not None:
                hidden[key] = header
                value = str(header).encode(_LATIN)
            headers.append((name, value))
        return {**scope, "headers": headers, WITHHELD: hidden} if hidden else scope

    def _hidden(self, key: str, value: bytes) -> WithheldHeader | None:
        raw = bare(value)
        carrier = bringer(self._headers[key], raw)
        if carrier is None or (carrier.scheme and not self._is_key(carrier, raw)):
            return None
        return WithheldHeader(carrier.shown, raw)

    def _is_key(self, carrier: Carrier, raw: bytes) -> bool:
        """Whether it is a key, or what somebody has mistyped one as."""
        credential = credential_in(carrier, raw)
        if credential.startswith(self._starts):
            return True
        try:
            carrier.parse(credential, prefixes=self.prefixes, shapes=self._alike)
        except MalformedCredentialError:
            return isinstance(carrier, Basic) and self._is_broken_pair(credential)
        return True

    def _is_broken_pair(self, credential: bytes) -> bool:
        """Whether base64 with a mistake in it, which nobody else can use either, holds a key."""
        try:
            base64.b64decode(credential, validate=True)
        except binascii.Error:
            letters = _NO_BASE64.sub(b"", credential)
            whole = letters[: len(letters) // 4 * 4]
            token_id, _, secret = base64.b64decode(whole).decode(_LATIN).partition(":")
            return bool(secret) and any(shape.fits(token_id) for shape in self.shapes)
        return False


def give_back(hidden: Mapping[str, WithheldHeader], meta: MutableMapping[str, Any]) -> None:
    """Put what was hidden back where its stand-in is, for carriers, which show it no more either.

    Args:
        hidden: what environ or scope hold under ``WITHHELD``.
        meta: ``request.META``, which is changed.
    """
    for key, header in hidden.items():
        # Not where somebody has put another value since, or a server has joined two.
        if meta.get(key) == str(header):
            meta[key] = header
