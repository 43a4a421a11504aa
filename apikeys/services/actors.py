"""Who makes a change, and from where: the first argument of every service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apikeys.models import AccessToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """One of: a person in a session, an access token, the system itself, or somebody unknown.

    Attributes:
        kind: ``user``, ``token``, ``system``, or ``anonymous``, who makes no change.
        id: the user's primary key as text, the token id, or the name of the command.
        label: how people read it in the audit log.
        user: the person, when there is one.
        token: the token that carried the request, when there is one.
        address: where the request came from.
        request_id: the request's id, when the edge knows one.
        password_recent: whether a person's password was checked a moment ago, as their session
            says; code that acts without one vouches for the person itself.
    """

    kind: str
    id: str
    label: str
    user: Any = None
    token: AccessToken | None = None
    address: str | None = None
    request_id: str = ""
    password_recent: bool = True

    @classmethod
    def system(cls, name: str) -> Actor:
        """Return the actor of a management command; it may do everything."""
        return cls(kind="system", id=name, label=name)

    @classmethod
    def person(
        cls,
        user: Any,
        *,
        address: str | None = None,
        request_id: str = "",
        password_recent: bool = True,
    ) -> Actor:
        """Return the actor of a person in a session.

        Pass ``password_recent=reauthentication.is_recent(request)`` from a session: what widens is
        refused with ``reauthentication.required`` when it is False.
        """
        return cls(
            kind="user",
            id=str(user.pk),
            label=str(user.get_username()),
            user=user,
            address=address,
            request_id=request_id,
            password_recent=password_recent,
        )

    @classmethod
    def nobody(cls, *, address: str | None = None) -> Actor:
        """Return the actor of an attempt by somebody who did not prove who they are."""
        return cls(kind="anonymous", id="", label="somebody", address=address)

    @classmethod
    def bearer(
        cls, token: AccessToken, *, address: str | None = None, request_id: str = ""
    ) -> Actor:
        """Return the actor of a request that an access token carried."""
        return cls(
            kind="token",
            id=token.token_id,
            label=f"{token.name} ({token.token_id})",
            user=token.owner,
            token=token,
            address=address,
            request_id=request_id,
        )
