"""Whether a credential may be a key of any dialect: one judge for whoever asks before it is proven.

Broad for keys: mistyped, cut off, in another case, in quotes, percent-encoded or inside other words
they count as well. What others send by the same header stays theirs: a JWT, an opaque token, a name
with a password. No I/O; knows no models and no requests.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from apikeys import dialects, pasted
from apikeys.credentials.carriers import Basic, Carrier
from apikeys.credentials.keys import KeyShape, MalformedCredentialError, Mistyped
from apikeys.credentials.readings import readings
from apikeys.dialects import Dialect

__all__ = ["may_be_key"]

_AROUND: Final = " \t\"'"
# Anybody can send a long one: beyond this, a prefix with a key behind it is looked for, no more.
_LONGEST: Final = 2_048
_NO_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]")
# Other schemes' tokens are one word of these letters (RFC 6750, section 2.1): inside one no prefix
# is looked for.
_INSIDE: Final = r"[\w.~+/-]"
# Compact JWS and JWE, whose header is JSON (RFC 7515, RFC 7516): what others bring most often.
_JWT: Final = re.compile(r"(?:\w+ +)?eyJ[\w-]*(?:\.[\w-]*){2,4}", re.ASCII)


class _Known(NamedTuple):
    dialects: Mapping[str, Dialect]
    prefixes: frozenset[str]
    shapes: tuple[KeyShape, ...]
    # A prefix, and a prefix with more behind it than names and words have.
    start: re.Pattern[str]
    long: re.Pattern[str]


_built: _Known | None = None


def may_be_key(carrier: Carrier | None, credential: bytes) -> bool:
    """Whether a credential may be a key, good or bad.

    Args:
        carrier: what brings it; None for a scheme that no dialect reads.
        credential: what stands behind the scheme; without a carrier the whole value.
    """
    known = _known()
    if carrier is not None and _is_read(carrier, credential, known):
        return True
    text = credential.decode("latin-1")
    if not isinstance(carrier, Basic):
        if _JWT.fullmatch(text):
            return False
        # Alone behind its scheme a prefix is enough; a name or another word may begin with one.
        return _holds_key(text, known.long if carrier is None else known.start, known)
    pair, broken = _decoded(credential)
    if broken and (_begins_with_id(pair) or _holds_key(text, known.long, known)):
        return True
    return _holds_key(pair, known.long, known)


def _is_read(carrier: Carrier, credential: bytes, known: _Known) -> bool:
    try:
        carrier.parse(credential, prefixes=known.prefixes, shapes=known.shapes)
    except MalformedCredentialError:
        return False
    return True


def _decoded(credential: bytes) -> tuple[str, bool]:
    """Return what base64 stands for, and whether there is a mistake in it."""
    try:
        return base64.b64decode(credential, validate=True).decode("latin-1"), False
    except binascii.Error:
        letters = _NO_BASE64.sub(b"", credential)
        whole = letters[: len(letters) // 4 * 4]
        return base64.b64decode(whole).decode("latin-1"), True


def _begins_with_id(pair: str) -> bool:
    """Whether a broken pair, which nobody else can use either, begins with a token id."""
    token_id, _, secret = pair.partition(":")
    return bool(secret) and pasted.is_token_id(token_id)


def _holds_key(text: str, prefixed: re.Pattern[str], known: _Known) -> bool:
    if len(text) > _LONGEST and known.long.search(text):
        return True
    text = text[:_LONGEST]
    for reading in readings(text, _LONGEST):
        if prefixed.search(reading) or _is_pair(reading, known):
            return True
    return pasted.without_secrets(text, sure=True) != text


def _is_pair(text: str, known: _Known) -> bool:
    for sign in ":_":
        token_id, _, secret = text.strip(_AROUND).partition(sign)
        if any(shape.match(token_id, secret) for shape in known.shapes):
            return True
    return False


def _known() -> _Known:
    global _built
    every = dialects.all_dialects()
    if _built is None or _built.dialects is not every:
        prefixes = frozenset().union(*(one.accepted_prefixes for one in every.values()))
        shapes = dict.fromkeys(shape for one in every.values() for shape in one.accepted_key_shapes)
        names = "|".join(sorted(map(re.escape, filter(None, prefixes)), key=len, reverse=True))
        start = rf"(?<!{_INSIDE})(?:{names or '(?!)'})_"
        _built = _Known(
            every,
            prefixes,
            tuple(map(Mistyped.of, shapes)),
            re.compile(start, re.IGNORECASE),
            re.compile(rf"{start}[A-Za-z0-9_]{{20,}}", re.IGNORECASE),
        )
    return _built
