"""What stands in the way of a secret that would work: nobody is handed one that is dead on arrival.

One sentence for each status in which requests are refused, whoever wants to make, rotate or enable.
"""

from __future__ import annotations

from apikeys.models import AccessToken
from apikeys.models.tokens import Status
from apikeys.services.errors import Conflict


def obstacle_of(token: AccessToken) -> Conflict | None:
    """Return why requests with the token are refused, whatever its secret; None when they are not.

    A disabled token has no obstacle: who manages it can enable it.
    """
    match token.status:
        case Status.REVOKED:
            return Conflict("token.revoked", "This token is revoked, for ever.")
        case Status.EXPIRED:
            return Conflict("token.expired", "This token has expired. Generate a new one.")
        case Status.ARCHIVED:
            return Conflict("workspace.archived", "This workspace is archived.", field="workspace")
        case Status.OWNER_GONE:
            return Conflict(
                "token.owner_gone",
                "The owner of this token is gone: it is refused for ever. Revoke it.",
            )
        case Status.SUSPENDED:
            return Conflict(
                "organization.suspended",
                "This organization is suspended: its tokens are refused until it is active again.",
            )
        case Status.OWNER_INACTIVE:
            return Conflict(
                "token.owner_inactive",
                "The account of this token's owner is inactive: the token is refused until the "
                "account is active again.",
            )
    return None


def require_no_obstacle(token: AccessToken) -> None:
    """Refuse to make a secret, or let one work again, that every request would be refused with.

    Raises:
        Conflict: as ``obstacle_of`` says.
    """
    if (found := obstacle_of(token)) is not None:
        raise found
