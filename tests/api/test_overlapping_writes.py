"""Programs that change the same thing at the same moment: field by field, nothing is lost."""

from __future__ import annotations

import pytest
from django.db import connection

from apikeys.models import AccessToken, AuditEvent, Organization
from tests.support.race import race

pytestmark = pytest.mark.django_db(transaction=True)

TRIALS = 20 if connection.vendor == "postgresql" else 5


def test_changes_of_different_fields_of_a_token_all_last(alice, acme, logged_in, issue):
    callers = [logged_in(alice) for _ in range(3)]
    for trial in range(TRIALS):
        token = issue(name=f"Before {trial}", scopes=["notes:read", "notes:write"]).token
        changes = (
            {"name": f"After {trial}"},
            {"description": "Changed"},
            {"scopes": ["notes:read"]},
        )
        answers = race(
            *(
                lambda caller=caller, body=body, path=f"tokens/{token.token_id}": caller.call(
                    "patch", path, body
                )
                for caller, body in zip(callers, changes, strict=True)
            )
        )
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        now = AccessToken.objects.get(pk=token.pk)
        assert (now.name, now.description, now.scopes) == (
            f"After {trial}",
            "Changed",
            ["notes:read"],
        )
        events = AuditEvent.objects.filter(token_id=token.token_id, action="token.updated")
        assert sorted(field for event in events for field in event.details["after"]) == [
            "description",
            "name",
            "scopes",
        ]


def test_changes_of_different_fields_of_a_policy_all_last(alice, acme, logged_in):
    callers = [logged_in(alice) for _ in range(3)]
    for trial in range(TRIALS):
        changes = (
            {"name": f"Acme {trial}"},
            {"max_lifetime_days": 10 + trial},
            {"allowed_networks": [f"198.51.100.{trial}/32", "127.0.0.1/32"]},
        )
        answers = race(
            *(
                lambda caller=caller, body=body: caller.call("patch", "", body)
                for caller, body in zip(callers, changes, strict=True)
            )
        )
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        now = Organization.objects.get(pk=acme.pk)
        assert (now.name, now.max_lifetime_days) == (f"Acme {trial}", 10 + trial)
        assert sorted(now.allowed_networks) == ["127.0.0.1/32", f"198.51.100.{trial}/32"]


def test_a_retry_that_overtakes_its_request_makes_one_token(alice, acme, logged_in):
    callers = [logged_in(alice) for _ in range(4)]
    body = {"workspace": "production", "name": "CI", "scopes": []}
    answers = race(
        *(
            lambda caller=caller: caller.call("post", "tokens", body, HTTP_IDEMPOTENCY_KEY="one")
            for caller in callers
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert AccessToken.objects.count() == 1
    assert sum("secret" in answer.json() for answer in answers) == 1
