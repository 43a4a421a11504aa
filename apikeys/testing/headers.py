"""The header that brings a key, made the way a client makes it."""

from __future__ import annotations

import base64

from apikeys.credentials.carriers import Basic, Carrier, header_name
from apikeys.services.issuing import IssuedToken


def headers_of(issued: IssuedToken, carrier: str | None = None) -> dict[str, str]:
    """Return the header that brings a key.

    Args:
        issued: the token with its secret.
        carrier: the label of a carrier of its dialect; the preferred one when not given.

    Raises:
        ValueError: the dialect has no such carrier.
    """
    carriers = issued.token.workspace.speaks.carriers
    chosen = carriers[0] if carrier is None else _labelled(carrier, carriers)
    value = _pair(issued) if isinstance(chosen, Basic) else issued.api_key
    return {header_name(chosen.meta_key): f"{chosen.scheme.title()} {value}".lstrip()}


def _labelled(label: str, carriers: tuple[Carrier, ...]) -> Carrier:
    found = next((one for one in carriers if one.label == label), None)
    if found is None:
        known = ", ".join(one.label for one in carriers)
        raise ValueError(f"carrier={label!r}: the dialect has {known}.")
    return found


def _pair(issued: IssuedToken) -> str:
    return base64.b64encode(f"{issued.token.token_id}:{issued.secret}".encode()).decode()
