"""An audit event is one record, over the REST API, as CSV and as JSON lines."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from apikeys.models import AuditEvent

pytestmark = pytest.mark.django_db

NAMES = [
    "public_id",
    "created_at",
    "organization",
    "workspace",
    "action",
    "actor_kind",
    "actor",
    "token_id",
    "target",
    "address",
    "request_id",
    "details",
]
RECORD = {
    "public_id": "12345678-1234-4234-8234-123456789abc",
    "created_at": "2026-11-01T12:30:00.000000Z",
    "organization": "acme",
    "workspace": "production",
    "action": "token.revoked",
    "actor_kind": "user",
    "actor": "alice@example.org",
    "token_id": "aaaa",
    "target": "CI",
    "address": None,
    "request_id": "r-1",
    "details": {"reason": "Leaked"},
}


@pytest.fixture
def read(client, alice, acme):
    """Write one event and read it back: `read("csv")`."""
    client.force_login(alice)
    AuditEvent.objects.filter(organization_id=acme.pk).prune()
    AuditEvent.objects.create(
        public_id=UUID(RECORD["public_id"]),
        created_at=datetime(2026, 11, 1, 12, 30, tzinfo=UTC),
        organization_id=acme.pk,
        organization_slug="acme",
        workspace_slug="production",
        action="token.revoked",
        actor_kind="user",
        actor_id=str(alice.pk),
        actor_label="alice@example.org",
        token_id="aaaa",
        target_label="CI",
        request_id="r-1",
        details={"reason": "Leaked"},
    )

    def file(kind):
        return b"".join(client.get(f"/dashboard/acme/audit.{kind}").streaming_content).decode()

    def from_api():
        answer = client.get("/access/v1/organizations/acme/audit-events", secure=True)
        return answer.json()["results"]

    ways = {
        "api": from_api,
        "csv": lambda: list(csv.DictReader(io.StringIO(file("csv")))),
        "jsonl": lambda: [json.loads(line) for line in file("jsonl").splitlines()],
    }
    return lambda way: ways[way]()


@pytest.mark.parametrize("way", ["api", "csv", "jsonl"])
def test_an_event_has_the_same_names_in_the_same_order_wherever_it_is_read(read, way):
    [event] = read(way)
    assert list(event) == NAMES


@pytest.mark.parametrize("way", ["api", "jsonl"])
def test_an_event_is_the_same_record_over_the_api_and_as_a_line(read, way):
    assert read(way) == [RECORD]


def test_a_cell_that_is_no_text_is_empty_or_json(read):
    assert read("csv") == [{**RECORD, "address": "", "details": '{"reason": "Leaked"}'}]
