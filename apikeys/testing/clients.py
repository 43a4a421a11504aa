"""Test clients that send a key with every request, over HTTPS unless told otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from django.test import AsyncClient, Client
from django.test.client import RequestFactory
from rest_framework.test import APIClient

from apikeys.models import AccessToken
from apikeys.services.issuing import IssuedToken
from apikeys.testing.headers import headers_of
from apikeys.testing.surroundings import About
from apikeys.testing.tokens import make_token

if TYPE_CHECKING:
    _Base = RequestFactory
else:
    _Base = object


class SendsToken(_Base):
    """What the clients have in common: ``DEBUG`` is off under test runners, and keys are then
    accepted over HTTPS only.

    Attributes:
        issued: the token whose key is sent; None for none.

    Args:
        issued: as the attribute; what ``make_token``, ``create_token`` or ``rotate_token`` returns.
        carrier: the label of the carrier that brings it, such as ``Bearer``; the dialect's
            preferred one when not given.
        options: of the client of Django or Django REST framework.
    """

    issued: IssuedToken | None

    def __init__(
        self, issued: IssuedToken | None = None, *, carrier: str | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.send(issued, carrier=carrier)

    def send(self, issued: IssuedToken | None, *, carrier: str | None = None) -> None:
        """Send another key from now on, or none.

        Args:
            issued, carrier: as those of the class.
        """
        self.issued = issued
        self._headers = {} if issued is None else headers_of(issued, carrier)

    @property
    def token(self) -> AccessToken:
        """The token whose key is sent.

        Raises:
            AttributeError: there is none.
        """
        if self.issued is None:
            raise AttributeError("This client sends no key.")
        return self.issued.token

    def generic(  # type: ignore[override]
        self,
        method: str,
        path: str,
        data: Any = "",
        content_type: str = "application/octet-stream",
        secure: bool = True,
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> Any:
        """Send a request; a header that is given takes the place of the client's own."""
        given = {_plain(name) for name in (*(headers or {}), *extra)}
        own = {name: value for name, value in self._headers.items() if _plain(name) not in given}
        both = {**own, **(headers or {})}
        return super().generic(method, path, data, content_type, secure, headers=both, **extra)


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("http-")


def _over_https(name: str) -> Callable[..., Any]:
    @wraps(getattr(Client, name))
    def send(self: Any, *args: Any, secure: bool = True, **kwargs: Any) -> Any:
        return getattr(super(SendsToken, self), name)(*args, secure=secure, **kwargs)

    return send


for _name in ("get", "head", "options", "post", "put", "patch", "delete", "trace"):
    setattr(SendsToken, _name, _over_https(_name))


class APITokenClient(SendsToken, APIClient):  # type: ignore[misc] # DRF's names no headers
    """The client of Django REST framework, which sends a key until ``credentials`` says something
    else, or ``logout``."""

    def credentials(self, **headers: str) -> None:
        """Send these headers in the place of the key, or neither."""
        self.send(None)
        super().credentials(**headers)

    def logout(self) -> None:
        """Send no key any more, and forget the session."""
        self.send(None)
        super().logout()


class TokenClient(SendsToken, Client):
    """Django's own client, which sends a key."""


class AsyncTokenClient(SendsToken, AsyncClient):
    """Django's client for ``async def`` tests, which sends a key."""


C = TypeVar("C", APITokenClient, TokenClient, AsyncTokenClient)


@overload
def token_client(
    *scopes: str, carrier: str | None = None, **about: Unpack[About]
) -> APITokenClient: ...


@overload
def token_client(
    *scopes: str, client_class: type[C], carrier: str | None = None, **about: Unpack[About]
) -> C: ...


def token_client(
    *scopes: str,
    client_class: Any = APITokenClient,
    carrier: str | None = None,
    **about: Unpack[About],
) -> Any:
    """Make a token and return a client that sends its key; ``client.token`` is the token.

    Args:
        scopes, about: as ``make_token``.
        client_class: ``APITokenClient`` (the default), ``TokenClient`` or ``AsyncTokenClient``.
        carrier: as the client's.

    Raises:
        Invalid, ImproperlyConfigured, ValueError, TypeError: as ``make_token``.
    """
    return client_class(make_token(*scopes, **about), carrier=carrier)
