"""The cached mode's memory: which credentials were proven, and the rows they proved.

Keys are digests under a key of this process, so no secret is kept. An entry holds while the epoch
is the one it was read under, and for thirty seconds at most. Only the row and the comparison of
the secret are remembered: state, address and transport are judged on every request.
"""

from __future__ import annotations

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


class Proof(NamedTuple):
    """One entry; ``until`` is of the monotonic clock."""

    epoch: bytes
    until: float
    token: AccessToken


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
        return _copy_of_token(proof.token)

    def remember(self, credential: Credential, epoch: bytes, token: AccessToken) -> None:
        """Keep a copy of the row; ``epoch`` was read before the row was."""
        proof = Proof(epoch, time.monotonic() + LONGEST_SECONDS, _copy_of_token(token))
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


def _copy_of_token(token: AccessToken) -> AccessToken:
    """Copy the row and what is joined to it: a view may change what it is handed."""
    copied: AccessToken = _copy(token)
    workspace = _copy(token.workspace)
    workspace._state.fields_cache["organization"] = _copy(token.workspace.organization)
    copied._state.fields_cache["workspace"] = workspace
    copied._state.fields_cache["owner"] = None if token.owner is None else _copy(token.owner)
    return copied


def _copy(instance: Any) -> Any:
    copied: models.Model = instance.__class__.__new__(instance.__class__)
    copied.__dict__.update(instance.__dict__)
    for name, value in instance.__dict__.items():
        if isinstance(value, (list, dict)):
            copied.__dict__[name] = value.copy()
    state = copied._state = ModelState()
    state.adding, state.db = False, instance._state.db
    return copied


memory: Final = Memory()
