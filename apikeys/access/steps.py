"""The steps of one request: begin, authenticate, authorize; and refuse, where one fails.

Each is a function of its own, since a framework may run them apart and put a host's rules between
them. ``limiting.charge`` comes last; ``checking`` runs them in order. Each raises a ``Refusal``
with the true reason.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from apikeys import conf, dialects, limits, networks, principals
from apikeys.access import proxy_hints
from apikeys.access.foreign import carries_key
from apikeys.access.incoming import Incoming
from apikeys.access.outages import is_outage
from apikeys.access.state import Access
from apikeys.credentials import carriers
from apikeys.credentials.carriers import Carrier
from apikeys.credentials.keys import MalformedCredentialError
from apikeys.dialects import Dialect
from apikeys.limits import Charge, Limit
from apikeys.models import AccessToken
from apikeys.refusals import FACES, Face, Reason, Refusal, retry_sentence
from apikeys.restrictions import Facts, Restriction
from apikeys.scopes import AnyOf, Requirement, missing
from apikeys.verification import epochs, memory, verify
from apikeys.verification.verify import Proven

_OBJECTIONS: Final = frozenset(range(400, 500)) - {401}


def begin(
    incoming: Incoming,
    dialect: str = "default",
    *,
    any_dialect: bool = False,
    leaves_foreign_bearer: bool = False,
) -> Access:
    """Take the credentials out of a request, before all else: whatever fails from here on, no page
    and no log shows the secret. No I/O.

    Args:
        incoming: the request, which is changed.
        dialect: the dialect whose carriers are read and whose words are spoken.
        any_dialect: accept tokens of every dialect.
        leaves_foreign_bearer: leave a Bearer text that can be no key, and comes alone, where it is:
            somebody else reads it.

    Raises:
        ImproperlyConfigured: there is no dialect of that name.
    """
    meta, spoken = incoming.meta, _dialect(dialect, incoming)
    browser = "HTTP_ORIGIN" in meta or "HTTP_SEC_FETCH_SITE" in meta
    access = Access(incoming, spoken, any_dialect, browser)
    if leaves_foreign_bearer and not carries_key(meta, dialect):
        access.left = access.carried = bool(meta.get("HTTP_AUTHORIZATION"))
    elif taken := carriers.take(spoken.carriers_by_header, meta):
        access.taken, access.carried = taken, True
        incoming.withhold_copies(taken)
    proxies = conf.get().trusted_proxies
    access.address = networks.client_address(meta, proxies)
    if access.address is None:
        proxy_hints.tell_of_unknown(meta, proxies)
    return access


def authenticate(access: Access) -> AccessToken | None:
    """Return the token whose secret the request carries; None without a credential.

    Asks the database, or the memory of the cached mode. Whether ``access.anonymous`` is enough
    without one is another question.
    """
    taken, access.taken = access.taken, ()
    if not taken:
        access.anonymous = _allows_anonymous(access)
        return None
    if len(taken) > 1:
        raise Refusal(Reason.AMBIGUOUS)
    [one] = taken
    proven = access.proven or _prove(access, one)
    dialect = access.dialect
    if access.any_dialect:  # the rules of a token are those of its own
        dialect = dialects.get(proven.validity.dialect)
    facts = _facts(access, dialect)
    token = verify.admit(proven, facts)
    if dialect.restrictions:
        _restrict(dialect, token, facts)
    access.user = _user(token)
    access.token = token
    return token


def memory_key(access: Access, carrier: Carrier) -> memory.Key:
    """Return what a credential, not yet taken away from the access, is remembered by.

    Args:
        access: of the request.
        carrier: what brought the credential.
    """
    mark = access.incoming.meta[carrier.meta_key].mark
    return mark, carrier.label, access.dialect, access.any_dialect, access.where()


def _prove(access: Access, carried: tuple[Carrier, bytes]) -> Proven:
    epoch = epochs.current()
    if epoch is None:
        return _look_up(access, carried)
    key = memory_key(access, carried[0])
    return memory.prove(epoch, key, partial(_look_up, access, carried))


def _restrict(dialect: Dialect, token: AccessToken, facts: Facts) -> None:
    for restriction in dialect.restrictions:
        if (face := _objection(restriction, token, facts)) is not None:
            pk, token_id = token.pk, token.token_id
            raise Refusal(Reason.RESTRICTED, token_id=token_id, token_pk=pk, face=face)


def _objection(restriction: Restriction, token: AccessToken, facts: Facts) -> Face | None:
    """Return what a restriction says; whatever else comes of it is a fault, and lets nobody in."""
    name = type(restriction).__qualname__
    try:
        face = restriction.objection(token, facts)
    except Exception as fault:
        if is_outage(fault):
            raise
        # Not as it is: "not found" or "permission denied" would be answered as such.
        raise RuntimeError(f"{name} failed: {fault!r}") from fault
    # A 401 would ask for another key.
    if face is None or (getattr(face, "status", None) in _OBJECTIONS):
        return face
    raise TypeError(f"{name} returned {face!r}, not None or a Face of 400 to 499.")


def _user(token: AccessToken) -> Any:
    """Return who the request acts as; what comes of a host's function else lets nobody in."""
    try:
        return principals.user_of(token)
    except Exception as fault:
        if isinstance(fault, Refusal | ImproperlyConfigured) or is_outage(fault):
            raise
        # Not as it is: "not found" or "permission denied" would be answered as such.
        raise RuntimeError(f"{conf.get().automation_user} failed: {fault!r}") from fault


def authorize(token: AccessToken | None, wanted: Requirement | None) -> None:
    """Compare the token's scopes with those that are needed. No I/O.

    Args:
        token: the proven token, which must be there.
        wanted: the scopes; None for a token and no scope.
    """
    if token is None:
        raise Refusal(Reason.MISSING)
    if wanted is None or not (lacking := missing(wanted, token.held_scopes())):
        return
    separator = " or " if isinstance(wanted, AnyOf) else " "
    names = separator.join(sorted(lacking))
    raise Refusal(
        Reason.SCOPE_INSUFFICIENT,
        token_id=token.token_id,
        token_pk=token.pk,
        detail=_("This API key does not have the required scope: %(scopes)s.") % {"scopes": names},
        extra={"required_scope": names},
    )


def refuse(access: Access, refusal: Refusal) -> Refusal:
    """Note why a request is refused; return what the caller is told. May ask Redis.

    A credential that proves nothing counts against its address, and after too many of them the
    answer is 429. Verification has run by then: a stranger's failures only turn a failing answer
    into another, and never lock out a good key that comes from the same address.
    """
    access.taken = ()
    # Its frames hold the access, which would then be freed by the garbage collector alone.
    access.refusal = refusal.with_traceback(None)
    if refusal.reason is Reason.ADDRESS_NOT_ALLOWED:
        proxies = conf.get().trusted_proxies
        proxy_hints.tell_of_stranger(access.incoming.meta, access.address, proxies)
    unproven = FACES[refusal.reason].status == 401 and refusal.reason is not Reason.MISSING
    if not (unproven or refusal.reason is Reason.AMBIGUOUS):
        return refusal
    settings = conf.get()
    limit = _failure_limit(settings.limits["failed_credentials"])
    one = Charge(limit, f"failed:{networks.address_bucket(access.address)}")
    seconds = limits.limiter(settings.limits_storage).charge_one(one)
    if not seconds:
        return refusal
    access.wait = seconds
    face = FACES[Reason.TOO_MANY_FAILURES]
    return Refusal(
        Reason.TOO_MANY_FAILURES,
        detail=f"{face.detail} {retry_sentence(seconds)}",
        extra={"retry_after": seconds},
    )


@lru_cache(maxsize=16)
def _failure_limit(rate: str) -> Limit:
    return Limit(rate, per="address", name="failed_credentials")


def _allows_anonymous(access: Access) -> bool:
    if access.endpoint is None or access.left:
        return False
    whom = access.endpoint.anonymous_for(access.incoming.method)
    if whom == "first_party":
        access.by_page = True
        return networks.is_first_party(access.incoming.meta, access.dialect.first_party_origins)
    return whom == "everyone"


def _look_up(access: Access, carried: tuple[Carrier, bytes]) -> Proven:
    dialect = access.dialect
    accepted = {dialect.name: dialect}
    prefixes, shapes = dialect.accepted_prefixes, dialect.accepted_key_shapes
    if access.any_dialect:
        accepted = dict(dialects.all_dialects())
        every = accepted.values()
        prefixes = frozenset().union(*(d.accepted_prefixes for d in every))
        shapes = tuple(shape for d in every for shape in d.accepted_key_shapes)
    carrier, raw = carried
    try:
        credential = carrier.parse(raw, prefixes=prefixes, shapes=shapes)
    except MalformedCredentialError:
        raise Refusal(Reason.MALFORMED) from None
    return verify.prove(credential, dialects=accepted)


def _dialect(name: str, incoming: Incoming) -> Dialect:
    try:
        return dialects.get(name)
    except ImproperlyConfigured:
        for known in dialects.all_dialects().values():
            incoming.withhold_copies(carriers.take(known.carriers_by_header, incoming.meta))
        raise


def _facts(access: Access, dialect: Dialect) -> Facts:
    incoming = access.incoming
    secure = incoming.scheme == "https" or networks.is_secure(
        incoming.meta, incoming.scheme, conf.get().trusted_proxies
    )
    foreign = False
    if access.browser and dialect.foreign_origins == "refuse":
        access.by_page = access.by_page or access.any_dialect
        own = f"{'https' if secure else 'http'}://{incoming.host()}"
        foreign = networks.is_foreign(incoming.meta, dialect.first_party_origins, own)
    return Facts(access.address, secure, foreign, incoming.method, incoming.meta)
