"""Schemathesis over the documents of the demo's APIs: answers are the documented ones, never 5xx.

The demo's systems take what their vendors take, which is more than a schema says, so good and bad
input are not told apart here; the management API is held to more in test_fuzz.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from django.db import transaction
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from apikeys.limits import limiter
from apikeys.services.organizations import create_organization
from apikeys.services.tokens import create_token
from apikeys.testing import reset_limits
from tests.api.test_fuzz import _one_connection, over_https  # noqa: F401  # a fixture

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "10"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    ignored_auth,
]
HEADERS = {
    "default": "X-API-Key",
    "tools-fast": "X-Fast-Api-Key",
    "freefiletools": "x-api-key",
    "fastcms": "X-API-Key",
    "fastly": "Fastly-Key",
}

pytestmark = [pytest.mark.slow, pytest.mark.project, pytest.mark.django_db]

budget = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=EXAMPLES == 10,
)
config = {
    "generation": {
        "max-examples": EXAMPLES,
        "database": "none",
        "with-security-parameters": False,
    }
}


@pytest.fixture
def headers(settings, alice, actor):
    """Make what a program with a key that may do everything sends to an API."""
    settings.APIKEYS = {
        **settings.APIKEYS,
        "LIMITS_STORAGE": "memory://",
        "LIMITS": {"failed_credentials": "1000000/minute"},
    }
    reset_limits()

    def make(dialect: str) -> dict[str, str]:
        acme = create_organization(
            actor=actor, name="Acme", slug="acme", admin=alice, dialect=dialect, credits=100_000
        )
        place = acme.workspaces.get(slug="production")
        scopes = sorted(place.speaks.scopes)
        issued = create_token(actor=actor, workspace=place, name="Fuzz", scopes=scopes)
        return {HEADERS[dialect]: issued.api_key}

    return make


def fuzz(dialect: str) -> Any:
    schema = schemathesis.openapi.from_wsgi(
        f"/access/v1/schema/{dialect}", over_https, config=SchemathesisConfig.from_dict(config)
    )

    @schema.parametrize()
    @budget
    def test(case, headers):
        limiter("memory://").clear()
        with transaction.atomic():
            try:
                case.call_and_validate(headers=headers(dialect), checks=CHECKS)
            finally:
                transaction.set_rollback(True)

    return test


test_notes_are_answered_as_documented = fuzz("default")
test_tools_fast_is_answered_as_documented = fuzz("tools-fast")
test_freefiletools_is_answered_as_documented = fuzz("freefiletools")
test_fastcms_is_answered_as_documented = fuzz("fastcms")
test_fastly_is_answered_as_documented = fuzz("fastly")
