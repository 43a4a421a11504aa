"""The form that generates a token, filled in as a person does, and the key on the page after it."""

from __future__ import annotations

import re


def hidden(page: str, name: str) -> str:
    """Return the value of a field of a form."""
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found, f"no {name}: {page[-800:]}"
    return found[1]


def generate(page: str, name: str) -> dict[str, str]:
    """Return what is sent for a token of the workspace ``development`` that reads."""
    return {
        "creation_id": hidden(page, "creation_id"),
        "name": name,
        "workspace": "development",
        "may-default-preset": "read",
        "expiry": "90",
        "kind": "automation",
        "allowed_networks": "",
    }


def key(page: str) -> str:
    """Return the API key that the page shows this once."""
    found = re.search(r"\b[a-z]+(?:_[a-z]+)?_[A-Za-z0-9]{16}_[A-Za-z0-9]{49}\b", page)
    assert found, f"no key: {page[-2000:]}"
    return found.group()
