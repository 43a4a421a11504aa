"""Scopes on views: what a view demands, and whether the token holds it.

The question is asked of the principal, never of the header it came in: the same token by header,
Bearer or Basic gets the same answer. Knows nothing of how a credential was verified.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from rest_framework.request import Request

from apikeys.access import authorize
from apikeys.access import state as states
from apikeys.access.endpoint import Undeclared
from apikeys.drf.endpoints import ScopePermission, anonymous_access, declaration
from apikeys.exceptions import Refused
from apikeys.models import AccessToken
from apikeys.refusals import Reason, Refusal
from apikeys.scopes import AnyOf, any_of, as_requirement

__all__ = [
    "HasScope",
    "Undeclared",
    "WorkspaceScopedMixin",
    "anonymous_access",
    "any_of",
    "declaration",
    "requires_scopes",
]

V = TypeVar("V", bound=Callable[..., Any])


def requires_scopes(*names: str | AnyOf) -> Callable[[V], V]:
    """State the scopes of one extra ``@action``; put it above or below ``@action``.

    Args:
        names: scopes that are all needed, or one ``any_of(...)``.
    """
    requirement = as_requirement(names[0] if len(names) == 1 else frozenset(map(str, names)))

    def decorate(view: V) -> V:
        view.required_scopes = requirement  # type: ignore[attr-defined]
        return view

    return decorate


class HasScope(ScopePermission):
    """The token holds the scopes that the view demands; 403 names the missing one.

    A view says ``scope_resource = "records"`` or ``required_scopes = {"GET": {...}, ...}``; an
    extra ``@action`` states its own. Requests without a token are denied, unless the view
    sets ``anonymous_access`` to ``"first_party"`` or ``"everyone"``.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, AccessToken):
            access = states.of(request._request)
            return request.auth is None and access is not None and access.anonymous
        try:
            authorize(request.auth, declaration(view, request.method or ""))
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
