"""Where in a request a credential travels: an own header, Bearer, HTTP Basic.

A carrier looks at the WSGI environ (``request.META``) and hands out raw bytes or a parsed
credential, and puts a header that shows itself without its secret in the place of the one that
came. Knows no models, no Django and no dialect.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from apikeys.credentials.keys import (
    Credential,
    KeyShape,
    MalformedCredentialError,
    parse_key,
    parse_pair,
)

_TOKEN = re.compile(r"[A-Za-z0-9-]+")
_FORBIDDEN_HEADERS = frozenset({"cookie", "host", "authorization", "content-type", "origin"})
_LONGEST_BASIC = 1024
# No part of a header's value (RFC 9110, section 5.5); some servers leave them around it.
_BLANKS: Final = b" \t"
# Under a key of this process nobody can test guesses of a secret on what is shown of it.
_keyed: Final = hashlib.blake2b(key=secrets.token_bytes(32), digest_size=32)


class WithheldHeader(str):
    """A header's value that shows, prints and pickles without its secret; carriers still read it.

    Error pages, error reporters and logs print what a request carried, and caches make keys of
    it. So two credentials never look alike: half of a keyed digest is part of the text, and of
    whatever is made of the text. The other half is shown nowhere; by that half the value compares,
    hashes and encodes, so a text copied from a log equals it no more than any other text does.

    Attributes:
        raw: the value as it came.
        mark: the half that is shown nowhere; to remember the credential by.

    Args:
        shown: what is shown before the digest.
        raw: as the attribute.
    """

    __slots__ = ("mark", "raw")
    raw: bytes
    mark: bytes

    def __new__(cls, shown: str, raw: bytes) -> WithheldHeader:
        keyed = _keyed.copy()
        keyed.update(raw)
        digest = keyed.digest()
        self = str.__new__(cls, shown + digest[:16].hex())
        self.raw = raw
        self.mark = digest[16:]
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WithheldHeader) and self.mark == other.mark

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.mark)

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Return bytes that belong to this credential alone, and that no text encodes to."""
        return self.mark.hex().encode(encoding, errors)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)

    def __deepcopy__(self, memo: object) -> WithheldHeader:
        return self  # as any text, so that a copied environ still lets its request in


class Carrier(Protocol):
    """One way for a credential to travel."""

    @property
    def meta_key(self) -> str:
        """The key of its header in ``request.META``; without it the carrier is not asked."""

    @property
    def scheme(self) -> str:
        """The authentication scheme before the credential, in lower case; "" for none."""

    @property
    def shown(self) -> str:
        """What is shown in the place of its header's value, before a digest of it."""

    @property
    def label(self) -> str:
        """How documentation calls it, such as ``X-API-Key`` or ``Bearer``."""

    def parse(
        self, raw: bytes, *, prefixes: Collection[str], shapes: Sequence[KeyShape]
    ) -> Credential:
        """Parse the credential's bytes, or raise MalformedCredentialError."""

    def challenge(self, realm: str) -> str:
        """Return the value of ``WWW-Authenticate`` (RFC 9110, section 11.6.1)."""


@dataclass(frozen=True, slots=True)
class Header:
    """A header of its own, such as ``X-API-Key: <key>``; its name matches in any case.

    Raises:
        ValueError: the name is not a header name, or one that already means something else.
    """

    name: str = "X-API-Key"
    scheme: str = field(default="", init=False, repr=False, compare=False)
    shown: str = field(default="***", init=False, repr=False, compare=False)
    meta_key: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lower = self.name.lower()
        taken = lower in _FORBIDDEN_HEADERS or lower.startswith(("x-forwarded-", "sec-"))
        if taken or not _TOKEN.fullmatch(self.name):
            raise ValueError(f"{self.name!r} can't be the header of an API key.")
        object.__setattr__(self, "meta_key", "HTTP_" + self.name.upper().replace("-", "_"))

    @property
    def label(self) -> str:
        return self.name

    def parse(
        self, raw: bytes, *, prefixes: Collection[str], shapes: Sequence[KeyShape]
    ) -> Credential:
        return parse_key(raw, prefixes=prefixes, shapes=shapes)

    def challenge(self, realm: str) -> str:
        return f'ApiKey realm="{realm}"'


@dataclass(frozen=True, slots=True)
class Bearer:
    """``Authorization: Bearer <key>`` (RFC 6750); the scheme matches in any case."""

    label: str = field(default="Bearer", init=False)
    scheme: str = field(default="bearer", init=False, repr=False, compare=False)
    shown: str = field(default="Bearer ***", init=False, repr=False, compare=False)
    meta_key: str = field(default="HTTP_AUTHORIZATION", init=False, repr=False, compare=False)

    def parse(
        self, raw: bytes, *, prefixes: Collection[str], shapes: Sequence[KeyShape]
    ) -> Credential:
        return parse_key(raw, prefixes=prefixes, shapes=shapes)

    def challenge(self, realm: str) -> str:
        return f'Bearer realm="{realm}"'


@dataclass(frozen=True, slots=True)
class Basic:
    """``Authorization: Basic base64(token_id:secret)`` (RFC 7617), in strict base64."""

    label: str = field(default="Basic", init=False)
    scheme: str = field(default="basic", init=False, repr=False, compare=False)
    shown: str = field(default="Basic ***", init=False, repr=False, compare=False)
    meta_key: str = field(default="HTTP_AUTHORIZATION", init=False, repr=False, compare=False)

    def parse(
        self, raw: bytes, *, prefixes: Collection[str], shapes: Sequence[KeyShape]
    ) -> Credential:
        if len(raw) > _LONGEST_BASIC:
            raise MalformedCredentialError("too long")
        try:
            decoded = base64.b64decode(raw, validate=True)
        except binascii.Error:
            raise MalformedCredentialError("base64") from None
        # One spelling per credential: base64 ignores unused bits of the last character.
        if base64.b64encode(decoded) != raw:
            raise MalformedCredentialError("base64")
        token_id, colon, secret = decoded.partition(b":")
        if not colon:
            raise MalformedCredentialError("colon")
        return parse_pair(token_id, secret, shapes=shapes)

    def challenge(self, realm: str) -> str:
        return f'Basic realm="{realm}", charset="UTF-8"'


def security_of(carrier: Carrier) -> dict[str, Any]:
    """Return the security scheme of a carrier, as OpenAPI 3 writes it."""
    match carrier:
        case Header():
            return {"type": "apiKey", "in": "header", "name": carrier.name}
        case Bearer():
            return {"type": "http", "scheme": "bearer"}
        case Basic():
            description = "Token id as user name, secret as password."
            return {"type": "http", "scheme": "basic", "description": description}
    return {"type": "apiKey", "in": "header", "name": carrier.label}


def header_name(meta_key: str) -> str:
    """Return the name of a header, as Django's ``request.headers`` spells it: ``X-Api-Key``.

    Args:
        meta_key: its key in ``request.META``.
    """
    return meta_key.removeprefix("HTTP_").replace("_", "-").title()


def by_header(carriers: Iterable[Carrier]) -> dict[str, dict[str, Carrier]]:
    """Return the carriers by the key of their header in ``request.META``, then by scheme."""
    found: dict[str, dict[str, Carrier]] = {}
    for carrier in carriers:
        found.setdefault(carrier.meta_key, {}).setdefault(carrier.scheme, carrier)
    return found


def bare(raw: bytes) -> bytes:
    """Return a header's value without the blanks around it, which are no part of it."""
    return raw.strip(_BLANKS)


def bringer(schemes: Mapping[str, Carrier], raw: bytes) -> Carrier | None:
    """Return which carrier, of those of one header, reads its value; None where none does.

    Args:
        schemes: the carriers by scheme.
        raw: the value, bare.
    """
    if (own := schemes.get("")) is not None:
        return own
    scheme, *_rest = raw.split(None, 1) or [b""]
    return schemes.get(scheme.lower().decode("latin-1"))


def credential_in(carrier: Carrier, raw: bytes) -> bytes:
    """Return what stands behind the carrier's scheme in a header's value."""
    return bare(raw[len(carrier.scheme) :]) if carrier.scheme else raw


def take(
    headers: Mapping[str, Mapping[str, Carrier]], meta: MutableMapping[str, Any]
) -> list[tuple[Carrier, bytes]]:
    """Take the credentials out of a request; return each with the carrier that brings it.

    A header that hides its secret is left in the place of each that was read, and can be taken
    again. One that brings several credentials is told from one that brings one: it counts as two,
    however many there are.

    Args:
        headers: the carriers, as ``by_header`` returns them.
        meta: the WSGI environ, which is changed.
    """
    return _read(headers, meta, meta)


def peek(
    headers: Mapping[str, Mapping[str, Carrier]], meta: Mapping[str, Any]
) -> list[tuple[Carrier, bytes]]:
    """Return what ``take`` would, and leave the credentials where they are."""
    return _read(headers, meta, None)


def _read(
    headers: Mapping[str, Mapping[str, Carrier]],
    meta: Mapping[str, Any],
    withhold_in: MutableMapping[str, Any] | None,
) -> list[tuple[Carrier, bytes]]:
    found: list[tuple[Carrier, bytes]] = []
    for key, schemes in headers.items():
        value = meta.get(key)
        if value is None:
            continue
        withheld = isinstance(value, WithheldHeader)
        # WSGI hands headers over as Latin-1 text (PEP 3333), test clients hand over any text.
        raw = value.raw if withheld else bare(value.encode("latin-1", "replace"))
        carrier = bringer(schemes, raw)
        if carrier is None:
            continue
        if withhold_in is not None and not withheld:
            withhold_in[key] = WithheldHeader(carrier.shown, raw)
        raw = credential_in(carrier, raw)
        found.append((carrier, raw))
        # No credential contains a comma: the header was sent twice, and a server joined the two.
        if b"," in raw:
            found[-1:] = [(carrier, part) for part in raw.split(b",", 1)]
    return found
