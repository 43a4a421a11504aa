"""What one request has shown of itself so far: dialect, token, refusal, limits.

Hangs on the Django request as ``request.apikeys``. The authenticator begins it, throttle and
permission add to it, the middleware reads it after the response. Knows no DRF.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

if TYPE_CHECKING:
    from apikeys.dialects import Dialect
    from apikeys.limits import Window
    from apikeys.models import AccessToken
    from apikeys.refusals import Refusal


@dataclass(slots=True)
class RequestState:
    """One request's state.

    Attributes:
        dialect: how to answer.
        view: the DRF view.
        browser: a browser page sent it, as far as ``Origin`` and ``Sec-Fetch-*`` tell.
        address: the client's address, None when it can't be known.
        carried: it brought a credential, good or bad.
        by_page: the answer depends on whose page sent it.
        vary: what the view's answer says it depends on; "" until it is finished.
        token: the proven token.
        anonymous: without a credential, on a view that allows that for this request.
        refusal: why it was refused.
        windows: state of the limits it was counted on.
    """

    dialect: Dialect
    view: Any
    browser: bool
    address: str | None = None
    carried: bool = False
    by_page: bool = False
    vary: str = ""
    token: AccessToken | None = None
    anonymous: bool = False
    refusal: Refusal | None = None
    windows: tuple[Window, ...] = ()


def of(request: HttpRequest) -> RequestState | None:
    """Return the state of a request that one of our authenticators has seen."""
    return getattr(request, "apikeys", None)
