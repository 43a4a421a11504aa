"""Scopes on views: what a view demands, and whether the token holds it.

The question is asked of the principal, never of the header it came in: the same token by header,
Bearer or Basic gets the same answer. Knows nothing of how a credential was verified.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from django.core.exceptions import ImproperlyConfigured
from rest_framework.request import ForcedAuthentication, Request

from apikeys.access import authorize
from apikeys.access import state as states
from apikeys.access.endpoint import Undeclared
from apikeys.drf import functions
from apikeys.drf.endpoints import anonymous_access, declaration
from apikeys.drf.trees import ScopePermission, asks_scopes
from apikeys.exceptions import Refused
from apikeys.models import AccessToken, Workspace
from apikeys.refusals import Reason, Refusal
from apikeys.scopes import AnyOf, Requirement, any_of, as_requirement

__all__ = [
    "HasScope",
    "Undeclared",
    "WorkspaceScopedMixin",
    "anonymous_access",
    "any_of",
    "declaration",
    "declares",
    "requires_scopes",
]

# Only tests can bring these about, so they may speak of tests.
_FORCED: Final = (
    "force_authenticate() gave no access token, and this view asks for the scopes of one. Send a "
    "key instead, by token_client() of apikeys.testing, or give token=make_token(...).token."
)
_INCOMPLETE: Final = (
    "This access token has no workspace, whose dialect says what its scopes mean. "
    "make_token() of apikeys.testing makes a whole one, without a database."
)

V = TypeVar("V", bound=Callable[..., Any])


def requires_scopes(*names: str | AnyOf | Mapping[str, Any]) -> Callable[[V], V]:
    """State the scopes of an extra ``@action`` or of a function under ``@api_view``.

    Put it above or below those.

    Args:
        names: scopes that are all needed, or one ``any_of(...)``, or one mapping of HTTP method to
            either.

    Raises:
        ValueError: a scope is misspelt, or none is named.
    """
    return declares(required_scopes=_required(*names))


def declares(**said: Any) -> Callable[[V], V]:
    """Say of a function under ``@api_view`` what a class says in its body; above or below it.

    Args:
        said: ``required_scopes``, ``scope_resource``, ``scopes_not_needed``, ``limits``,
            ``limit_kind``, ``anonymous_access``. Costs are ``credits.charges_credits``.

    Raises:
        TypeError: a view says no such thing.
    """
    if unknown := sorted(set(said) - functions.DECLARED):
        known = ", ".join(sorted(functions.DECLARED))
        raise TypeError(f"A view says no {', '.join(unknown)}. Known: {known}.")

    def decorate(view: V) -> V:
        functions.declare(view, said)
        return view

    return decorate


def _required(*names: Any) -> Requirement | dict[str, Requirement]:
    if len(names) != 1:
        return as_requirement(frozenset(map(str, names)))
    [only] = names
    if isinstance(only, Mapping):
        return {method.upper(): as_requirement(each) for method, each in only.items()}
    return as_requirement(only)


class HasScope(ScopePermission):
    """The token holds the scopes that the view demands; 403 names the missing one.

    A view says ``scope_resource = "records"`` or ``required_scopes = {"GET": {...}, ...}``; an
    extra ``@action`` states its own. Requests without a token are denied, unless the view
    sets ``anonymous_access`` to ``"first_party"`` or ``"everyone"``.

    ``HasScope | IsAuthenticated`` lets in a key with its scopes, or a person. It has to come
    first: it raises where a key lacks a scope, so what comes after it is asked about people alone.
    """

    @asks_scopes
    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, AccessToken):
            if isinstance(request.successful_authenticator, ForcedAuthentication):
                self.message = _FORCED
            access = states.of(request._request)
            return request.auth is None and access is not None and access.anonymous
        try:
            authorize(request.auth, declaration(view, request.method or ""))
        except Workspace.DoesNotExist:  # the lookup brings it with every token
            raise ImproperlyConfigured(_INCOMPLETE) from None
        except Undeclared:  # DRF asks about other methods when it answers OPTIONS
            raise Refused(Refusal(Reason.SCOPE_UNDECLARED)) from None
        except Refusal as refusal:
            raise Refused(refusal.with_traceback(None)) from None
        return True


class WorkspaceScopedMixin:
    """Confine a generic view to the token's workspace.

    The model needs a foreign key ``workspace``. Another workspace's object is then the same 404
    as a missing one, and objects are created and stay in the token's workspace, whatever the
    serializer lets a caller write. Without a token there is nothing to see.
    """

    request: Any

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()  # type: ignore[misc]
        token = getattr(self.request, "auth", None)
        if not isinstance(token, AccessToken):
            return queryset.none()
        return queryset.filter(workspace=token.workspace)

    def perform_create(self, serializer: Any) -> None:
        serializer.save(workspace=self.request.auth.workspace)

    def perform_update(self, serializer: Any) -> None:
        serializer.save(workspace=self.request.auth.workspace)
