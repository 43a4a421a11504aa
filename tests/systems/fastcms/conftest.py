"""People of FastCMS, their log-ins and their keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apikeys.models import Organization
from apikeys.services.organizations import create_organization
from tests.systems.fastcms.words import KEYS, PASSWORD
from tests.systems.transports import api, in_process, parametrize, transport

__all__ = ["api", "in_process", "transport"]
pytest_generate_tests = parametrize


@pytest.fixture
def acme(actor, alice) -> Organization:
    return create_organization(
        actor=actor, name="Acme", slug="acme", admin=alice, dialect="fastcms"
    )


@pytest.fixture
def globex(actor, charlie) -> Organization:
    return create_organization(
        actor=actor, name="Globex", slug="globex", admin=charlie, dialect="fastcms"
    )


@pytest.fixture
def log_in(api) -> Callable[..., dict[str, str]]:
    """Log in over HTTP and return the headers of the management calls."""

    def headers(email: str = "bob@example.org", **fields: str) -> dict[str, str]:
        body = {"email": email, "password": PASSWORD, **fields}
        answer = api.post("/api/v1/auth/login", body, format="json")
        assert answer.status_code == 200, answer.content
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    return headers


@pytest.fixture
def make_key(api, log_in, bob) -> Callable[..., dict[str, Any]]:
    """Make a key over HTTP as bob, of the production workspace and with every scope."""

    def make(**fields: Any) -> dict[str, Any]:
        headers = fields.pop("headers", None) or log_in()
        body = {"name": "CI/CD Pipeline Key", **fields}
        answer = api.post(KEYS, body, format="json", headers=headers)
        assert answer.status_code == 201, answer.content
        return answer.json()

    return make
