"""What is known of one request's access so far: dialect, token, refusal, limits.

Hangs on the Django request as ``request.apikeys``, on an ASGI scope as ``scope["apikeys"]``. The
steps fill it, ``finish`` reads it after the response.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from apikeys.models import stores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apikeys.access.endpoint import Asked
    from apikeys.access.incoming import Incoming
    from apikeys.credentials.carriers import Carrier
    from apikeys.dialects import Dialect, Problem
    from apikeys.limits import Window
    from apikeys.models import AccessToken
    from apikeys.models.stores import Store
    from apikeys.refusals import Refusal
    from apikeys.verification.verify import Proven


@dataclass(slots=True)
class Access:
    """One request's access.

    Attributes:
        incoming: the request.
        dialect: how to answer.
        any_dialect: tokens of every dialect are accepted.
        browser: a browser page sent it, as far as ``Origin`` and ``Sec-Fetch-*`` tell.
        address: the client's address, None when it can't be known.
        taken: the credentials, between ``begin`` and ``authenticate``.
        left: its only credential is a Bearer text that is none of ours, left to somebody else.
        carried: it brought a credential, good or bad.
        proven: what memory has said of the credential already, on an event loop.
        endpoint: what is asked of it.
        by_page: the answer depends on whose page sent it.
        vary: what the view's answer says it depends on; "" until it is finished.
        token: the proven token.
        user: who the request acts as; ``AnonymousUser`` without a token.
        anonymous: without a credential, on an endpoint that allows that for this request.
        refusal: why it was refused, for logs and counters.
        wait: seconds after which a request that is over a limit may come again.
        problem: what the caller is told, where ``check`` was asked and it is not let in.
        windows: state of the limits it was counted on.
        store: what ``where`` has found; None before.
    """

    incoming: Incoming
    dialect: Dialect
    any_dialect: bool
    browser: bool
    address: str | None = None
    taken: Sequence[tuple[Carrier, bytes]] = field(default=(), repr=False)
    left: bool = False
    carried: bool = False
    proven: Proven | None = field(default=None, repr=False)
    endpoint: Asked | None = None
    by_page: bool = False
    vary: str = ""
    token: AccessToken | None = None
    user: Any = field(default_factory=AnonymousUser, repr=False)
    anonymous: bool = False
    refusal: Refusal | None = None
    wait: int | None = None
    problem: Problem | None = None
    windows: tuple[Window, ...] = ()
    store: Store | None = None

    @property
    def allowed(self) -> bool:
        """Whether ``check`` has let it in."""
        return self.problem is None

    def where(self) -> Store:
        """Return where its token lies: where this thread reads tokens when it first asks."""
        if self.store is None:
            self.store = stores.current()
        return self.store


def of(request: HttpRequest) -> Access | None:
    """Return the access of a request that one of our faces has seen."""
    return getattr(request, "apikeys", None)
