"""What is stored of a secret, and whether a secret is the one it was made of.

HMAC-SHA-256 under the newest pepper, or Argon2id where ``TOKEN_HASHER`` says so; digests of either
kind are compared, whatever is made now. Knows no models and no HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final

from apikeys import conf

SHOWN: Final = "***"
_SIGNED: Final = re.compile(r"hmac-sha256\$([0-9]{1,9})\$")
# Compared against when no row has the id, so that both answers take the same time.
_NOBODY: Final = "0" * 16


class Digest(str):
    """What is stored of a secret; it compares by that, and shows, prints and encodes as ``***``.

    An empty one shows that it is empty.

    Args:
        raw: what is stored.
    """

    __slots__ = ("raw",)
    raw: str

    def __new__(cls, raw: str) -> Digest:
        self = str.__new__(cls, SHOWN if raw else "")
        self.raw = text_of(raw)
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.raw == text_of(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.raw)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)

    def __deepcopy__(self, memo: object) -> Digest:
        return self


def text_of(digest: str) -> str:
    """Return what is stored, as plain text."""
    return digest.raw if isinstance(digest, Digest) else digest


def make(token_id: str, secret: str) -> Digest:
    """Return what is stored of a new secret, by the settings."""
    settings = conf.get()
    return Digest(_make(token_id, secret, settings.token_hasher, settings.peppers))


def is_of(stored: str, token_id: str, secret: str) -> bool:
    """Whether, in constant time, a stored digest is that of this id and secret."""
    stored = text_of(stored)
    if stored.startswith("$argon2"):
        from apikeys.credentials import argon2  # needs argon2-cffi, which is an extra

        return argon2.matches(token_id, secret, stored)
    return matches(token_id, secret, stored, conf.get().peppers)


def stand_in() -> str:
    """Return the digest of nobody's secret, as costly to compare with as any that is made now."""
    settings = conf.get()
    return _stand_in_for(settings.token_hasher, tuple(settings.peppers.items()))


@cache
def _stand_in_for(hasher: str, peppers: tuple[tuple[int, str], ...]) -> str:
    return _make(_NOBODY, _NOBODY, hasher, dict(peppers))


def _make(token_id: str, secret: str, hasher: str, peppers: Mapping[int, str]) -> str:
    if hasher == "argon2":
        from apikeys.credentials import argon2  # needs argon2-cffi, which is an extra

        return argon2.digest(token_id, secret)
    return digest(token_id, secret, peppers)


def digest(token_id: str, secret: str, peppers: Mapping[int, str]) -> str:
    """Return what is stored of a secret: HMAC-SHA-256 with the newest pepper.

    Binding the id keeps a digest from being moved to another row. Without peppers it is plain
    SHA-256, which 256 random bits make sufficient; ``check --deploy`` then warns.

    Returns:
        ``hmac-sha256$<pepper version>$<hex>`` or ``sha256$$<hex>``.
    """
    version = max(peppers, default=0)
    return _digest(token_id, secret, version, peppers.get(version))


def matches(token_id: str, secret: str, stored: str, peppers: Mapping[int, str]) -> bool:
    """Whether, in constant time, ``stored`` is the digest of this id and secret.

    A digest whose pepper is missing, or that is damaged, matches nothing, after the same work.
    """
    version = pepper_version(stored)
    pepper: str | None = None
    if version is not None:
        # A missing pepper: compare with a digest nobody can have stored.
        pepper = peppers.get(version, "missing pepper")
    computed = _digest(token_id, secret, version or 0, pepper)
    equal = hmac.compare_digest(computed.encode("ascii"), stored.encode())
    return equal and (version is None or version in peppers)


def pepper_version(stored: str) -> int | None:
    """Return the version of the pepper a stored digest needs; None for one without a pepper."""
    found = _SIGNED.match(text_of(stored))
    return None if found is None else int(found[1])


def _digest(token_id: str, secret: str, version: int, pepper: str | None) -> str:
    message = f"{token_id}:{secret}".encode("ascii")
    if pepper is None:
        return f"sha256$${hashlib.sha256(message).hexdigest()}"
    keyed = _keyed(pepper).copy()
    keyed.update(message)
    return f"hmac-sha256${version}${keyed.hexdigest()}"


@lru_cache(maxsize=16)
def _keyed(pepper: str) -> hmac.HMAC:
    # A copy of what is begun costs half of beginning anew.
    return hmac.new(pepper.encode(), digestmod="sha256")
