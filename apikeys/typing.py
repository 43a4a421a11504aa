"""Types for a host's own annotations: what a request has once a face has let it in.

For type checkers alone. No request is an instance of these classes, and nothing in the library
imports this module. A view that answers nobody without a token says ``TokenRequest``::

    @access_token_required("notes:read")
    def notes(request: TokenRequest) -> HttpResponse:
        return HttpResponse(request.auth.workspace.slug)
"""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from rest_framework.request import Request

from apikeys.access import Access
from apikeys.models import AccessToken
from apikeys.principals import AccessTokenPrincipal
from apikeys.restrictions import Face, Facts, Restriction
from apikeys.scopes import Requirement

__all__ = [
    "Access",
    "Face",
    "Facts",
    "OpenDRFRequest",
    "OpenRequest",
    "Requirement",
    "Restriction",
    "TokenDRFRequest",
    "TokenRequest",
]


class TokenRequest(HttpRequest):
    """Django's request in a view that needs a token.

    Attributes:
        auth: the token.
        user: the owner of a personal token, what ``AUTOMATION_USER`` says of an automation token.
        apikeys: all that is known.
    """

    auth: AccessToken
    user: AbstractBaseUser | AccessTokenPrincipal | AnonymousUser  # type: ignore[assignment]
    apikeys: Access


class OpenRequest(HttpRequest):
    """Django's request in a view with ``anonymous``, which may have come without a token.

    Attributes:
        auth: the token, or None.
        user: the owner or principal of the token, ``AnonymousUser`` without one.
        apikeys: all that is known.
    """

    auth: AccessToken | None
    user: AbstractBaseUser | AccessTokenPrincipal | AnonymousUser  # type: ignore[assignment]
    apikeys: Access


class TokenDRFRequest(Request):
    """``TokenRequest`` as Django REST framework hands it to an ``APIView``."""

    auth: AccessToken
    user: AbstractBaseUser | AccessTokenPrincipal | AnonymousUser  # type: ignore[assignment]
    apikeys: Access


class OpenDRFRequest(Request):
    """``OpenRequest`` as Django REST framework hands it to an ``APIView``."""

    auth: AccessToken | None
    user: AbstractBaseUser | AccessTokenPrincipal | AnonymousUser  # type: ignore[assignment]
    apikeys: Access
