"""Access tokens on operations of django-ninja, an extra::

    api = install(NinjaAPI())

    @api.get("/notes", auth=AccessTokenAuth("notes:read"))
    def notes(request): ...

Knows no rule: ``apikeys.access`` judges the credential.
"""

from __future__ import annotations

from typing import Any, TypeVar, Unpack

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError
from ninja.security.base import AuthBase, SecuritySchema

from apikeys import access, dialects
from apikeys.access import Access, Endpoint, Incoming
from apikeys.access import state as states
from apikeys.access.caching import tell
from apikeys.access.endpoint import Asking
from apikeys.credentials.carriers import security_of
from apikeys.decorators import note, refusal_of

__all__ = ["AccessRefused", "AccessTokenAuth", "AsyncAccessTokenAuth", "install"]

Api = TypeVar("Api", bound=NinjaAPI)


class AccessRefused(HttpError):  # noqa: N818 - it is an answer, not a fault
    """A request is not let in; ``install`` answers it in the words of the dialect."""

    def __init__(self, state: Access) -> None:
        problem = state.problem
        assert problem is not None  # noqa: S101 - it is raised for nothing else
        super().__init__(problem.status, problem.detail)
        self.state = state


class AccessTokenAuth(AuthBase):
    """``auth=`` of an operation, a router or an API.

    The operation finds the token as ``request.auth``, its owner or principal as ``request.user``,
    and all that is known as ``request.apikeys``, which is ``request.auth`` too where an anonymous
    request is let in.

    Args:
        scopes, asked: as ``access_token_required``.
    """

    def __init__(self, *scopes: Any, **asked: Unpack[Asking]) -> None:
        self.apikeys_endpoint = Endpoint.of(*scopes, **asked)

    # ``AuthBase`` makes it in its constructor, which would ask for the dialect
    # while the URLconf is being imported.
    @property
    def openapi_security_schema(self) -> SecuritySchema:  # type: ignore[override]
        """The security scheme of the dialect's first carrier."""
        return SecuritySchema(
            **security_of(dialects.get(self.apikeys_endpoint.dialect).carriers[0])
        )

    def __call__(self, request: HttpRequest) -> Any:
        return _let_in(request, access.check(Incoming.from_django(request), self.apikeys_endpoint))


class AsyncAccessTokenAuth(AccessTokenAuth):
    """The same for operations that are ``async def``: it leaves the event loop only to ask."""

    async def __call__(self, request: HttpRequest) -> Any:
        incoming = Incoming.from_django(request)
        return _let_in(request, await access.acheck(incoming, self.apikeys_endpoint))


def install(api: Api) -> Api:
    """Have an API answer refusals in the words of their dialect, and speak to caches.

    Returns:
        The API.
    """
    create = api.create_response

    def create_response(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = create(request, *args, **kwargs)
        if (state := states.of(request)) is not None:
            tell(state, response)
        return response

    def refused(request: HttpRequest, exc: Any) -> HttpResponse:
        response = refusal_of(exc.state)
        tell(exc.state, response)
        return response

    api.create_response = create_response  # type: ignore[method-assign]
    api.add_exception_handler(AccessRefused, refused)
    return api


def _let_in(request: HttpRequest, state: Access) -> Any:
    note(request, state)
    if not state.allowed:
        raise AccessRefused(state)
    return state.token or state  # ninja takes what is false for a refusal
