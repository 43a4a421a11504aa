"""What an operation's document says of scopes, limits, prices and carriers.

Knows no documentation library and no view.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apikeys.dialects import Dialect
from apikeys.limits import Limit
from apikeys.scopes import AnyOf, Requirement


def title_of(dialect: Dialect) -> str:
    """Return a dialect's name as part of a component's."""
    return dialect.name.title().replace("-", "").replace("_", "")


def limit_text(limit: Limit) -> str:
    """Return a limit in words."""
    who = "address without a key" if limit.on == "anonymous" else limit.per
    return f"{limit.rate} per {who}"


def scopes_of(requirement: Requirement) -> dict[str, list[str]]:
    """Return the scopes that an operation needs, as its document says them."""
    if isinstance(requirement, AnyOf):
        return {"anyOf": sorted(requirement.names)}
    return {"allOf": sorted(requirement)}


def sentences(facts: dict[str, Any]) -> Iterator[str]:
    """Yield the facts of an operation as sentences."""
    if facts.get("sessions-only"):
        yield "For people in a session; a token gets no further than 403."
    if (scopes := facts.get("required-scopes")) is not None:
        word = " or " if "anyOf" in scopes else ", "
        names = word.join(f"`{name}`" for names in scopes.values() for name in names)
        yield f"Scopes: {names}."
    if facts.get("ends-caller") and not facts.get("sessions-only"):
        yield "Can end the key that carries it, so it is in no Postman collection."
    if (cost := facts.get("cost")) is not None:
        yield f"Costs {cost} credits."
    if limits := facts.get("limits"):
        yield f"Limits: {', '.join(limits)}."
