"""The DRF authentication class: an access token as header key, Bearer or HTTP Basic.

Translates only: carriers find the credential, ``verify`` judges it (in the cached mode
``memory`` remembers what was proven), ``exceptions`` words the answer. Put it first on a view, so
that DRF answers 401 with its challenge.
"""

from __future__ import annotations

import logging
import traceback
from functools import lru_cache
from typing import Any, ClassVar, Final

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apikeys import conf, dialects, limits, networks, permissions
from apikeys.access import state as states
from apikeys.credentials import carriers
from apikeys.credentials.carriers import Carrier
from apikeys.credentials.keys import Credential, MalformedCredentialError
from apikeys.dialects import Dialect
from apikeys.drf import caching
from apikeys.exceptions import Refused, retry_sentence
from apikeys.limits import Charge, Limit
from apikeys.models import AccessToken
from apikeys.models.tokens import Kind
from apikeys.refusals import FACES, Reason, Refusal
from apikeys.verification import memory, verify
from apikeys.verification.verify import Facts, Proven

logger = logging.getLogger("apikeys.requests")

_PERSONAL: Final = Kind.PERSONAL.value


class AccessTokenPrincipal:
    """``request.user`` of an automation token: authenticated, and no person.

    Never staff, never superuser, without permissions; ``pk`` can't be mistaken for a user's.
    """

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False

    def __init__(self, token: AccessToken) -> None:
        self.token = token
        self.pk = self.id = f"token:{token.token_id}"

    def __str__(self) -> str:
        return self.pk

    def get_username(self) -> str:
        return self.pk

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return False

    def has_perms(self, perm_list: object, obj: object = None) -> bool:
        return False

    def has_module_perms(self, app_label: str) -> bool:
        return False

    def get_all_permissions(self, obj: object = None) -> set[str]:
        return set()


class AccessTokenAuthentication(BaseAuthentication):
    """Authenticate by access token.

    ``request.auth`` is the ``AccessToken``; ``request.user`` its owner for a personal token, an
    ``AccessTokenPrincipal`` for an automation token. No credential: None, so the next
    authenticator is asked. A bad one never falls through, not even where a view allows requests
    without one (``anonymous_access``, see ``permissions``).

    Attributes:
        dialect: the dialect whose carriers are read and whose words are spoken.
        any_dialect: accept tokens of every dialect, on the carriers of this one.
    """

    dialect: ClassVar[str] = "default"
    any_dialect: ClassVar[bool] = False

    def authenticate(self, request: Request) -> tuple[Any, AccessToken] | None:
        """Return ``(user, token)`` or None.

        Raises:
            Refused: the credential may not be used for this request.
        """
        http: HttpRequest = request._request
        view = (request.parser_context or {}).get("view")
        browser = "HTTP_ORIGIN" in http.META or "HTTP_SEC_FETCH_SITE" in http.META
        state = states.RequestState(dialects.get(self.dialect), view, browser)
        http.apikeys = state  # type: ignore[attr-defined]
        if view is not None:
            caching.seal(type(view))
        try:
            token = self._verify(http, state)
        except permissions.Undeclared as verdict:
            logger.error("%s accepts no token: %s", type(view).__qualname__, verdict)
            verdict.with_traceback(None)  # its frames hold the secret, and it stays the context
            raise self._refused(Refusal(Reason.SCOPE_UNDECLARED), state) from None
        except Refusal as refusal:
            raise self._refused(refusal, state) from None
        except Exception as fault:
            # Error pages print the variables of every frame, and those below hold the secret.
            if not isinstance(fault, (OperationalError, InterfaceError)):
                logger.error("fault in authentication\n%s", traceback.format_exc())
            raise fault.with_traceback(None) from None
        if token is None:
            return None
        state.token = token
        return (token.owner if token.kind == _PERSONAL else AccessTokenPrincipal(token)), token

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401; a browser gets none that opens a password box."""
        state = states.of(request._request)
        browser = state is not None and state.browser
        return dialects.get(self.dialect).www_authenticate[browser]

    def _verify(self, http: HttpRequest, state: states.RequestState) -> AccessToken | None:
        # Before all else: whatever fails from here on, no page and no log shows the secret.
        carried = carriers.take(state.dialect.carriers_by_header, http.META)
        http.__dict__.pop("headers", None)  # Django's copy of META
        state.carried = bool(carried)
        state.address = networks.address_of(http)
        if state.view is not None:
            permissions.declaration(state.view, http.method or "")
        if not carried:
            state.anonymous = self._allows_anonymous(http, state)
            return None
        if len(carried) > 1:
            raise Refusal(Reason.AMBIGUOUS)
        [one] = carried
        mark = http.META[one[0].meta_key].mark
        proven = memory.prove(one, mark, (state.dialect, self.any_dialect), self._look_up)
        return verify.admit(proven, self._facts(http, state))

    def _look_up(self, carried: tuple[Carrier, bytes]) -> Proven:
        return verify.prove(
            self._parse(*carried, dialects.get(self.dialect)),
            dialects=dialects.all_dialects() if self.any_dialect else (self.dialect,),
        )

    def _allows_anonymous(self, http: HttpRequest, state: states.RequestState) -> bool:
        access = permissions.anonymous_access(state.view, http.method or "")
        if access == "first_party":
            state.by_page = True
            return networks.is_first_party(http.META, state.dialect.first_party_origins)
        return access == "everyone"

    def _parse(self, carrier: Carrier, raw: bytes, dialect: Dialect) -> Credential:
        prefixes, shapes = dialect.accepted_prefixes, dialect.accepted_key_shapes
        if self.any_dialect:
            every = dialects.all_dialects().values()
            prefixes = frozenset().union(*(d.accepted_prefixes for d in every))
            shapes = tuple(shape for d in every for shape in d.accepted_key_shapes)
        try:
            return carrier.parse(raw, prefixes=prefixes, shapes=shapes)
        except MalformedCredentialError:
            raise Refusal(Reason.MALFORMED) from None

    def _facts(self, http: HttpRequest, state: states.RequestState) -> Facts:
        # The server's own word: ``request.scheme`` may believe a header that anybody can send.
        scheme = http._get_scheme() or "http"  # type: ignore[attr-defined]
        secure = scheme == "https" or networks.is_secure(
            http.META, scheme, conf.get().trusted_proxies
        )
        foreign = False
        if state.browser and state.dialect.foreign_origins == "refuse":
            own = f"{'https' if secure else 'http'}://{http.get_host()}"
            foreign = networks.is_foreign(http.META, state.dialect.first_party_origins, own)
        return Facts(state.address, secure, foreign)

    def _refused(self, refusal: Refusal, state: states.RequestState) -> Refused:
        # Its frames hold the state, which would then be freed by the garbage collector alone.
        state.refusal = refusal.with_traceback(None)
        if FACES[refusal.reason].status != 401 and refusal.reason is not Reason.AMBIGUOUS:
            return Refused(refusal)
        # Verification has run: the limiter only turns a failing answer into 429, so a stranger's
        # failures never lock out a good key that comes from the same address.
        retry_after = _count_failure(state.address)
        if not retry_after:
            return Refused(refusal)
        return Refused(
            Refusal(Reason.TOO_MANY_FAILURES),
            detail=f"{FACES[Reason.TOO_MANY_FAILURES].detail} {retry_sentence(retry_after)}",
            retry_after=retry_after,
        )


@lru_cache(maxsize=16)
def _failure_limit(rate: str) -> Limit:
    return Limit(rate, per="address", name="failed_credentials")


def _count_failure(address: str | None) -> int:
    """Count a failed credential; return the seconds to wait when there were too many, else 0."""
    settings = conf.get()
    limit = _failure_limit(settings.limits["failed_credentials"])
    charge = Charge(limit, f"failed:{networks.address_bucket(address)}")
    return limits.limiter(settings.limits_storage).charge_one(charge)
