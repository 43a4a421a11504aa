"""Rules of an API's own, as docs/faces.md shows them: time of day, client certificate."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from apikeys.activity import usage
from apikeys.dialects import DefaultDialect
from apikeys.models import RefusalCounter, UsageCounter
from apikeys.restrictions import Face, Facts
from tests.conftest import SecureAPIClient

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.support.apis")]


class OfficeHours:
    """Lets keys in from 8 to 18 o'clock."""

    def objection(self, token: Any, facts: Facts) -> Face | None:
        if 8 <= timezone.localtime().hour < 18:
            return None
        return Face(403, "hours.closed", "This API key works from 8 to 18 o'clock.")


class ClientCertificate:
    """Lets keys in with the client certificate that the proxy has verified."""

    def objection(self, token: Any, facts: Facts) -> Face | None:
        if facts.meta.get("HTTP_X_CLIENT_VERIFY") == "SUCCESS":
            return None
        return Face(403, "certificate.required", "Send your client certificate.")


class Seen:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[Any, Facts]] = []

    def objection(self, token: Any, facts: Facts) -> None:
        self.shown.append((token, facts))


@pytest.fixture
def restricted(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the default dialect restrictions."""
    return lambda *rules: monkeypatch.setattr(DefaultDialect, "restrictions", rules)


def test_a_key_works_in_office_hours_alone(
    api: SecureAPIClient, issue: Any, restricted: Any
) -> None:
    restricted(OfficeHours())
    issued = issue()
    with time_machine.travel("2026-11-30T12:00:00Z", tick=False):
        assert api.key(issued).get("/protected").status_code == 200
    with time_machine.travel("2026-11-30T22:00:00Z", tick=False):
        refused = api.key(issued).get("/protected")
    assert (refused.status_code, refused.json()) == (
        403,
        {
            "title": "Forbidden",
            "status": 403,
            "error": "hours.closed",
            "detail": "This API key works from 8 to 18 o'clock.",
        },
    )


def test_a_key_works_with_the_certificate_alone(
    api: SecureAPIClient, issue: Any, restricted: Any
) -> None:
    restricted(ClientCertificate())
    issued = issue()
    assert api.key(issued).get("/protected").json()["error"] == "certificate.required"
    shown = api.key(issued).get("/protected", HTTP_X_CLIENT_VERIFY="SUCCESS")
    assert shown.status_code == 200


def test_each_rule_is_asked_in_order_until_one_objects(
    api: SecureAPIClient, issue: Any, restricted: Any
) -> None:
    before, after = Seen(), Seen()
    restricted(before, ClientCertificate(), after)
    assert api.key(issue()).get("/protected").status_code == 403
    assert (len(before.shown), len(after.shown)) == (1, 0)


def test_a_rule_is_shown_the_token_and_the_request_without_its_secret(
    api: SecureAPIClient, issue: Any, restricted: Any
) -> None:
    seen = Seen()
    restricted(seen)
    issued = issue()
    assert api.key(issued).post("/protected").status_code == 403  # the scope is asked afterwards
    [(token, facts)] = seen.shown
    assert token == issued.token
    assert (facts.address, facts.secure, facts.method) == ("127.0.0.1", True, "POST")
    assert issued.secret not in repr(facts) + repr(dict(facts.meta))


@pytest.mark.parametrize("key", [None, "ak_prod_bad", "revoked"])
def test_what_is_refused_anyhow_asks_no_rule(
    api: SecureAPIClient, issue: Any, restricted: Any, key: str | None
) -> None:
    seen = Seen()
    restricted(seen)
    if key == "revoked":
        issued = issue()
        type(issued.token).objects.filter(pk=issued.token.pk).update(revoked_at=timezone.now())
        key = issued.api_key
    headers = {"X-API-Key": key} if key else {}
    assert api.get("/protected", headers=headers).status_code == 401
    assert seen.shown == []


def test_logs_and_counters_say_that_it_was_a_rule(
    api: SecureAPIClient, issue: Any, restricted: Any, caplog: pytest.LogCaptureFixture
) -> None:
    restricted(ClientCertificate())
    issued = issue()
    with caplog.at_level(logging.WARNING, logger="apikeys.requests"):
        api.key(issued).get("/protected")
    assert f"reason=restriction.refused dialect=default token_id={issued.token.token_id}" in (
        caplog.text
    )
    usage.flush()
    assert [row.reason for row in RefusalCounter.objects.all()] == ["restriction.refused"]
    assert [row.outcome for row in UsageCounter.objects.all()] == ["refused"]
    issued.token.refresh_from_db()
    assert issued.token.last_used_at is None
