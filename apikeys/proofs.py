"""The cached mode: which credentials were accepted, and the rows they proved.

Keys are digests under a key of this process, so no secret is kept. An entry holds while the epoch
is the one it was read under, thirty seconds at most, and ends with the token or the secret that it
proves. Address and transport are judged on every request; a refusal is never remembered.
"""

from __future__ import annotations

import copy
import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import models
from django.db.models.base import ModelState
from django.utils import timezone

from apikeys import conf, epochs, verification
from apikeys.dialects import Dialect
from apikeys.models import AccessToken
from apikeys.refusals import Refusal
from apikeys.verification import Facts

LONGEST_SECONDS: Final = 30.0
LARGEST: Final = 10_000

# Under a key of this process; a copy of the begun digest is cheaper than beginning one.
_keyed: Final = hashlib.blake2b(key=secrets.token_bytes(32), digest_size=16)
Key = tuple[bytes, tuple[object, ...]]


def verify(
    raw: bytes, *, read_as: tuple[object, ...], facts: Facts, look_up: Callable[[], AccessToken]
) -> AccessToken:
    """Return the token that these bytes prove: from memory where that holds, else by ``look_up``.

    Args:
        raw: the credential as it came.
        read_as: what else decides which token the bytes mean, if any: carrier and dialects.
        facts: address, transport and origin of the request.
        look_up: parses and verifies the bytes.

    Raises:
        Refusal: with the true reason.
    """
    epoch = epochs.current()
    if epoch is None:
        return look_up()
    try:
        value = epoch.read()
    except epochs.EpochUnavailableError:
        return look_up()
    keyed = _keyed.copy()
    keyed.update(raw)
    key = (keyed.digest(), read_as)
    proof = memory.recall(key, value)
    if proof is not None:
        return proof.use(facts)
    epoch.check()
    token = look_up()
    memory.remember(key, value, token)
    return token


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
        instance = _new(self._class)
        values = instance.__dict__ = self._values.copy()
        for name in self._flat:
            values[name] = values[name].copy()
        for name in self._nested:
            values[name] = copy.deepcopy(values[name])
        related: dict[str, Any] = {}
        if self._related:
            related = _Related()
            related.moulds = self._related
        state = values["_state"] = _new(ModelState)
        state.__dict__ = {"adding": False, "db": self._db, "fields_cache": related}
        return instance


_new: Final = object.__new__


class _Related(dict[str, Any]):
    """The rows joined to a copy, each copied when it is first asked for.

    Django reads, sets, deletes, looks for and copies the entries of a state's ``fields_cache``.
    """

    __slots__ = ("moulds",)
    moulds: Mapping[str, Mould | None]

    def __missing__(self, name: str) -> Any:
        mould = self.moulds[name]
        copied = self[name] = None if mould is None else mould.copy()
        return copied

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self.moulds

    def __delitem__(self, name: str) -> None:
        self.moulds = {other: mould for other, mould in self.moulds.items() if other != name}
        self.pop(name, None)

    def copy(self) -> dict[str, Any]:
        """Return them all in a dictionary like any other; models are pickled with it."""
        return {**{name: self[name] for name in self.moulds}, **self}


def _can_change(value: object) -> bool:
    return isinstance(value, (list, dict))


def _parts(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value


@dataclass(frozen=True, slots=True)
class Proof:
    """That a credential was accepted.

    Attributes:
        epoch: what the epoch was before the row was read.
        settings: the settings it was judged under.
        until: when it is forgotten, of the monotonic clock.
        ends_at: when the token or the secret ends, None for never.
        networks: the lists of networks that the address must be in.
        dialect: the dialect of the token's workspace.
        token: the row.
    """

    epoch: bytes
    settings: conf.Settings
    until: float
    ends_at: datetime | None
    networks: tuple[tuple[str, ...], ...]
    dialect: Dialect
    token: Mould

    @classmethod
    def of(cls, token: AccessToken, epoch: bytes) -> Proof:
        """Return the proof that a token was accepted, where the epoch was read before it was."""
        ends = [token.expires_at, token.previous_expires_at if token.used_previous_secret else None]
        lists = (token.allowed_networks, token.organization.allowed_networks)
        return cls(
            epoch=epoch,
            settings=conf.get(),
            until=time.monotonic() + LONGEST_SECONDS,
            ends_at=min((end for end in ends if end is not None), default=None),
            networks=tuple(tuple(allowed) for allowed in lists if allowed),
            dialect=token.workspace.speaks,
            token=Mould(token),
        )

    def use(self, facts: Facts) -> AccessToken:
        """Return a copy of the token; raises Refusal where a request of these facts may not."""
        token: AccessToken = self.token.copy()
        if reason := (
            verification.check_address(self.networks, facts)
            or verification.check_transport(self.dialect, facts)
        ):
            raise Refusal(reason, token_id=token.token_id, token_pk=token.pk)
        return token


class Memory:
    """The proofs of one process, the oldest forgotten first."""

    def __init__(self) -> None:
        self._proofs: OrderedDict[Key, Proof] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, key: Key, epoch: bytes) -> Proof | None:
        """Return what is known of this credential under this epoch, or None."""
        proof = self._proofs.get(key)
        if (
            proof is not None
            and proof.epoch == epoch
            and proof.settings is conf.get()
            and proof.until > time.monotonic()
            and (proof.ends_at is None or proof.ends_at > timezone.now())
        ):
            return proof
        return None

    def remember(self, key: Key, epoch: bytes, token: AccessToken) -> None:
        """Keep that the credential proves this row; ``epoch`` was read before the row was."""
        proof = Proof.of(token, epoch)
        with self._lock:
            self._proofs[key] = proof
            while len(self._proofs) > LARGEST:
                self._proofs.popitem(last=False)

    def forget(self) -> None:
        """Empty the memory."""
        with self._lock:
            self._proofs.clear()


memory: Final = Memory()
