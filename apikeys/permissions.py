"""Scopes on views: what a view demands, and whether the token holds it.

The question is asked of the principal, never of the header it came in: the same token by header,
Bearer or Basic gets the same answer. Knows nothing of how a credential was verified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from django.core.exceptions import ImproperlyConfigured
from rest_framework.permissions import AND, SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apikeys.access import state as states
from apikeys.exceptions import Refused
from apikeys.models import AccessToken
from apikeys.refusals import Reason, Refusal
from apikeys.scopes import AnyOf, Requirement, any_of, as_requirement, missing

__all__ = [
    "HasScope",
    "WorkspaceScopedMixin",
    "anonymous_access",
    "any_of",
    "declaration",
    "requires_scopes",
]

V = TypeVar("V", bound=Callable[..., Any])

_ACTIONS: Final = {"POST": "write", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


class Undeclared(Exception):  # noqa: N818 - a verdict about a view
    """The view does not say which scopes it needs, or does not make them mandatory."""


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


class HasScope(BasePermission):
    """The token holds the scopes that the view demands; 403 names the missing one.

    A view says ``scope_resource = "records"`` or ``required_scopes = {"GET": {...}, ...}``; an
    extra ``@action`` states its own. Requests without a token are denied, unless the view
    sets ``anonymous_access`` to ``"first_party"`` or ``"everyone"``.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        token = request.auth
        if not isinstance(token, AccessToken):
            state = states.of(request._request)
            return token is None and state is not None and state.anonymous
        try:
            requirement = declaration(view, request.method or "")
        except Undeclared:  # DRF asks about other methods when it answers OPTIONS
            raise Refused(Refusal(Reason.SCOPE_UNDECLARED)) from None
        if requirement is None or not (lacking := missing(requirement, token.held_scopes())):
            return True
        refusal = Refusal(Reason.SCOPE_INSUFFICIENT, token_id=token.token_id, token_pk=token.pk)
        separator = " or " if isinstance(requirement, AnyOf) else " "
        names = separator.join(sorted(lacking))
        raise Refused(
            refusal,
            detail=f"This API key does not have the required scope: {names}.",
            required_scope=names,
        )


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


def anonymous_access(view: Any, method: str) -> str | None:
    """Return whom the view, or the handler of an extra ``@action``, answers without a credential.

    ``"first_party"``: requests that say a page of our own made them. That proves nothing, since
    any program can say so: it is a tier for everyone behind a limit per address
    (``Limit(..., per="address", on="anonymous")``). ``"everyone"``: all. None: nobody.

    Raises:
        ImproperlyConfigured: the view says something else.
    """
    name = _handler_name(view, method) if view is not None else None
    handler = getattr(view, name) if name else None
    access = getattr(handler, "anonymous_access", None) or getattr(view, "anonymous_access", None)
    if access not in (None, "first_party", "everyone"):
        raise ImproperlyConfigured(
            f"{type(view).__qualname__}.anonymous_access is {access!r}, "
            "and must be 'first_party' or 'everyone'."
        )
    return access


def declaration(view: Any, method: str) -> Requirement | None:
    """Return what the view demands for this method; None where it demands a token and no scope.

    Raises:
        Undeclared: the view declares nothing for this method, or ``HasScope`` is not a mandatory
            part of its permissions.
    """
    action = getattr(view, "action", None)
    on_behalf_of_options = action == "metadata" and method != "OPTIONS"
    if on_behalf_of_options or not _DECLARING.isdisjoint(vars(view)):
        # Said in as_view(): another route of this view may say otherwise.
        name = _handler_name(view, method)
        return None if name is None else _declare(view, method, name)
    found = _declared.get((type(view), action, method))
    if found is None:
        name = _handler_name(view, method)
        if name is None:
            return None  # DRF answers 405; and made-up methods must not grow the memory
        try:
            found = (_declare(view, method, name),)
        except Undeclared as verdict:
            found = verdict.with_traceback(None)  # its frames hold the request
        _declared[type(view), action, method] = found
    if isinstance(found, Undeclared):
        raise Undeclared(*found.args)
    return found[0]


_declared: dict[tuple[type, str | None, str], tuple[Requirement | None] | Undeclared] = {}
_DECLARING: Final = frozenset(
    {
        "http_method_names",
        "permission_classes",
        "required_scopes",
        "scope_resource",
        "scopes_not_needed",
    }
)


def _declare(view: Any, method: str, name: str) -> Requirement | None:
    if getattr(view, "scopes_not_needed", False) is True:
        return None
    if not _is_mandatory(view.get_permissions()):
        raise Undeclared("HasScope is not a mandatory part of its permissions")
    if method == "OPTIONS":
        return None
    action = _extra_action(view, name)
    if action is None:
        own = getattr(view, "required_scopes", None)
    else:
        own = _of_action(action, getattr(view, name))
    if own is not None:
        return _requirement(own, method)
    resource = getattr(view, "scope_resource", None)
    if resource and action is None:
        return as_requirement({f"{resource}:{_action_word(method)}"})
    raise Undeclared(f"it declares no scope for {method}")


def _extra_action(view: Any, name: str) -> Any:
    """Return the ``@action`` that answers by this handler, its own or a mapped one, or None."""
    actions: Iterable[Any] = getattr(view, "get_extra_actions", tuple)()
    return next((action for action in actions if name in action.mapping.values()), None)


def _of_action(action: Any, handler: Any) -> Any:
    own = getattr(handler, "required_scopes", None)
    if own is not None:
        return own
    own = getattr(action, "required_scopes", action.kwargs.get("required_scopes"))
    # To a handler mapped with `@action.mapping.delete` only a declaration by method can refer.
    return own if handler.__name__ == action.__name__ or isinstance(own, Mapping) else None


def _requirement(declared: Any, method: str) -> Requirement:
    if isinstance(declared, Mapping):
        own = declared.get(method)
        if own is None and method == "HEAD":
            own = declared.get("GET")
        if own is None:
            raise Undeclared(f"required_scopes has no entry for {method}")
        declared = own
    try:
        return as_requirement(declared)
    except ValueError as error:
        raise Undeclared(f"required_scopes for {method}: {error}") from None


def _action_word(method: str) -> str:
    return "read" if method in SAFE_METHODS else _ACTIONS.get(method, "write")


def _handler_name(view: Any, method: str) -> str | None:
    """Return the name of the view's method that answers this HTTP method, or None."""
    name = method.lower()
    if name not in view.http_method_names:
        return None
    actions: Mapping[str, str] | None = getattr(view, "action_map", None)
    if actions is not None and name != "options":
        return actions.get(name)  # view.action is "metadata" while OPTIONS asks about the others
    return name if hasattr(view, name) else None


def _is_mandatory(permissions: Iterable[Any]) -> bool:
    return any(
        isinstance(p, HasScope) or (isinstance(p, AND) and _is_mandatory(vars(p).values()))
        for p in permissions
    )
