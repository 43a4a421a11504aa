"""What stands in the way of a secret that would work: nobody is handed one that is dead on arrival.

The token says which code it is (``obstacle``, ``rotation_refused``); here is the sentence for each,
whoever wants to make, rotate or enable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from apikeys.models import AccessToken
from apikeys.services.errors import Conflict

SENTENCES: Final[Mapping[str, Any]] = {
    "token.revoked": _("This token is revoked, for ever."),
    "token.expired": _("This token has expired. Generate a new one."),
    "workspace.archived": _("This workspace is archived."),
    "token.owner_gone": _("The owner of this token is gone: it is refused for ever. Revoke it."),
    "organization.suspended": _(
        "This organization is suspended: its tokens are refused until it is active again."
    ),
    "token.owner_inactive": _(
        "The account of this token's owner is inactive: the token is refused until the account is "
        "active again."
    ),
    "token.overlap_running": _(
        "The secret before the last rotation still works. End the overlap first."
    ),
    "token.shape_unknown": _("Tokens of this old shape can't be rotated."),
}


def conflict(code: str) -> Conflict:
    """Return the refusal of that code.

    Args:
        code: one of ``SENTENCES``.
    """
    field = "workspace" if code == "workspace.archived" else ""
    return Conflict(code, str(SENTENCES[code]), field=field)


def require_no_obstacle(token: AccessToken) -> None:
    """Refuse to make a secret, or let one work again, that every request would be refused with.

    Raises:
        Conflict: as ``AccessToken.obstacle`` says.
    """
    if (code := token.obstacle()) is not None:
        raise conflict(code)


def require_rotatable(token: AccessToken) -> None:
    """Refuse to make another secret of a token that gets none now.

    Raises:
        Conflict: as ``AccessToken.rotation_refused`` says.
    """
    if (code := token.rotation_refused()) is not None:
        raise conflict(code)
