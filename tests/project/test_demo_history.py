"""The past that the demo's first organization is born with."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from apikeys.models import AccessToken, AuditEvent, Organization, RefusalCounter, UsageCounter
from apikeys.queries import reports
from project.demo.clock import at

pytestmark = [pytest.mark.django_db, pytest.mark.project]

EVENTS = {
    "organization.created": 1,
    "organization.updated": 1,
    "workspace.created": 2,
    "member.added": 1,
    "member.role_changed": 2,
    "token.created": 12,
    "token.updated": 1,
    "token.disabled": 2,
    "token.enabled": 1,
    "token.rotated": 2,
    "token.revoked": 1,
}


@pytest.fixture
def start(monkeypatch: Any) -> Any:
    monkeypatch.setenv("DEMO_PASSWORD", "correct horse battery staple")
    return lambda: call_command("seed_demo", stdout=io.StringIO())


@pytest.fixture
def acme(start: Any) -> Organization:
    start()
    return Organization.objects.get(slug="acme")


def demo_tokens() -> dict[str, AccessToken]:
    found = AccessToken.objects.filter(description__startswith="Demo data. ")
    return {token.name: token for token in found}


def test_there_are_tokens_in_every_state(acme: Organization) -> None:
    tokens = demo_tokens()
    assert {name: token.status.value for name, token in tokens.items()} == {
        "Order service": "active",
        "Mobile backend": "active",
        "Invoice export": "expiring",
        "Status page": "active",
        "Partner sync": "expired",
        "Old importer": "disabled",
        "Smoke tests": "revoked",
        "Load test": "active",
        "Ada's laptop": "active",
        "Max's laptop": "expiring",
        "Docs examples": "active",
    }
    assert [name for name, token in tokens.items() if token.has_overlap()] == ["Mobile backend"]
    assert [name for name, t in tokens.items() if t.last_used_at is None] == ["Docs examples"]
    now = timezone.now()
    for token in tokens.values():
        assert token.created_at < (token.last_used_at or now) <= now
        assert token.created_at < now - timedelta(days=11)


def test_the_audit_log_tells_how_it_came_about(acme: Organization) -> None:
    events = AuditEvent.objects.filter(organization_id=acme.pk)
    counted = {action: events.filter(action=action).count() for action in EVENTS}
    # The twelfth is the quick start's own token.
    assert (counted, events.count()) == (EVENTS, sum(EVENTS.values()))
    assert events.earliest("created_at").action == "organization.created"
    for event in events.exclude(actor_kind="system"):
        assert (event.actor_label, event.request_id) == ("admin@example.com", "demo-data")
    revoked = demo_tokens()["Smoke tests"]
    assert revoked.revoked_at == events.get(action="token.revoked").created_at
    assert timezone.now() - revoked.revoked_at > timedelta(days=9)


def test_a_month_of_requests_is_counted(acme: Organization) -> None:
    usage = reports.usage(acme, reports.RANGES["30d"])
    # Today may have begun a second ago.
    assert all(step.counts.total for step in usage.steps[:-1])
    assert min(usage.totals.by_outcome.values()) > 0
    refused = {row.reason for row in reports.refused_by_reason(acme, reports.RANGES["30d"])}
    assert refused == {
        "address.not_allowed",
        "credential.wrong_secret",
        "token.disabled",
        "token.expired",
        "token.revoked",
    }
    tokens = demo_tokens()
    for name in ("Partner sync", "Old importer", "Smoke tests"):
        ended = tokens[name].last_used_at
        later = UsageCounter.objects.filter(token=tokens[name], started_at__gt=ended)
        assert set(later.values_list("outcome", flat=True)) == {"refused"}
    assert not UsageCounter.objects.filter(started_at__gt=timezone.now()).exists()


def test_a_second_start_adds_nothing_but_its_key(acme: Organization, start: Any) -> None:
    def held() -> list[Any]:
        kinds = (UsageCounter, RefusalCounter)
        return [list(kind.objects.order_by("pk").values()) for kind in kinds]

    before, events = held(), AuditEvent.objects.count()
    # Its key is named after the second of the start.
    with at(timezone.now() + timedelta(seconds=2)):
        start()
    assert held() == before
    assert len(demo_tokens()) == 11
    assert AuditEvent.objects.count() == events + 1
    assert AuditEvent.objects.latest("pk").target_label.startswith("Quick start ")


def test_the_clock_is_put_back_whatever_happens(acme: Organization) -> None:
    real, then = timezone.now, timezone.now() - timedelta(days=3)

    def fail() -> None:
        with at(then):
            assert timezone.now() == then
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert timezone.now is real
    development = acme.workspaces.get(slug="development")
    made = AccessToken.objects.create(workspace=development, token_id="t", name="t", digest="plain")
    assert timezone.now() - made.created_at < timedelta(minutes=1)
