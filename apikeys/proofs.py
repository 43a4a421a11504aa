"""The cached mode: which credentials were accepted, and the rows they proved.

Keys are digests under a key of this process, so no secret is kept. An entry holds while the epoch
is the one it was read under, thirty seconds at most, and ends with the token or the secret that it
proves. Address and transport are judged on every request; a refusal is never remembered.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone

from apikeys import conf, epochs, verification
from apikeys.dialects import Dialect
from apikeys.models import AccessToken
from apikeys.refusals import Refusal
from apikeys.verification import Accepted, Facts

LONGEST_SECONDS: Final = 30.0
LARGEST: Final = 10_000

# Under a key of this process; a copy of the begun digest is cheaper than beginning one.
_keyed: Final = hashlib.blake2b(key=secrets.token_bytes(32), digest_size=16)
Key = tuple[bytes, tuple[object, ...]]


def verify(
    raw: bytes, *, read_as: tuple[object, ...], facts: Facts, look_up: Callable[[], Accepted]
) -> AccessToken:
    """Return the token that these bytes prove: from memory where that holds, else by ``look_up``.

    Args:
        raw: the credential as it came.
        read_as: what else decides which token the bytes mean, if any: carrier and dialects.
        facts: address, transport and origin of the request.
        look_up: parses the bytes and judges them.

    Raises:
        Refusal: with the true reason.
    """
    epoch = epochs.current()
    if epoch is None:
        return look_up().token()
    try:
        value = epoch.read()
    except epochs.EpochUnavailableError:
        return look_up().token()
    keyed = _keyed.copy()
    keyed.update(raw)
    key = (keyed.digest(), read_as)
    proof = memory.recall(key, value)
    if proof is not None:
        return proof.use(facts)
    epoch.check()
    accepted = look_up()
    memory.remember(key, value, accepted)
    return accepted.token()


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
        accepted: the token.
    """

    epoch: bytes
    settings: conf.Settings
    until: float
    ends_at: datetime | None
    networks: tuple[tuple[str, ...], ...]
    dialect: Dialect
    accepted: Accepted

    @classmethod
    def of(cls, accepted: Accepted, epoch: bytes) -> Proof:
        """Return the proof that a token was accepted, where the epoch was read before the row."""
        token: AccessToken = accepted.row.pattern
        ends = [token.expires_at]
        if accepted.used_previous_secret:
            ends.append(token.previous_expires_at)
        lists = (token.allowed_networks, token.organization.allowed_networks)
        return cls(
            epoch=epoch,
            settings=conf.get(),
            until=time.monotonic() + LONGEST_SECONDS,
            ends_at=min((end for end in ends if end is not None), default=None),
            networks=tuple(tuple(allowed) for allowed in lists if allowed),
            dialect=token.workspace.speaks,
            accepted=accepted,
        )

    def use(self, facts: Facts) -> AccessToken:
        """Return the token; raises Refusal where a request of these facts may not have it."""
        if reason := (
            verification.check_address(self.networks, facts)
            or verification.check_transport(self.dialect, facts)
        ):
            token: AccessToken = self.accepted.row.pattern
            raise Refusal(reason, token_id=token.token_id, token_pk=token.pk)
        return self.accepted.token()


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

    def remember(self, key: Key, epoch: bytes, accepted: Accepted) -> None:
        """Keep that the credential proves this row; ``epoch`` was read before the row was."""
        proof = Proof.of(accepted, epoch)
        with self._lock:
            self._proofs[key] = proof
            while len(self._proofs) > LARGEST:
                self._proofs.popitem(last=False)

    def forget(self) -> None:
        """Empty the memory."""
        with self._lock:
            self._proofs.clear()


memory: Final = Memory()
