"""The cached mode: which credentials were accepted, and the rows they proved.

Keys are digests under a key of this process, so no secret is kept. An entry holds while the epoch
is the one it was read under, thirty seconds at most, and ends with the token or the secret that it
proves. Address and transport are judged on every request; a refusal is never remembered.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone

from apikeys import dialects, epochs, verification
from apikeys.carriers import Carrier
from apikeys.dialects import Dialect
from apikeys.models import AccessToken
from apikeys.refusals import Refusal
from apikeys.verification import Accepted, Facts

LONGEST_SECONDS: Final = 30.0
LARGEST: Final = 10_000

# Under a key of this process; a copy of the begun digest is cheaper than beginning one.
_keyed: Final = hashlib.blake2b(key=secrets.token_bytes(32), digest_size=16)
# The view's dialect (another object once the settings are others), whether every dialect's tokens
# are accepted.
Accepting = tuple[Dialect, bool]
Key = tuple[bytes, str, Accepting]


def prove(
    carried: tuple[Carrier, bytes],
    accepting: Accepting,
    facts: Facts,
    judge: Callable[[tuple[Carrier, bytes], Facts], Accepted],
) -> AccessToken:
    """Return the token that a credential proves: from memory where that holds, else by ``judge``.

    Args:
        carried: the credential's bytes as they came, and the carrier that brought them.
        accepting: what the view accepts.
        facts: address, transport and origin of the request.
        judge: parses the credential, reads and judges the row; called where memory holds nothing.

    Raises:
        Refusal: the credential may not be used for this request; that is not remembered.
    """
    epoch = epochs.current()
    if epoch is None:
        return judge(carried, facts).token()
    key = _key(carried, accepting)
    try:
        value = epoch.read()  # before the row is
        proof = memory.get(key)
        if proof is not None and proof.holds(value):
            # Over TLS, from no foreign page and without lists there is nothing to refuse.
            if proof.networks or facts.foreign_origin or not facts.secure:
                proof.check(facts)
            return proof.accepted.token()
        epoch.check()
    except epochs.EpochUnavailableError:
        return judge(carried, facts).token()
    accepted = judge(carried, facts)
    if accepted.standing.lasts:
        memory.put(key, Proof.of(accepted, value))
    return accepted.token()


def _key(carried: tuple[Carrier, bytes], accepting: Accepting) -> Key:
    carrier, raw = carried
    keyed = _keyed.copy()
    keyed.update(raw)
    return keyed.digest(), carrier.label, accepting


@dataclass(frozen=True, slots=True)
class Proof:
    """That a credential was accepted.

    Attributes:
        epoch: what the epoch was before the row was read.
        until: when it is forgotten, of the monotonic clock.
        ends_at: when the token or the secret ends, None for never.
        networks: the lists of networks that the address must be in.
        dialect: the dialect of the token's workspace.
        accepted: the token.
    """

    epoch: bytes
    until: float
    ends_at: datetime | None
    networks: tuple[tuple[str, ...], ...]
    dialect: Dialect
    accepted: Accepted

    @classmethod
    def of(cls, accepted: Accepted, epoch: bytes) -> Proof:
        """Return the proof that a token was accepted, where the epoch was read before the row."""
        standing = accepted.standing
        ends = [standing.expires_at]
        if accepted.used_previous_secret:
            ends.append(standing.previous_expires_at)
        return cls(
            epoch=epoch,
            until=time.monotonic() + LONGEST_SECONDS,
            ends_at=min((end for end in ends if end is not None), default=None),
            networks=standing.networks,
            dialect=dialects.get(standing.dialect),
            accepted=accepted,
        )

    def holds(self, epoch: bytes) -> bool:
        """Whether it may still be used, under the epoch as it is now."""
        return (
            self.epoch == epoch
            and self.until > time.monotonic()
            and (self.ends_at is None or self.ends_at > timezone.now())
        )

    def check(self, facts: Facts) -> None:
        """Raise Refusal where a request of these facts may not use the token."""
        if reason := (
            verification.check_address(self.networks, facts)
            or verification.check_transport(self.dialect, facts)
        ):
            standing = self.accepted.standing
            raise Refusal(reason, token_id=standing.token_id, token_pk=standing.pk)


class Memory:
    """The proofs of one process, the oldest forgotten first."""

    def __init__(self) -> None:
        self._proofs: OrderedDict[Key, Proof] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Proof | None:
        """Return the proof kept under that key, whether or not it still holds."""
        return self._proofs.get(key)

    def put(self, key: Key, proof: Proof) -> None:
        """Keep a proof."""
        with self._lock:
            self._proofs[key] = proof
            self._proofs.move_to_end(key)
            while len(self._proofs) > LARGEST:
                self._proofs.popitem(last=False)

    def forget(self) -> None:
        """Empty the memory."""
        with self._lock:
            self._proofs.clear()


memory: Final = Memory()


def _renew_lock() -> None:
    """What another thread held at the fork would stay held in the child."""
    memory._lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)
