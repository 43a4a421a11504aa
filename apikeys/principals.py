"""Who a request with a token acts as: ``request.user``, and the token itself for type checkers.

A personal token acts as its owner. For an automation token, which is no person's,
``APIKEYS["AUTOMATION_USER"]`` names a function that takes the token and returns the user: one of
``token``, ``anonymous`` and ``service_account`` here, or a host's own. Knows no framework.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser

from apikeys.models import AccessToken, people
from apikeys.refusals import Reason, Refusal
from apikeys.services import service_accounts
from apikeys.verification.acting import user_of

__all__ = [
    "AccessTokenPrincipal",
    "anonymous",
    "service_account",
    "token",
    "token_of",
    "user_of",
]


class AccessTokenPrincipal:
    """``request.user`` of an automation token unless told otherwise: authenticated, and no person.

    Never staff, never superuser, without permissions; ``pk`` can't be mistaken for a user's. It is
    no row, so no foreign key takes it.
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

    def __repr__(self) -> str:
        # Django shows it where somebody stores request.user as the owner of a row.
        return f"<{self.pk}, no row of the user model: see AUTOMATION_USER, docs/request-user.md>"

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


def token(token: AccessToken) -> Any:
    """Return an ``AccessTokenPrincipal``: logged in, and no row of the user model."""
    return AccessTokenPrincipal(token)


def anonymous(token: AccessToken) -> Any:
    """Return Django's ``AnonymousUser``, which other packages know; ``request.auth`` says who."""
    return AnonymousUser()


def service_account(token: AccessToken, **fields: Any) -> Any:
    """Return the user that stands for the token's workspace, and make it where there is none.

    It is made with the workspace's first automation token, can't log in, and is neither staff nor
    superuser; see docs/request-user.md.

    Args:
        token: an automation token.
        fields: values of a new one's columns, for a user model that needs more than a name: call
            this from a function of your own.

    Raises:
        Refusal: somebody has deactivated it.
        ImproperlyConfigured: the user model needs more, or refuses a value; says which.
    """
    account = service_accounts.of(token, fields)
    if not people.is_active(account):
        raise Refusal(Reason.OWNER_INACTIVE, token_id=token.token_id, token_pk=token.pk)
    return account


def token_of(request: object) -> AccessToken | None:
    """Return the token that carries a request, for code that has to know its type.

    Args:
        request: of Django, Django REST framework or django-ninja.

    Returns:
        None for a person's request, and for one without any credential.
    """
    auth = getattr(request, "auth", None)
    return auth if isinstance(auth, AccessToken) else None
