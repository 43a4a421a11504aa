"""Organizations of Fastly, their tokens and a service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apikeys.models import Organization
from apikeys.services.organizations import create_organization
from apikeys.services.tokens import IssuedToken
from tests.systems.transports import api, in_process, parametrize, transport

__all__ = ["api", "in_process", "transport"]
pytest_generate_tests = parametrize


@pytest.fixture
def acme(actor, alice) -> Organization:
    return create_organization(actor=actor, name="Acme", slug="acme", admin=alice, dialect="fastly")


@pytest.fixture
def globex(actor, charlie) -> Organization:
    return create_organization(
        actor=actor, name="Globex", slug="globex", admin=charlie, dialect="fastly"
    )


@pytest.fixture
def key(issue) -> Callable[..., dict[str, str]]:
    """The header of a new automation token with the scope `global`."""

    def make(scopes: Any = ("global",), **fields: Any) -> dict[str, str]:
        return header(issue(scopes=scopes, **fields))

    return make


@pytest.fixture
def service(api, key) -> str:
    """The address of a service of Acme's production workspace."""
    answer = api.post("/service", {"name": "www"}, format="json", headers=key())
    assert answer.status_code == 200, answer.content
    return f"/service/{answer.json()['id']}"


def header(issued: IssuedToken) -> dict[str, str]:
    return {"Fastly-Key": issued.api_key}
