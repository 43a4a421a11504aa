"""Tokens for tests, in any state, with a row or without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Unpack

from django.utils import timezone

from apikeys.credentials import digests
from apikeys.models import AccessToken, Workspace
from apikeys.models.tokens import Kind
from apikeys.services import validation
from apikeys.services.issuing import IssuedToken
from apikeys.testing import rows, states, surroundings
from apikeys.testing.headers import headers_of
from apikeys.testing.surroundings import About

_OVERLAP: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class MadeToken(IssuedToken):
    """A token made for tests, with its secret, and ways to send it.

    Attributes:
        token: the ``AccessToken``.
        secret: what is sent of it; in the state ``wrong_secret`` it is not the token's.
        api_key: the one-string form.
        previous_api_key: in the state ``rotated`` the key from before the rotation, else empty.
    """

    previous_api_key: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The header that brings the key by the dialect's preferred carrier, for any client."""
        return headers_of(self)

    def headers_by(self, carrier: str) -> dict[str, str]:
        """Return the header that brings the key by another carrier of the dialect.

        Args:
            carrier: its label, such as ``Bearer``, ``Basic`` or ``X-API-Key``.

        Raises:
            ValueError: the dialect has no such carrier.
        """
        return headers_of(self, carrier)

    @property
    def basic_auth(self) -> tuple[str, str]:
        """User name and password of HTTP Basic, as clients such as ``requests`` take them."""
        return self.token.token_id, self.secret


def make_token(*scopes: str, **about: Unpack[About]) -> MadeToken:
    """Make a token, without a database where none is asked for.

    A token without a row is found by the requests of this process, goes the same way as any other
    and is read anew by each of them, so that a test may change ``token``, its workspace,
    organization and owner in between. Nothing can refer to it in the database, and no service
    finds it. It is known until ``isolated`` ends, or the process.

    Args:
        scopes: names of scopes of the dialect; none is a token that may do nothing.
        state: see ``State``; workspace, organization and owner are changed where it is theirs.
        workspace: where the token works; one of its own when not given. One without a row, such as
            ``Workspace(slug="shop", organization=Organization(limits={...}))``, gets none.
        owner: the person of a personal token, with a row or without one; a member of the
            organization unless the state says otherwise. Not given, it is an automation token.
        dialect, environment: of a workspace that is made: ``default`` and ``production``.
        allowed_networks: addresses or CIDR networks.
        expires_at: an aware moment.
        name: how people call it.
        saved: write rows for all that has none. It is so anyway where workspace or organization
            have one.

    Raises:
        Invalid: the dialect has no such scope, or something is no network.
        ImproperlyConfigured: there is no dialect of that name.
        ValueError: there is no such state, or it can't be had with the rest.
        TypeError: something else is said of it.
    """
    surroundings.require_known(about)
    state = about.get("state", "active")
    states.require_known(state)
    workspace = surroundings.workspace_of(about.get("workspace"), about)
    shape = workspace.speaks.key_shape
    token_id = shape.new_id()
    secret, earlier = shape.new_secret(token_id), shape.new_secret(token_id)
    token = _token(token_id, secret, workspace, scopes, about)
    if state == "rotated":
        token.previous_digest = digests.make(token_id, earlier)
        token.previous_expires_at = timezone.now() + _OVERLAP
        token.rotated_at = timezone.now()
    states.put_into(token, state)
    if state == "unknown":
        rows.know(token_id, None)
    elif about.get("saved") or surroundings.has_row(workspace):
        surroundings.save(token, state)
    else:
        rows.know(token_id, surroundings.filled(token))
    sent = earlier if state == "wrong_secret" else secret
    previous = _key(token, earlier) if state == "rotated" else ""
    return MadeToken(token, sent, _key(token, sent), previous)


def _key(token: AccessToken, secret: str) -> str:
    workspace = token.workspace
    return workspace.speaks.api_key(workspace.environment, token.token_id, secret)


def _token(
    token_id: str, secret: str, workspace: Workspace, scopes: Sequence[str], about: About
) -> AccessToken:
    owner = about.get("owner")
    if owner is None and about.get("state") in states.OWNED:
        owner = surroundings.person(f"owner-{token_id}")
    if owner is not None:
        rows.pretend_key(owner)
    token = AccessToken(
        token_id=token_id,
        digest=digests.make(token_id, secret),
        workspace=workspace,
        name=about.get("name", f"Token {token_id}"),
        kind=Kind.AUTOMATION if owner is None else Kind.PERSONAL,
        owner=owner,
        scopes=validation.scopes(scopes, workspace.speaks) if scopes else [],
        allowed_networks=validation.networks(about.get("allowed_networks", ())),
        expires_at=about.get("expires_at"),
    )
    token.__dict__["owner_is_member"] = owner is not None
    return token
