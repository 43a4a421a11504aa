"""Where in a request a credential travels: an own header, Bearer, HTTP Basic.

A carrier looks at the WSGI environ (``request.META``) and hands out raw bytes or a parsed
credential, and puts a header that shows itself without its secret in the place of the one that
came. Knows no models, no Django and no dialect.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from apikeys.credentials import (
    Credential,
    KeyShape,
    MalformedCredentialError,
    parse_key,
    parse_pair,
)

_TOKEN = re.compile(r"[A-Za-z0-9-]+")
_FORBIDDEN_HEADERS = frozenset({"cookie", "host", "authorization", "content-type", "origin"})
_LONGEST_BASIC = 1024


class AmbiguousCredentialError(ValueError):
    """One carrier holds two values: the header was sent twice and joined with a comma."""


class WithheldHeader(str):
    """A header's value that shows, prints and pickles without its secret; carriers still read it.

    Error pages, error reporters and logs print what a request carried.
    """

    __slots__ = ("raw",)
    raw: bytes

    def __new__(cls, shown: str, raw: bytes) -> WithheldHeader:
        header = super().__new__(cls, shown)
        header.raw = raw
        return header

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)


class Carrier(Protocol):
    """One way for a credential to travel."""

    @property
    def meta_key(self) -> str:
        """The key of its header in ``request.META``; without it the carrier is not asked."""

    @property
    def label(self) -> str:
        """How documentation calls it, such as ``X-API-Key`` or ``Bearer``."""

    def raw(self, meta: Mapping[str, Any]) -> bytes | None:
        """Return the credential's bytes, or None when this carrier is not used."""

    def withhold(self, meta: MutableMapping[str, Any]) -> None:
        """Put a header that hides its secret in the place of the one that ``raw`` reads."""

    def parse(
        self, raw: bytes, *, prefixes: Collection[str], shapes: Sequence[KeyShape]
    ) -> Credential:
        """Parse what ``raw`` returned, or raise MalformedCredentialError."""

    def challenge(self, realm: str) -> str:
        """Return the value of ``WWW-Authenticate`` (RFC 9110, section 11.6.1)."""


@dataclass(frozen=True, slots=True)
class Header:
    """A header of its own, such as ``X-API-Key: <key>``; its name matches in any case.

    Raises:
        ValueError: the name is not a header name, or one that already means something else.
    """

    name: str = "X-API-Key"
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

    def raw(self, meta: Mapping[str, Any]) -> bytes | None:
        value = meta.get(self.meta_key)
        return None if value is None else _single(_bytes(value))

    def withhold(self, meta: MutableMapping[str, Any]) -> None:
        if (value := meta.get(self.meta_key)) is not None:
            meta[self.meta_key] = WithheldHeader("***", _bytes(value))

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
    meta_key: str = field(default="HTTP_AUTHORIZATION", init=False, repr=False, compare=False)

    def raw(self, meta: Mapping[str, Any]) -> bytes | None:
        return _authorization(meta, "bearer")

    def withhold(self, meta: MutableMapping[str, Any]) -> None:
        _withhold_authorization(meta, "bearer", "Bearer ***")

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
    meta_key: str = field(default="HTTP_AUTHORIZATION", init=False, repr=False, compare=False)

    def raw(self, meta: Mapping[str, Any]) -> bytes | None:
        return _authorization(meta, "basic")

    def withhold(self, meta: MutableMapping[str, Any]) -> None:
        _withhold_authorization(meta, "basic", "Basic ***")

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


def _authorization(meta: Mapping[str, Any], wanted: str) -> bytes | None:
    value = meta.get("HTTP_AUTHORIZATION")
    if value is None or value.partition(" ")[0].lower() != wanted:
        return None
    return _single(_bytes(value).partition(b" ")[2].strip(b" "))


def _withhold_authorization(meta: MutableMapping[str, Any], scheme: str, shown: str) -> None:
    value = meta.get("HTTP_AUTHORIZATION")
    if value is not None and value.partition(" ")[0].lower() == scheme:
        meta["HTTP_AUTHORIZATION"] = WithheldHeader(shown, _bytes(value))


def _bytes(value: str) -> bytes:
    if isinstance(value, WithheldHeader):
        return value.raw
    # WSGI hands headers over as Latin-1 text (PEP 3333); test clients may hand over any text.
    return value.encode("latin-1", "replace")


def _single(raw: bytes) -> bytes:
    # A server joins repeated headers with a comma, which no credential contains.
    if b"," in raw:
        raise AmbiguousCredentialError
    return raw
