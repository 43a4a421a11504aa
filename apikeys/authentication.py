"""The DRF authentication class: an access token as header key, Bearer or HTTP Basic.

Translates only: ``apikeys.access`` judges the credential, ``exceptions`` words the answer. Put it
first on a view, so that DRF answers 401 with its challenge.

A class that reads ``Authorization: Bearer`` as well, such as one for JWT, shares a view with it:
after it by ``leaves_foreign_bearer``, before it by ``LeavesAccessTokens``.
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apikeys import access, dialects
from apikeys.access import Undeclared
from apikeys.access import state as states
from apikeys.access.checking import cleaned
from apikeys.access.foreign import carries_key
from apikeys.drf import caching
from apikeys.drf.endpoints import ViewEndpoint, declaration, is_opened
from apikeys.drf.functions import name_of
from apikeys.exceptions import Refused
from apikeys.models import AccessToken
from apikeys.refusals import Reason, Refusal

__all__ = ["AccessTokenAuthentication", "LeavesAccessTokens"]

logger = logging.getLogger("apikeys.requests")


class AccessTokenAuthentication(BaseAuthentication):
    """Authenticate by access token.

    ``request.auth`` is the ``AccessToken``; ``request.user`` its owner for a personal token, what
    ``AUTOMATION_USER`` says for an automation token. No credential: None, so the next
    authenticator is asked. A bad one never falls through, not even where a view allows requests
    without one (``anonymous_access``, see ``permissions``).

    Attributes:
        dialect: the dialect whose carriers are read and whose words are spoken.
        any_dialect: accept tokens of every dialect, on the carriers of this one.
        leaves_foreign_bearer: leave a Bearer text that can be no key of any dialect to the
            authenticators that come after this one. One that begins as a key does, or holds one,
            is judged here; and so is a request that brings another credential beside it.
    """

    dialect: ClassVar[str] = "default"
    any_dialect: ClassVar[bool] = False
    leaves_foreign_bearer: ClassVar[bool] = False

    def authenticate(self, request: Request) -> tuple[Any, AccessToken] | None:
        """Return ``(user, token)`` or None.

        Raises:
            Refused: the credential may not be used for this request.
        """
        http = request._request
        view = (request.parser_context or {}).get("view")
        try:
            state = access.begin(
                access.Incoming.from_django(http),
                self.dialect,
                any_dialect=self.any_dialect,
                # Where nobody comes after, nobody would ever refuse it.
                leaves_foreign_bearer=self.leaves_foreign_bearer and not _is_alone(request),
            )
            http.apikeys = state  # type: ignore[attr-defined]
            state.endpoint = ViewEndpoint(view)
            if view is not None:
                caching.seal(type(view))
                if state.taken or is_opened(view, http.method or ""):
                    declaration(view, http.method or "")  # whether it accepts any token
            token = access.authenticate(state)
        except Undeclared as verdict:
            if is_opened(view, http.method or ""):
                logger.error("%s accepts no token: %s", name_of(type(view)), verdict)
            verdict.with_traceback(None)  # its frames hold the secret, and it stays the context
            raise Refused(access.refuse(state, Refusal(Reason.SCOPE_UNDECLARED))) from None
        except Refusal as refusal:
            challenge = state.dialect.www_authenticate[state.browser]
            raise Refused(access.refuse(state, refusal), challenge) from None
        except Refused:
            raise  # said already, where the view's own permissions asked who calls
        except Exception as fault:
            if (begun := states.of(http)) is not None:
                begun.taken = ()
            raise cleaned(fault) from None
        return None if token is None else (state.user, token)

    def is_asked(self, request: Request) -> bool:
        """Whether the request carries what may be a key, good or bad, for this class to judge."""
        try:
            # What ``hide_keys_wsgi`` has hidden is given back first.
            incoming = access.Incoming.from_django(request._request)
            return carries_key(incoming.meta, self.dialect)
        except ImproperlyConfigured:
            return True  # there is no such dialect: ``authenticate`` hides the secret, then says so

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401; a browser gets none that opens a password box."""
        state = states.of(request._request)
        browser = state is not None and state.browser
        return dialects.get(self.dialect).www_authenticate[browser]


def _is_alone(request: Request) -> bool:
    return len(request.authenticators or ()) == 1


class LeavesAccessTokens:
    """Let another authentication class leave keys to ours, which comes after it on the view.

    Put it before the class, such as one for JWT that refuses every Bearer text it can't read::

        class JWT(LeavesAccessTokens, JWTAuthentication): ...

        authentication_classes = [JWT, AccessTokenAuthentication]

    What is left is whatever ours would judge: a request with a header of a key, with HTTP Basic,
    or with a Bearer text that can be a key of any dialect.
    """

    def authenticate(self, request: Request) -> Any:
        """Return what the other class says; None where the request carries a key."""
        after = (
            a for a in request.authenticators or () if isinstance(a, AccessTokenAuthentication)
        )
        if (ours := next(after, None)) is not None and ours.is_asked(request):
            return None
        return super().authenticate(request)  # type: ignore[misc]
