"""Which headers bring an API key, told before anybody has read them, and what to show instead.

A header of a dialect's own is always hidden. ``Authorization`` belongs to others too, so it is
hidden only where what it brings may be a key, as a judge says: another's JWT or password stays as
it is. Knows no models, no Django and no dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

from apikeys.credentials.carriers import (
    Carrier,
    WithheldHeader,
    bare,
    bringer,
    by_header,
    credential_in,
    header_name,
)

WITHHELD: Final = "apikeys.withheld"
"""Under this, environ and scope hold what was hidden: key of ``request.META`` to header."""
_LATIN: Final = "latin-1"


Judge = Callable[[Carrier | None, bytes], bool]
"""Says whether a credential may be a key; None is a scheme that no carrier has, and the bytes are
the whole value then."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Where the keys of some dialects are in a request.

    Args:
        carriers: how they travel.
        judge: tells keys from what others send by the same header.
    """

    carriers: Collection[Carrier]
    judge: Judge
    _headers: Mapping[str, Mapping[str, Carrier]] = field(init=False, repr=False)
    _names: Mapping[bytes, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "_headers", by_header(self.carriers))
        names = {header_name(key).lower().encode(): key for key in self._headers}
        set_(self, "_names", names)

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
        if carrier is not None and not carrier.scheme:
            return WithheldHeader(carrier.shown, raw)
        credential = raw if carrier is None else credential_in(carrier, raw)
        if not self.judge(carrier, credential):
            return None
        return WithheldHeader("***" if carrier is None else carrier.shown, raw)


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
