"""What a token and what stands around it look like in each state.

Changes instances and writes nothing. The states that ``AccessToken.status`` knows have its names.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, Literal, get_args

from django.contrib.auth import get_user_model
from django.db.models.query_utils import DeferredAttribute
from django.utils import timezone

from apikeys.models import AccessToken
from apikeys.models.people import declared_activity
from apikeys.models.status import Status

State = Literal[
    "active",
    "expiring",
    "expired",
    "disabled",
    "revoked",
    "archived",
    "suspended",
    "owner_inactive",
    "owner_gone",
    "rotated",
    "unknown",
    "wrong_secret",
]
"""``rotated``: within the overlap of a rotation. ``unknown``: a key whose token id nobody has.
``wrong_secret``: the id of a token with another secret."""

OWNED: Final = ("owner_inactive", "owner_gone")


def require_known(state: str) -> None:
    """Refuse what is no state.

    Raises:
        ValueError: it is none.
    """
    if state not in get_args(State):
        raise ValueError(f"state={state!r}: choose one of {', '.join(get_args(State))}.")


def put_into(token: AccessToken, state: str) -> None:
    """Change a token, its workspace, its organization and its owner to what they are in a state.

    Args:
        token: of which ``owner_is_member`` is known.
        state: one of ``State``.

    Raises:
        ValueError: what was said of the token puts it into another state.
    """
    if (change := _CHANGES.get(state)) is not None:
        change(token)
    status = token.status
    if (state in Status.values and status != state) or (state == "rotated" and not token.is_usable):
        raise ValueError(
            f"state={state!r} can't be had with these: the token would be {status.value}."
        )


def changed_beside(token: AccessToken, state: str) -> tuple[Any, str] | None:
    """Return what a state has changed that is not the token's: the instance and its attribute."""
    match state:
        case "archived":
            return token.workspace, "archived_at"
        case "suspended":
            return token.organization, "suspended_at"
        case "owner_inactive":
            return token.owner, "is_active"
    return None


def _expire(token: AccessToken) -> None:
    ended = timezone.now() - timedelta(hours=1)
    token.created_at, token.expires_at = ended - timedelta(days=30), ended


def _let_expire_soon(token: AccessToken) -> None:
    token.expires_at = timezone.now() + timedelta(days=3)


def _disable(token: AccessToken) -> None:
    token.disabled_at = timezone.now()


def _revoke(token: AccessToken) -> None:
    token.revoked_at = timezone.now()
    token.revoked_by, token.revoke_reason = "tests", "made for a test"


def _archive(token: AccessToken) -> None:
    token.workspace.archived_at = timezone.now()


def _suspend(token: AccessToken) -> None:
    token.workspace.organization.suspended_at = timezone.now()


def _pause_owner(token: AccessToken) -> None:
    owner: Any = token.owner
    if not isinstance(declared_activity(get_user_model()), DeferredAttribute):
        raise ValueError(
            "state='owner_inactive' can't be had: is_active is no column of this user model. Give "
            "an owner= who is inactive to begin with, where the model works it out."
        )
    owner.is_active = False


def _lose_owner(token: AccessToken) -> None:
    token.__dict__["owner_is_member"] = False


_CHANGES: Final[dict[str, Callable[[AccessToken], None]]] = {
    "expiring": _let_expire_soon,
    "expired": _expire,
    "disabled": _disable,
    "revoked": _revoke,
    "archived": _archive,
    "suspended": _suspend,
    "owner_inactive": _pause_owner,
    "owner_gone": _lose_owner,
}
