"""Argon2id digests of token secrets, for those whose policy demands them by name.

Used only when ``APIKEYS["TOKEN_HASHER"]`` is ``"argon2"``; needs argon2-cffi. A secret carries at
least 128 random bits, so this buys nothing against guessing and costs about 16 ms and 19 MiB for
each derivation. A successful derivation is remembered in this process's memory (never the verdict:
the row is read and judged on every request); an unknown id costs a derivation as well, so that
time tells nothing. Knows no models and no HTTP.
"""

from __future__ import annotations

import hmac
import os
import secrets
import threading
from collections import OrderedDict
from typing import Final

import argon2
from argon2.exceptions import VerifyMismatchError

PREFIX: Final = "$argon2id$"

# OWASP password storage cheat sheet: 19 MiB, two passes, one lane.
_HASHER: Final = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Each derivation holds 19 MiB: more at once than processors gains nothing and costs memory.
_AT_ONCE: Final = threading.BoundedSemaphore(max(1, os.cpu_count() or 1))
_REMEMBERED: Final = 10_000

_process_key: Final = secrets.token_bytes(32)
_memory: OrderedDict[bytes, None] = OrderedDict()
_lock: Final = threading.Lock()


def digest(token_id: str, secret: str) -> str:
    """Return the encoded Argon2id hash of id and secret."""
    with _AT_ONCE:
        return _HASHER.hash(f"{token_id}:{secret}")


def matches(token_id: str, secret: str, stored: str) -> bool:
    """Whether ``stored`` is the Argon2id hash of this id and secret.

    Raises:
        argon2.exceptions.VerificationError: it can't be told, for want of memory or because the
            hash is damaged. That is a fault and no mismatch.
    """
    message = f"{token_id}:{secret}"
    known = hmac.digest(_process_key, f"{message}:{stored}".encode(), "sha256")
    with _lock:
        if known in _memory:
            _memory.move_to_end(known)
            return True
    try:
        with _AT_ONCE:
            _HASHER.verify(stored, message)
    except VerifyMismatchError:
        return False
    with _lock:
        _memory[known] = None
        while len(_memory) > _REMEMBERED:
            _memory.popitem(last=False)
    return True


def forget() -> None:
    """Empty the memory of derivations; for tests."""
    with _lock:
        _memory.clear()
