"""Whom a token acts as: its owner, or whoever the function of ``AUTOMATION_USER`` returns.

Knows that function by its path alone: those that come with the library are in ``principals``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from apikeys import conf
from apikeys.models import AccessToken
from apikeys.models.tokens import Kind

_PERSONAL: Final = Kind.PERSONAL.value


def user_of(token: AccessToken | None) -> Any:
    """Return who a request with the token acts as; nobody for none. May ask the database.

    Raises:
        Refusal: the function of ``AUTOMATION_USER`` lets the token in to nothing now.
        RuntimeError: that function failed.
    """
    if token is None:
        return AnonymousUser()
    if token.kind == _PERSONAL:
        return token.owner
    path = conf.get().automation_user
    found = load(path)(token)
    if found is None:
        raise RuntimeError(f"{path} returned None, not a user.")
    return found


@lru_cache(maxsize=16)
def load(path: str) -> Callable[[AccessToken], Any]:
    """Return the function of that dotted path.

    Raises:
        ImproperlyConfigured: there is none.
    """
    try:
        found = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(f"APIKEYS['AUTOMATION_USER']: {error}") from error
    if not callable(found):
        raise ImproperlyConfigured(f"APIKEYS['AUTOMATION_USER']: {path} can't be called.")
    return found  # type: ignore[no-any-return]
