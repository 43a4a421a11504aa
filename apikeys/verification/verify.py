"""Verifies credentials: the token, or a ``Refusal`` with the true reason.

``prove`` finds the token whose secret matches; ``admit`` decides whether this request may use it.
One query, no writes, nothing cached. Knows no request: the edges hand in facts.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from apikeys import conf, networks
from apikeys.credentials import digests
from apikeys.credentials.keys import Credential
from apikeys.dialects import get as dialect_named
from apikeys.lookup.query import find
from apikeys.lookup.snapshots import Snapshot
from apikeys.models import AccessToken
from apikeys.refusals import Reason, Refusal
from apikeys.restrictions import Facts
from apikeys.verification.validity import Validity
from apikeys.verification.validity import of as validity_of

logger = logging.getLogger("apikeys.verification")


@dataclass(slots=True)
class Proven:
    """A row, and that a credential proves it; whether it may be used now is another question.

    Attributes:
        row: the token with workspace, organization and owner.
        validity: what the row says.
        used_previous_secret: the secret before the last rotation was presented.
    """

    row: Snapshot
    validity: Validity
    used_previous_secret: bool


def prove(
    credential: Credential, *, dialects: Collection[str], now: datetime | None = None
) -> Proven:
    """Return the row that the credential proves.

    Args:
        credential: what the request carries, parsed.
        dialects: names of the dialects whose tokens are accepted here.
        now: the moment to judge; when not given the application's clock, which is looked at only
            where something ends.

    Raises:
        Refusal: with the true reason.
    """
    row = find(credential.token_id)
    if row is None:
        digests.is_of(digests.stand_in(), credential.token_id, credential.secret)
        raise Refusal(Reason.UNKNOWN)
    validity = validity_of(row)
    used_previous = _is_previous(validity, credential, now)
    if reason := _check_dialect(validity, credential, dialects):
        raise _refusal(reason, validity)
    return Proven(row, validity, used_previous)


def admit(proven: Proven, facts: Facts, now: datetime | None = None) -> AccessToken:
    """Return an instance of a proven token, usable at this moment and by this request.

    Args:
        proven: of this request, or remembered.
        facts: address, transport and origin of the request.
        now: as ``prove``.

    Raises:
        Refusal: with the true reason.
    """
    validity = proven.validity
    # Most requests need neither of the two that are left out here, and every request pays.
    plain = facts.secure and not facts.foreign_origin
    if reason := (
        (_check_address(validity.networks, facts) if validity.networks else None)
        or validity.refusal_reason(now)
        or (None if plain else _check_transport(validity.dialect, facts))
    ):
        raise _refusal(reason, validity)
    token: AccessToken = proven.row.copy()
    if proven.used_previous_secret:
        token.used_previous_secret = True
    return token


def _refusal(reason: Reason, validity: Validity) -> Refusal:
    return Refusal(reason, token_id=validity.token_id, token_pk=validity.pk)


def _is_previous(validity: Validity, credential: Credential, now: datetime | None) -> bool:
    """Return whether the secret is the one before the last rotation.

    Raises:
        Refusal: it is neither that one nor the present one.
    """
    token_id, secret = credential.token_id, credential.secret
    matched = digests.is_of(validity.digest, token_id, secret)
    previous = False
    if validity.has_overlap(now):
        previous = digests.is_of(validity.previous_digest, token_id, secret)
    if not (matched or previous):
        version = digests.pepper_version(validity.digest)
        if version is not None and version not in conf.get().peppers:
            logger.error("pepper missing version=%d token_id=%s", version, validity.token_id)
        raise Refusal(Reason.WRONG_SECRET, token_id=validity.token_id)
    return previous and not matched


def _check_dialect(
    validity: Validity, credential: Credential, dialects: Collection[str]
) -> Reason | None:
    if validity.dialect not in dialects:
        return Reason.OTHER_DIALECT
    dialect = dialect_named(validity.dialect)
    if not dialect.accepts_prefix(credential.prefix, validity.environment):
        return Reason.OTHER_DIALECT
    return None


def _check_address(lists: Iterable[Sequence[str]], facts: Facts) -> Reason | None:
    for allowed in lists:
        if not networks.contains(allowed, facts.address):
            return Reason.ADDRESS_NOT_ALLOWED
    return None


def _check_transport(dialect: str, facts: Facts) -> Reason | None:
    if not facts.secure and conf.get().require_https:
        return Reason.PLAIN_HTTP
    if facts.foreign_origin and dialect_named(dialect).foreign_origins == "refuse":
        return Reason.FOREIGN_ORIGIN
    return None
