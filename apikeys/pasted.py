"""API keys inside texts that people paste: find them and cut each to its token id.

What a key looks like is said by the dialects: their shapes, their prefixes, and the pair of HTTP
Basic. A secret must reach no address, page, log or audit event, so one that was mistyped, cut off
or wrapped by a mail program counts as well. Knows texts only: no models and no requests.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

from apikeys import dialects
from apikeys.credentials.keys import CHECKSUM_LENGTH, KeyShape
from apikeys.credentials.readings import plain, readings
from apikeys.dialects import Dialect

WITHHELD: Final = "***"
# What is longer is no search; the rest is dropped unread.
LONGEST_TEXT: Final = 65_536
_ROUNDS: Final = 8
# Secrets and ids that stand apart are tried in pairs: few of each, or a long text costs seconds.
_MOST_ALONE: Final = 20

_LETTER: Final = "[A-Za-z0-9]"
_LEFT: Final = f"(?<!{_LETTER})"
_RIGHT: Final = f"(?!{_LETTER})"
# Line breaks of mails: plain, quoted ("> "), quoted-printable ("="), hyphenated.
_GAP: Final = re.compile(r"[=\-\u2010]\r?\n|[\s>\\]+")
# Base64 of letters, digits, "_" and ":" has none of its signs.
_ENCODED: Final = re.compile(rf"{_LEFT}{_LETTER}{{18,}}={{0,2}}")


class Cut(NamedTuple):
    """A text without the secrets that were in it, and the id of the first key; "" for none."""

    text: str
    token_id: str = ""


class _Key(NamedTuple):
    start: int
    end: int
    token_id: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class _Looks:
    """What keys of one shape look like."""

    shape: KeyShape
    prefixes: tuple[str, ...]
    length: int = field(init=False)
    prefixed: re.Pattern[str] | None = field(init=False)
    bare: re.Pattern[str] = field(init=False)
    wrapped: re.Pattern[str] = field(init=False)
    lone: re.Pattern[str] = field(init=False)
    pair: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        shape = self.shape
        set_ = object.__setattr__
        length = shape.secret_length + (CHECKSUM_LENGTH if shape.checksum else 0)
        folded = "" if self._cased() else "(?i)"
        drawn = f"[{shape.alphabet}]"
        letter = _LETTER if shape.checksum else drawn
        token_id = f"({drawn}{{{shape.id_length}}})"
        names = "|".join(sorted(map(re.escape, self.prefixes), key=len, reverse=True))
        set_(self, "length", length)
        set_(
            self,
            "prefixed",
            re.compile(rf"{folded}{_LEFT}(?:(?i:{names}))_{token_id}[_:]({_LETTER}+)")
            if names
            else None,
        )
        # A third of the secret: fewer letters are a name with an underscore, and harmless.
        few = -(-length // 3)
        set_(self, "bare", re.compile(rf"{folded}{_LEFT}{token_id}[_:]({letter}{{{few},}})"))
        set_(
            self,
            "wrapped",
            re.compile(rf"{folded}((?i:{names or '(?!)'})_)?{token_id}[_:]({letter}{{{length}}})"),
        )
        set_(self, "pair", re.compile(rf"{folded}{token_id}:({_LETTER}+)"))
        set_(self, "lone", re.compile(rf"{folded}{_LEFT}({letter}{{{length}}}){_RIGHT}"))

    def _cased(self) -> bool:
        return any(
            c.swapcase() != c and c.swapcase() in self.shape.alphabet for c in self.shape.alphabet
        )

    def exact(self, text: str) -> str:
        """Return the text in the case of the alphabet, where that has one case only."""
        alphabet = self.shape.alphabet
        if self._cased():
            return text
        return text.lower() if alphabet.lower() == alphabet else text.upper()

    def is_genuine(self, token_id: str, secret: str) -> bool:
        """Whether the two can hardly be anything but a token's."""
        rare = self.shape.checksum or len(self.shape.alphabet) <= 16
        return rare and self.shape.match(self.exact(token_id), self.exact(secret))


class _Known(NamedTuple):
    dialects: Mapping[str, Dialect]
    looks: tuple[_Looks, ...]
    # Nothing that is searched for is in a text without this.
    sign: re.Pattern[str]


_built: _Known | None = None


def _looks() -> tuple[_Looks, ...]:
    return _known().looks


def _known() -> _Known:
    global _built
    known = dialects.all_dialects()
    if _built is None or _built.dialects is not known:
        by_shape: dict[KeyShape, set[str]] = {}
        for dialect in known.values():
            for shape in dialect.accepted_key_shapes:
                prefixes = by_shape.setdefault(shape, set())
                prefixes |= {prefix for prefix in dialect.accepted_prefixes if prefix}
        found = [_Looks(shape, tuple(sorted(prefixes))) for shape, prefixes in by_shape.items()]
        shortest = min(shape.id_length for shape in by_shape)
        # An id before its secret, base64 or a secret alone; and what stands for other letters.
        sign = rf"{_LETTER}{{{shortest}}}[_:]|{_LETTER}{{18}}|[%&\s>\\]|[^\x00-\x7f]"
        _built = _Known(known, tuple(found), re.compile(sign))
    return _built


def cut(text: str, *, sure: bool = False, lone: bool = True) -> Cut:
    """Return the text with each key in it cut to its token id.

    Args:
        text: what somebody typed or pasted; what is beyond ``LONGEST_TEXT`` is dropped.
        sure: take for a key only what can hardly be anything else, for texts that are kept, such
            as names. Else half a key is one, too.
        lone: withhold also what has the length and the letters of a secret, without an id.
    """
    first = ""
    text = text[:LONGEST_TEXT]
    if _known().sign.search(text) is None:
        return Cut(text)
    for _ in range(_ROUNDS):
        found = _cut_once(text, sure, lone)
        if found is None:
            return Cut(text, first)
        text, first = found.text, first or found.token_id
    return Cut(first or WITHHELD, first)


def without_secrets(text: str, *, sure: bool = False) -> str:
    """Return the text with each key in it cut to its token id, for lines of a log."""
    return cut(text, sure=sure, lone=False).text


def is_token_id(text: str) -> bool:
    """Whether the text has the shape of a whole token id."""
    return any(looks.shape.fits(text) for looks in _looks())


def id_start(text: str) -> str:
    """Return the beginning of a token id that the text may be; "" when it can be none.

    A known prefix before it and what stands for a secret after it (``fcms_a1b2c3d4_****``) are
    left out.
    """
    start = text.strip()
    prefixes = {prefix for looks in _looks() for prefix in looks.prefixes}
    known = [p for p in prefixes if start.lower().startswith(f"{p.lower()}_")]
    if known:
        start = start[len(max(known, key=len)) + 1 :]
    bare = start.rstrip("*•…._")
    if bare.endswith(":"):
        bare = bare[:-1]
    elif "_" not in start[len(bare) :]:
        bare = start
    if known or is_token_id(bare):
        start = bare
    return start if start.isascii() and start.isalnum() else ""


class NoSecrets(logging.Filter):
    """Cut API keys out of log lines, such as an address that somebody pasted one into.

    For a handler in Django's ``LOGGING``. Tracebacks are left as they are: they hold no values.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True: the line is written, and says only where it is from if it can't be read."""
        try:
            message = record.getMessage()
            shown = without_secrets(message)
        except Exception as error:
            # Raising would end the request; the handler's own report would show the values.
            place = f"{record.pathname}:{record.lineno}"
            record.msg = f"line of {place} withheld: {type(error).__name__}"
            record.args = None
            return True
        if shown != message:
            record.msg, record.args = shown, None
        return True


def _cut_once(text: str, sure: bool, lone: bool) -> Cut | None:
    direct = _direct(text, sure)
    if direct is None or not all(key.whole for key in direct[1]):
        # The rest of a key that was wrapped stands on the next line: the words around can't be
        # told from it, and go.
        squeezed = _GAP.sub("", unbroken := plain(text, LONGEST_TEXT))
        if squeezed != unbroken and (keys := list(_apart(_wrapped(squeezed, sure)))):
            return Cut(" ".join(key.token_id for key in keys), keys[0].token_id)
    if direct is not None:
        return _replaced(*direct)
    return _without_lone(text, sure) if lone or sure else None


def _direct(text: str, sure: bool) -> tuple[str, list[_Key]] | None:
    for reading in readings(text, LONGEST_TEXT):
        if keys := list(_apart(_keys(reading, sure))):
            return reading, keys
    return None


def _keys(text: str, sure: bool) -> Iterator[_Key]:
    yield from _written(text, sure)
    yield from _encoded(text, sure)


def _written(text: str, sure: bool) -> Iterator[_Key]:
    for looks in _looks():
        for found in looks.prefixed.finditer(text) if looks.prefixed else ():
            if not sure or len(found[2]) >= looks.length // 3:
                yield _key(looks, found)
        for found in looks.bare.finditer(text):
            if not sure or looks.is_genuine(found[1], found[2]):
                yield _key(looks, found)


def _key(looks: _Looks, found: re.Match[str]) -> _Key:
    whole = len(found[2]) >= looks.length
    return _Key(found.start(1), found.end(), looks.exact(found[1]), whole)


def _encoded(text: str, sure: bool) -> Iterator[_Key]:
    for found in _ENCODED.finditer(text):
        # Squeezed, the scheme stands right before it.
        for part in (found[0], re.sub("(?i)^basic", "", found[0])):
            if token_id := _decoded_id(part, sure):
                yield _Key(found.start(), found.end(), token_id)
                break


def _decoded_id(text: str, sure: bool) -> str:
    """Return the id of the key that a base64 text holds, such as HTTP Basic's."""
    bare = text.rstrip("=")
    if len(bare) % 4 == 1:
        bare = bare[:-1]  # cut off
    try:
        decoded = base64.b64decode(bare + "=" * (-len(bare) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    for looks in _looks():
        found = looks.pair.match(decoded)
        if found and (not sure or looks.is_genuine(found[1], found[2])):
            return looks.exact(found[1])
    return next((key.token_id for key in _written(decoded, sure)), "")


def _wrapped(text: str, sure: bool) -> Iterator[_Key]:
    for looks in _looks():
        for found in looks.wrapped.finditer(text):
            certain = looks.is_genuine(found[2], found[3])
            if certain or (found[1] and not (sure and looks.shape.checksum)):
                yield _Key(found.start(), found.end(), looks.exact(found[2]))
    yield from _encoded(text, sure)


def _without_lone(text: str, sure: bool) -> Cut | None:
    """Withhold secrets that stand alone; the id may stand beside, as in a file of variables."""
    ids = {looks.shape.id_length for looks in _looks()}
    words = plain(text, LONGEST_TEXT)
    for looks in _looks():
        if looks.length in ids:
            continue
        for found in islice(looks.lone.finditer(words), _MOST_ALONE):
            candidates = re.finditer(rf"{_LEFT}{_LETTER}{{{looks.shape.id_length}}}{_RIGHT}", words)
            fitting = [
                each[0]
                for each in islice(candidates, _MOST_ALONE)
                if looks.shape.fits(looks.exact(each[0]))
                and (not sure or looks.is_genuine(each[0], found[1]))
            ]
            if fitting or not sure:
                text = words[: found.start()] + WITHHELD + words[found.end() :]
                return Cut(text, looks.exact(fitting[0]) if fitting else "")
    return None


def _apart(keys: Iterable[_Key]) -> Iterator[_Key]:
    """Yield the keys from left to right, of those that overlap the longest."""
    end = -1
    for key in sorted(keys, key=lambda key: (key.start, -key.end)):
        if key.start >= end:
            end = key.end
            yield key


def _replaced(text: str, keys: list[_Key]) -> Cut:
    parts, end = [], 0
    for key in keys:
        parts += [text[end : key.start], key.token_id]
        end = key.end
    return Cut("".join([*parts, text[end:]]), keys[0].token_id)
