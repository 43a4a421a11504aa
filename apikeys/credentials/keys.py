"""Token text: make it and parse it.

The one-string form is ``<prefix>_<token_id>_<secret>``; over HTTP Basic the same token is
``token_id:secret``. The secret ends in a CRC-32 over id and secret where the shape asks for it:
scanners and typing errors are told offline, it is no security. Knows no models and no HTTP.
"""

from __future__ import annotations

import math
import re
import secrets
import string
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
HEX: Final = "0123456789abcdef"

LONGEST_KEY: Final = 256
CHECKSUM_LENGTH: Final = 6
MINIMUM_SECRET_BITS: Final = 128

# Two digits at once: every request checks a checksum.
_PAIRS: Final = [high + low for high in BASE62 for low in BASE62]


class MalformedCredentialError(ValueError):
    """The text can't be a credential of any accepted shape. Carries no part of it."""


class Credential(NamedTuple):
    """A parsed credential. ``prefix`` is None when the carrier has none (HTTP Basic)."""

    token_id: str
    secret: str
    prefix: str | None = None

    def __repr__(self) -> str:
        return f"Credential(token_id={self.token_id!r}, secret=***, prefix={self.prefix!r})"


@dataclass(frozen=True, slots=True)
class KeyShape:
    """Alphabets and lengths of the two random parts of a token.

    Args:
        id_length: characters of the public token id.
        secret_length: random characters of the secret, the checksum not counted.
        alphabet: characters both parts are drawn from.
        checksum: whether six characters of CRC-32 follow the secret.

    Raises:
        ValueError: the secret would carry under 128 random bits.
    """

    id_length: int = 16
    secret_length: int = 43
    alphabet: str = BASE62
    checksum: bool = True
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9]+", self.alphabet):
            raise ValueError("The alphabet of a key shape is made of ASCII letters and digits.")
        bits = self.secret_length * math.log2(len(set(self.alphabet)))
        if bits < MINIMUM_SECRET_BITS:
            raise ValueError(f"A secret needs {MINIMUM_SECRET_BITS} random bits, not {bits:.0f}.")
        if not 6 <= self.id_length <= 64:
            raise ValueError("A token id has 6 to 64 characters.")
        tail = f"[A-Za-z0-9]{{{CHECKSUM_LENGTH}}}" if self.checksum else ""
        letters = f"[{self.alphabet}]{{{self.id_length + self.secret_length}}}"
        object.__setattr__(self, "_pattern", re.compile(letters + tail))

    def new_id(self) -> str:
        """Return a new token id from the system's random source."""
        return "".join(secrets.choice(self.alphabet) for _ in range(self.id_length))

    def new_secret(self, token_id: str) -> str:
        """Return a new secret for that id from the system's random source."""
        secret = "".join(secrets.choice(self.alphabet) for _ in range(self.secret_length))
        return secret + _checksum(token_id + secret) if self.checksum else secret

    def fits(self, token_id: str) -> bool:
        """Whether the id could be one of this shape."""
        return len(token_id) == self.id_length and set(token_id) <= set(self.alphabet)

    def match(self, token_id: str, secret: str) -> bool:
        """Whether the two are a token id and a secret of exactly this shape."""
        text = token_id + secret
        if len(token_id) != self.id_length or self._pattern.fullmatch(text) is None:
            return False
        return not self.checksum or _checksum(text[:-CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:]


class Mistyped(KeyShape):
    """A shape that forgives a typing error in the secret: one letter may be any other sign."""

    __slots__ = ()

    @classmethod
    def of(cls, shape: KeyShape) -> Mistyped:
        """Return the shape of keys that look like those of another."""
        return cls(shape.id_length, shape.secret_length, shape.alphabet, shape.checksum)

    def match(self, token_id: str, secret: str) -> bool:
        length = self.secret_length + (CHECKSUM_LENGTH if self.checksum else 0)
        letters = BASE62 if self.checksum else self.alphabet
        wrong = sum(letter not in letters for letter in secret)
        return self.fits(token_id) and len(secret) == length and wrong <= 1


def api_key(prefix: str, token_id: str, secret: str) -> str:
    """Return the one-string form; an empty prefix leaves no leading underscore."""
    return "_".join(part for part in (prefix, token_id, secret) if part)


def parse_key(raw: bytes, *, prefixes: Collection[str], shapes: Sequence[KeyShape]) -> Credential:
    """Parse the one-string form, strictly and before any other work.

    Args:
        raw: the bytes as they arrived.
        prefixes: the accepted prefixes; ``""`` accepts a key without one.
        shapes: the accepted shapes, the present one first.

    Raises:
        MalformedCredentialError: in every other case.
    """
    if len(raw) > LONGEST_KEY:
        raise MalformedCredentialError("too long")
    # Latin-1 decodes any byte, and what is not ASCII then matches no prefix and no shape.
    match raw.decode("latin-1").rsplit("_", 2):
        case [prefix, token_id, secret] if prefix:
            pass
        case [token_id, secret]:
            prefix = ""
        case _:
            raise MalformedCredentialError("parts")
    if prefix not in prefixes:
        raise MalformedCredentialError("prefix")
    return Credential(*_fitting(token_id, secret, shapes), prefix)


def parse_pair(token_id: bytes, secret: bytes, *, shapes: Sequence[KeyShape]) -> Credential:
    """Parse user-id and password of HTTP Basic (RFC 7617).

    Raises:
        MalformedCredentialError: the two are not a token id and a secret of an accepted shape.
    """
    if len(token_id) + len(secret) > LONGEST_KEY:
        raise MalformedCredentialError("too long")
    return Credential(*_fitting(token_id.decode("latin-1"), secret.decode("latin-1"), shapes))


def _fitting(token_id: str, secret: str, shapes: Sequence[KeyShape]) -> tuple[str, str]:
    for shape in shapes:
        if shape.match(token_id, secret):
            return token_id, secret
    raise MalformedCredentialError("shape")


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode("ascii"))
    rest, last = divmod(number, len(_PAIRS))
    first, middle = divmod(rest, len(_PAIRS))
    return _PAIRS[first] + _PAIRS[middle] + _PAIRS[last]
