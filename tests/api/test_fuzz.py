"""Schemathesis over the whole management API: what is answered is what is documented.

Every operation gets FUZZ_EXAMPLES requests (50; scripts/fuzz sends 1,000) beside the boundary cases
of its schema, good ones and bad ones, from an admin's session and from a managing token. All checks
of schemathesis are on: no 5xx, no undocumented status, content type, header or body, bad input
refused, good input accepted, methods refused that are not there, no operation open to everybody.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from apikeys import reauthentication
from apikeys.models import Invitation, Membership
from apikeys.scopes import MANAGE
from apikeys.services.tokens import rotate_token
from apikeys.testing import reset_limits

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "50"))

pytestmark = [pytest.mark.slow, pytest.mark.project, pytest.mark.django_db]

_django = get_wsgi_application()


def over_https(environ: dict[str, Any], start_response: Any) -> Any:
    """The application as it is behind TLS."""
    tls = {"wsgi.url_scheme": "https", "REMOTE_ADDR": "127.0.0.1"}
    return _django({**environ, **tls}, start_response)


schema = schemathesis.openapi.from_wsgi(
    "/access/v1/schema",
    over_https,
    config=SchemathesisConfig.from_dict(
        {
            "generation": {
                "max-examples": EXAMPLES,
                "database": "none",
                # The callers bring their own; two credentials at once are another answer.
                "with-security-parameters": False,
            },
            # Rules that no schema can express (names that are taken, scopes that exist, a moment
            # that lies ahead) are 400, as are those that it can.
            "checks": {
                "positive_data_acceptance": {
                    "expected-statuses": ["2xx", "400", "401", "403", "404", "409", "422"]
                }
            },
        }
    ),
)
budget = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=EXAMPLES == 50,
)


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """Requests share the test's transaction, as those of Django's own test client do."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def names(settings, issue, actor, acme, alice, bob, development) -> dict[str, str]:
    """What the paths name: one of each, so that requests get as far as they can."""
    settings.APIKEYS = {
        **settings.APIKEYS,
        "LIMITS_STORAGE": "memory://",
        "LIMITS": {"failed_credentials": "1000000/minute"},
    }
    reset_limits()
    token = issue(name="Named").token
    rotate_token(actor=actor, token=token, overlap=timedelta(hours=1))
    invitation = Invitation.objects.create(
        organization=acme,
        email="dana@example.org",
        role="member",
        invited_by=alice,
        expires_at=timezone.now() + timedelta(days=7),
    )
    return {
        "organization": "acme",
        "workspace": "development",
        "token_id": token.token_id,
        "members": str(Membership.objects.get(user=bob).public_id),
        "invitations": str(invitation.public_id),
    }


@pytest.fixture
def session(alice, acme) -> dict[str, Any]:
    """What an admin's browser sends."""
    client = Client()
    client.force_login(alice)
    stored = client.session
    stored[reauthentication.SESSION_KEY] = timezone.now().timestamp()
    stored.save()
    proof = "a" * 32
    cookie = f"sessionid={stored.session_key}; csrftoken={proof}"
    headers = {"Cookie": cookie, "X-CSRFToken": proof, "Referer": "https://localhost/"}
    return {"headers": headers}


@pytest.fixture
def managing(issue) -> dict[str, Any]:
    """What a program with a managing token sends."""
    issued = issue(scopes=[MANAGE, "notes:read", "notes:write"], name="Manager")
    return {"headers": {"X-API-Key": issued.api_key}}


def answer(case: Any, names: dict[str, str], caller: dict[str, Any]) -> None:
    """Send the request, check the answer, and put everything back."""
    if case.meta is None or not case.meta.is_negative_at("path"):
        for name in case.path_parameters or {}:
            found = names.get(name) or names.get(case.operation.tags[0])
            if found is not None:
                case.path_parameters[name] = found
    with transaction.atomic():
        try:
            case.call_and_validate(**caller)
        finally:
            transaction.set_rollback(True)


@schema.parametrize()
@budget
def test_an_admin_s_session_is_answered_as_documented(case, names, session):
    answer(case, names, session)


@schema.parametrize()
@budget
def test_a_managing_token_is_answered_as_documented(case, names, managing):
    answer(case, names, managing)
