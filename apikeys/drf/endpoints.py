"""A DRF view as an endpoint: the scopes, limits and anonymous access that it declares.

What a view declares is read once for a class, action and method, unless code of the class works it
out anew. Knows no credential.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from rest_framework.permissions import SAFE_METHODS
from rest_framework.settings import api_settings

from apikeys.access.endpoint import Undeclared, Unforeseen
from apikeys.drf.trees import holds_scopes, require_scopes_asked
from apikeys.limits import Limit
from apikeys.scopes import Requirement, as_requirement

_ACTIONS: Final = {"POST": "write", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


class ViewEndpoint:
    """What a DRF view asks of those who call it.

    Args:
        view: the view, or None for a request that has none.
    """

    __slots__ = ("view",)

    def __init__(self, view: Any) -> None:
        self.view = view

    @property
    def limits(self) -> Sequence[Limit]:
        """The limits of the view."""
        return getattr(self.view, "limits", None) or ()

    def scopes_for(self, method: str) -> Requirement | None:
        """Return the scopes that a method needs; None for a token and no scope."""
        return None if self.view is None else declaration(self.view, method)

    def anonymous_for(self, method: str) -> str | None:
        """Return whom a method answers without a credential."""
        return anonymous_access(self.view, method)

    def kind_for(self, method: str) -> str:
        """Return ``read`` or ``write``, or what the view or the handler of an action names."""
        handler = getattr(self.view, getattr(self.view, "action", None) or method.lower(), None)
        named = getattr(handler, "limit_kind", None) or getattr(self.view, "limit_kind", None)
        return named or ("read" if method in SAFE_METHODS else "write")


def is_opened(view: Any, method: str) -> bool:
    """Whether somebody has opened a method of the view to keys, so that it owes a declaration.

    A view that has our authenticator, and ``HasScope`` perhaps, only because every view of the
    project has it, and says nothing of scopes, is none: it may be of a package. It takes no key and
    answers without one as if ours were not there.

    Args:
        view: a view whose authenticators include ours.
        method: the HTTP method.
    """
    from rest_framework.views import APIView  # imports what the settings name, and we may be that

    own = type(view).get_authenticators is not APIView.get_authenticators
    if own or not _is_default(view, "authentication_classes", APIView):
        return True
    name = _handler_name(view, method)
    handler = getattr(view, name) if name else None
    if any(getattr(view, word, None) or getattr(handler, word, None) for word in _OPENING):
        return True
    if _is_default(view, "permission_classes", APIView):
        return False
    try:
        return any(map(holds_scopes, _permissions_of(view)))
    except Undeclared:
        raise
    except Exception:
        if getattr(view, "request", None) is not None:
            raise
        return True  # that depends on the request, of which a check knows none


def _is_default(view: Any, name: str, base: Any) -> bool:
    """Whether the view has these classes from the settings: DRF hands out the very list."""
    found = getattr(view, name)
    return found is getattr(base, name) or found is getattr(api_settings, f"DEFAULT_{name.upper()}")


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
    said_in_as_view = not _DECLARING.isdisjoint(vars(view))
    if on_behalf_of_options or said_in_as_view or _is_worked_out(type(view)):
        # The next request, or another route of this view, may say otherwise.
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
        raise Undeclared(str(found), found.hint)
    return found[0]


_declared: dict[tuple[type, str | None, str], tuple[Requirement | None] | Undeclared] = {}
_SCOPES: Final = ("required_scopes", "scope_resource", "scopes_not_needed")
_OPENING: Final = (*_SCOPES, "anonymous_access")
_DECLARING: Final = frozenset({"http_method_names", "permission_classes", *_SCOPES})
_ASKING: Final = "_apikeys_asks_for_permissions"


_worked_out: dict[type, bool] = {}


def _is_worked_out(cls: type) -> bool:
    """Whether code of the class says what it declares, so that each request may hear another."""
    from rest_framework.views import APIView

    if (known := _worked_out.get(cls)) is not None:
        return known
    said = (inspect.getattr_static(cls, word, None) for word in _DECLARING)
    found = cls.get_permissions is not APIView.get_permissions or any(  # type: ignore[attr-defined]
        hasattr(type(each), "__get__") for each in said
    )
    _worked_out[cls] = found
    return found


def _declare(view: Any, method: str, name: str) -> Requirement | None:
    try:
        return _read(view, method, name)
    except Undeclared:
        raise
    except Exception:
        if getattr(view, "request", None) is not None:
            raise
        raise Unforeseen("what it declares depends on the request") from None


def _permissions_of(view: Any) -> Sequence[Any]:
    """Return the permissions of a view.

    Raises:
        Undeclared: they depend on who calls, which nobody knows before the scopes are.
    """
    if vars(view).get(_ASKING):
        raise Undeclared(
            "its get_permissions() looks at request.user or request.auth, which come later",
            "Write HasScope | IsAuthenticated, or a permission class that looks at them.",
        )
    setattr(view, _ASKING, True)
    try:
        permissions: Sequence[Any] = view.get_permissions()
    finally:
        delattr(view, _ASKING)
    return permissions


def _read(view: Any, method: str, name: str) -> Requirement | None:
    if getattr(view, "scopes_not_needed", False) is True:
        return None
    require_scopes_asked(_permissions_of(view))
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
    # view.action is "metadata" while OPTIONS asks about the others. A method that is not mapped is
    # answered all the same where the class has a handler of that name, as a generic view has.
    if actions is not None and name != "options" and (name in actions or not hasattr(view, name)):
        return actions.get(name)
    return name if hasattr(view, name) else None
