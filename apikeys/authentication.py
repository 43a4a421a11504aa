"""The DRF authentication class: an access token as header key, Bearer or HTTP Basic.

Translates only: ``apikeys.access`` judges the credential, ``exceptions`` words the answer. Put it
first on a view, so that DRF answers 401 with its challenge.
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apikeys import access, dialects
from apikeys.access import Undeclared
from apikeys.access import state as states
from apikeys.access.checking import cleaned
from apikeys.access.principal import AccessTokenPrincipal, user_of
from apikeys.drf import caching
from apikeys.drf.endpoints import ViewEndpoint, declaration
from apikeys.exceptions import Refused
from apikeys.models import AccessToken
from apikeys.refusals import Reason, Refusal

__all__ = ["AccessTokenAuthentication", "AccessTokenPrincipal"]

logger = logging.getLogger("apikeys.requests")


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
        http = request._request
        view = (request.parser_context or {}).get("view")
        try:
            state = access.begin(
                access.Incoming.from_django(http), self.dialect, any_dialect=self.any_dialect
            )
            http.apikeys = state  # type: ignore[attr-defined]
            state.endpoint = ViewEndpoint(view)
            if view is not None:
                caching.seal(type(view))
                declaration(view, http.method or "")  # whether it accepts any token
            token = access.authenticate(state)
        except Undeclared as verdict:
            logger.error("%s accepts no token: %s", type(view).__qualname__, verdict)
            verdict.with_traceback(None)  # its frames hold the secret, and it stays the context
            raise Refused(access.refuse(state, Refusal(Reason.SCOPE_UNDECLARED))) from None
        except Refusal as refusal:
            raise Refused(access.refuse(state, refusal)) from None
        except Exception as fault:
            if (begun := states.of(http)) is not None:
                begun.taken = ()
            raise cleaned(fault) from None
        return None if token is None else (user_of(token), token)

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401; a browser gets none that opens a password box."""
        state = states.of(request._request)
        browser = state is not None and state.browser
        return dialects.get(self.dialect).www_authenticate[browser]
