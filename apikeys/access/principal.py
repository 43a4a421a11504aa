"""Who a request acts as."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.models import AnonymousUser

from apikeys.models import AccessToken
from apikeys.models.tokens import Kind

_PERSONAL: Final = Kind.PERSONAL.value


class AccessTokenPrincipal:
    """``request.user`` of an automation token: authenticated, and no person.

    Never staff, never superuser, without permissions; ``pk`` can't be mistaken for a user's.
    """

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False

    def __init__(self, token: AccessToken) -> None:
        self.token = token
        self.pk = self.id = f"token:{token.token_id}"

    def __str__(self) -> str:
        return self.pk

    def get_username(self) -> str:
        return self.pk

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return False

    def has_perms(self, perm_list: object, obj: object = None) -> bool:
        return False

    def has_module_perms(self, app_label: str) -> bool:
        return False

    def get_all_permissions(self, obj: object = None) -> set[str]:
        return set()


def user_of(token: AccessToken | None) -> Any:
    """Return the owner of a personal token, the principal of another, nobody for none."""
    if token is None:
        return AnonymousUser()
    return token.owner if token.kind == _PERSONAL else AccessTokenPrincipal(token)
