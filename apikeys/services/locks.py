"""Row locks, always in the order organization, token, so that no two changes wait in a circle.

An organization's lock writes its row (``models/locks.py``): what was decided under it holds under
REPEATABLE READ too. ``no_key`` lets rows that point here be inserted meanwhile: usage is never
held up by a change.
"""

from __future__ import annotations

from django.db import router

from apikeys.models import AccessToken, Organization
from apikeys.models.locks import lock
from apikeys.models.tokens import AccessTokenQuerySet


def lock_organization(organization: Organization) -> Organization:
    """Return the organization as it is now, locked until the transaction ends."""
    lock([organization.pk], router.db_for_write(Organization))
    return Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)


def lock_token(token: AccessToken) -> AccessToken:
    """Return the token as it is now, with workspace and organization, locked."""
    return (
        AccessToken.objects.select_related("workspace__organization")
        .select_for_update(of=("self",), no_key=True)
        .get(pk=token.pk)
    )


def lock_tokens(tokens: AccessTokenQuerySet) -> list[AccessToken]:
    """Return the tokens as they are now, locked, in the order of their keys."""
    return list(
        tokens.select_related("workspace__organization")
        .select_for_update(of=("self",), no_key=True)
        .order_by("pk")
    )
