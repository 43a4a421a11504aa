"""The cached mode's memory: which credentials were proven, and the rows they proved.

Keys are digests under a key of this process, so no secret is kept. An entry holds while the epoch
is the one it was read under, and for thirty seconds at most. Only the row and the comparison of
the secret are remembered: state, address and transport are judged on every request.
"""

from __future__ import annotations

import copy
import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from typing import Any, Final, NamedTuple

from django.db import models
from django.db.models.base import ModelState

from apikeys.credentials import Credential
from apikeys.models import AccessToken

LONGEST_SECONDS: Final = 30.0
LARGEST: Final = 10_000

_process_key: Final = secrets.token_bytes(32)


class Mould:
    """A row and the rows joined to it, from which any number of copies are made.

    A view may change what it is handed, so that is always a copy. Which values can be changed,
    lists and dictionaries, is found out once.

    Args:
        instance: a model instance, which is not kept.
    """

    __slots__ = ("_class", "_db", "_flat", "_nested", "_related", "_values")

    def __init__(self, instance: models.Model) -> None:
        self._class = instance.__class__
        self._values = {name: v for name, v in vars(instance).items() if name != "_state"}
        changeable = {n: copy.deepcopy(v) for n, v in self._values.items() if _can_change(v)}
        self._values.update(changeable)
        self._nested = [n for n, v in changeable.items() if any(map(_can_change, _parts(v)))]
        self._flat = [name for name in changeable if name not in self._nested]
        self._db = instance._state.db
        self._related = {
            name: None if related is None else Mould(related)
            for name, related in instance._state.fields_cache.items()
        }

    def copy(self) -> Any:
        """Return an instance as complete as the one that was given."""
        instance = self._class.__new__(self._class)
        values = vars(instance)
        values.update(self._values)
        for name in self._flat:
            values[name] = values[name].copy()
        for name in self._nested:
            values[name] = copy.deepcopy(values[name])
        state = values["_state"] = ModelState()
        state.adding, state.db = False, self._db
        state.fields_cache = {}
        for name, mould in self._related.items():
            state.fields_cache[name] = None if mould is None else mould.copy()
        return instance


def _can_change(value: object) -> bool:
    return isinstance(value, (list, dict))


def _parts(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value


class Proof(NamedTuple):
    """One entry; ``until`` is of the monotonic clock."""

    epoch: bytes
    until: float
    token: Mould


class Memory:
    """The proofs of one process, the oldest forgotten first."""

    def __init__(self) -> None:
        self._proofs: OrderedDict[bytes, Proof] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, credential: Credential, epoch: bytes) -> AccessToken | None:
        """Return a copy of the row that this credential proved under this epoch, or None."""
        proof = self._proofs.get(_key(credential))
        if proof is None or proof.epoch != epoch or proof.until <= time.monotonic():
            return None
        token: AccessToken = proof.token.copy()
        return token

    def remember(self, credential: Credential, epoch: bytes, token: AccessToken) -> None:
        """Keep a copy of the row; ``epoch`` was read before the row was."""
        proof = Proof(epoch, time.monotonic() + LONGEST_SECONDS, Mould(token))
        with self._lock:
            self._proofs[_key(credential)] = proof
            while len(self._proofs) > LARGEST:
                self._proofs.popitem(last=False)

    def forget(self) -> None:
        """Empty the memory."""
        with self._lock:
            self._proofs.clear()


def _key(credential: Credential) -> bytes:
    text = f"{credential.prefix}:{credential.token_id}:{credential.secret}"
    return hashlib.blake2b(text.encode("ascii"), key=_process_key, digest_size=16).digest()


memory: Final = Memory()
