"""Whether a change lets more through than before, and the password that such a change asks for.

A stolen session narrows, never widens: who left a browser open loses no fence by it. Judged by
what the change does, under its lock, from the row before and after. Knows no session: the edge says
in the actor whether the password was checked a moment ago. The table is in docs/security.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.utils.translation import gettext as _

from apikeys import networks
from apikeys.limits import Limit
from apikeys.services.actors import Actor
from apikeys.services.errors import NotAllowed

PASSWORD_REQUIRED: Final = "reauthentication.required"  # noqa: S105


def require_recent_password(actor: Actor) -> None:
    """Refuse a person whose password was last checked too long ago; tokens and the system pass.

    Raises:
        NotAllowed: ``reauthentication.required``.
    """
    if actor.kind == "user" and not actor.password_recent:
        raise NotAllowed(
            PASSWORD_REQUIRED,
            _("Confirm your password in the dashboard, then send the request again."),
        )


def token_widens(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a token may be used from where it could not be used before.

    Scopes and expiry of a live token can't grow at all, so nothing is said of them.

    Args:
        before: the fields that change, as they are stored.
        after: the same fields as they are going to be.
    """
    return "allowed_networks" in after and networks_widen(
        before["allowed_networks"], after["allowed_networks"]
    )


def policy_widens(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether an organization's policy lets anything through that it did not before.

    One widening among any number of narrowings widens.

    Args:
        before: the fields that change, as they are stored.
        after: the same fields as they are going to be.
    """
    return (
        token_widens(before, after)
        or _lifetime_widens(before.get("max_lifetime_days"), after.get("max_lifetime_days"))
        or _rates_widen(before.get("limits", {}), after.get("limits", {}))
    )


def networks_widen(before: Sequence[str], after: Sequence[str]) -> bool:
    """Whether a list of networks lets in an address that another does not.

    Args:
        before: the other list, such as a token's own or that of the token that makes it.
        after: the list as it is going to be.
    """
    try:
        return not networks.is_within(after, before)
    except ValueError:  # a list that was written past the services can't be compared
        return True


def _lifetime_widens(before: int | None, after: int | None) -> bool:
    """None has no end; so nothing is longer than None."""
    return before is not None and (after is None or after > before)


def _rates_widen(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """A rate set or taken away may widen: the usual one is the view's own, and unknown here."""
    return before.keys() != after.keys() or any(
        rate != before[name] and not _is_lower(rate, before[name]) for name, rate in after.items()
    )


def _is_lower(rate: str, other: str) -> bool:
    """Whether a rate admits at most as many, in the other's window and at any moment of it."""
    try:
        new, old = Limit(rate), Limit(other)
    except ValueError:  # written past the services
        return False
    return new.amount * math.ceil(old.seconds / new.seconds) <= old.amount
