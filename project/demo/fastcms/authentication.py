"""The two ways into FastCMS: an API key for programs, a JWT for people who manage their keys.

A JWT names a membership and a workspace by their public names and is judged again on every
request: a member who was removed, or has a new password, is out at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.crypto import constant_time_compare
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt import authentication as simplejwt
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token

from apikeys.authentication import AccessTokenAuthentication
from apikeys.models import Membership, Workspace
from project.demo.people import require_https

DIALECT = "fastcms"


class FastCMSAuthentication(AccessTokenAuthentication):
    """API keys of FastCMS."""

    dialect = DIALECT


class LoginToken(Token):
    """The JWT of a log-in."""

    token_type = "fastcms-login"  # noqa: S105
    lifetime = timedelta(minutes=15)  # as long as a password counts as just asked for

    @classmethod
    def of(cls, membership: Membership, workspace: Workspace) -> LoginToken:
        """Return a new one for this person in this workspace."""
        token = cls()
        token["sub"] = str(membership.public_id)
        token["workspace"] = workspace.slug
        # Changes with the password, and tells nothing of it.
        token["session"] = membership.user.get_session_auth_hash()
        return token


@dataclass(frozen=True, slots=True)
class Login:
    """``request.auth`` of a request that a JWT carried."""

    membership: Membership
    workspace: Workspace


class JWTAuthentication(simplejwt.JWTAuthentication):
    """People, by the JWT of ``POST /api/v1/auth/login``; errors are in FastCMS's words."""

    dialect = DIALECT
    www_authenticate_realm = DIALECT

    def authenticate(self, request: Request) -> Any:
        """Return ``(user, login)``, or None without a JWT.

        Raises:
            AuthenticationFailed: the JWT is of no use (any more).
            Refused: it came over plain HTTP, and the settings want HTTPS.
        """
        raw_token = self.get_raw_token(self.get_header(request) or b"")
        if raw_token is None:
            return None
        require_https(request)
        login = self.login(raw_token)
        return login.membership.user, login

    def login(self, raw_token: bytes) -> Login:
        """Return the log-in that the JWT stands for, as it is now.

        Raises:
            AuthenticationFailed: it stands for none.
        """
        try:
            claims = LoginToken(raw_token)  # type: ignore[arg-type]  # its hints are wrong
        except TokenError:
            raise AuthenticationFailed from None
        workspace = (
            Workspace.objects.filter(
                organization__memberships__public_id=claims["sub"],
                organization__suspended_at__isnull=True,
                slug=claims["workspace"],
                dialect=DIALECT,
                archived_at__isnull=True,
            )
            .select_related("organization")
            .first()
        )
        membership = (
            Membership.objects.filter(public_id=claims["sub"])
            .select_related("user", "organization")
            .first()
        )
        if workspace is None or membership is None or not membership.user.is_active:
            raise AuthenticationFailed
        session = membership.user.get_session_auth_hash()
        if not constant_time_compare(session, claims["session"]):
            raise AuthenticationFailed
        return Login(membership, workspace)


class NobodyYet(BaseAuthentication):
    """Asks for nothing: the log-in itself. Errors are in FastCMS's words."""

    dialect = DIALECT

    def authenticate(self, request: Request) -> None:
        return None

    def authenticate_header(self, request: Request) -> str:
        return f'Bearer realm="{DIALECT}"'
