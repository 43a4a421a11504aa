"""Every column of every model, sent with every POST and PATCH: none gets further than it should.

A field that an operation does not declare is a 400 that names it, and nothing was written.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.db import transaction

from apikeys.models import AuditEvent
from tests.api.test_tenant_matrix import ROUTES, TABLE, side, sides  # noqa: F401  # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.project]

NAMES = sorted(
    {
        name
        for model in apps.get_app_config("apikeys").get_models()
        for field in model._meta.get_fields()
        for name in (field.name, getattr(field, "attname", field.name))
    }
    | {"is_staff", "is_superuser", "pk", "organization", "secret", "api_key", "__class__"}
)
WRITES = sorted(
    route
    for route in TABLE
    if route.startswith(("POST", "PATCH", "PUT")) and route != "POST organization-leave"
)
# What each operation means to take; all else must be refused or have no effect.
MEANT = {
    "PATCH organization-detail": {"name", "max_lifetime_days", "allowed_networks", "limits"},
    "POST workspace-list": {"name", "environment", "dialect"},
    "PATCH workspace-detail": {"name"},
    "POST token-list": {
        "workspace",
        "name",
        "description",
        "kind",
        "scopes",
        "allowed_networks",
        "expires_at",
    },
    "PATCH token-detail": {"name", "description", "scopes", "allowed_networks", "expires_at"},
    "POST token-rotate": {"overlap_seconds", "seen_rotated_at"},
    "POST token-revoke": {"reason"},
    "POST token-bulk-revoke": {"token_ids", "reason"},
    "POST token-revoke-all": {"workspace", "reason"},
    "POST member-list": {"user", "role"},
    "PATCH member-detail": {"role"},
    "POST invitation-list": {"email", "role"},
}


def everything() -> str:
    """Return every row of ours as text."""
    models = apps.get_app_config("apikeys").get_models()
    return "".join(
        serializers.serialize("json", model._base_manager.order_by("pk")) for model in models
    )


def test_there_are_columns_to_try_and_operations_to_try_them_on():
    assert {"digest", "parent_id", "credits", "created_by", "revoked_at", "token_id"} <= set(NAMES)
    assert set(MEANT) <= set(WRITES)
    # The others take no body at all.
    assert set(WRITES) - set(MEANT) == {
        "POST workspace-archive",
        "POST token-end-overlap",
        "POST token-disable",
        "POST token-enable",
        "POST invitation-resend",
    }


@pytest.mark.parametrize("route", sorted(MEANT))
def test_a_column_that_an_operation_does_not_declare_is_refused_by_name(route, request):
    here, _ = request.getfixturevalue("sides")
    method, name, parameters = ROUTES[route]
    path = here.path(name, parameters)
    body = json.loads(here.body(TABLE[route]))
    before = everything()
    columns = [column for column in NAMES if column not in MEANT[route]]
    for value in ("x", 1, True, None, [1], {"id": 1}):
        sent = {**body, **dict.fromkeys(columns, value)}
        answer = send(here.admin, method, path, sent)
        assert answer.status_code == 400, (value, answer.content)
        assert list(answer.json()["fields"]) == columns
    assert everything() == before


@pytest.mark.parametrize("route", sorted(set(WRITES) - set(MEANT)))
def test_what_takes_no_body_does_the_same_whatever_is_sent(route, request):
    here, _ = request.getfixturevalue("sides")
    method, name, parameters = ROUTES[route]
    path = here.path(name, parameters)
    sent = dict.fromkeys(NAMES, "x")
    with transaction.atomic():
        plain = here.admin.generic(method, path, b"", content_type="application/json")
        plainly = _without_times(everything())
        transaction.set_rollback(True)
    with transaction.atomic():
        loaded = here.admin.generic(method, path, json.dumps(sent), content_type="application/json")
        assert _without_times(everything()) == plainly
        transaction.set_rollback(True)
    assert loaded.status_code == plain.status_code


def test_a_column_in_the_query_of_a_write_changes_nothing(request):
    here, _ = request.getfixturevalue("sides")
    for route in sorted(MEANT):
        method, name, parameters = ROUTES[route]
        query = "&".join(f"{column}=1" for column in NAMES)
        path = f"{here.path(name, parameters)}?{query}"
        with transaction.atomic():
            body = here.body(TABLE[route])
            here.admin.generic(method, path, body, content_type="application/json")
            events = AuditEvent.objects.exclude(actor_kind="system")
            said = {key for event in events for key in event.details.get("after", {})}
            assert said <= MEANT[route]
            transaction.set_rollback(True)


def send(caller: Any, method: str, path: str, body: Any) -> Any:
    return caller.generic(method, path, json.dumps(body), content_type="application/json")


def _without_times(text: str) -> list[Any]:
    """Return the rows without what differs between any two runs."""
    rows = []
    for part in text.replace("][", "]\n[").splitlines():
        for row in json.loads(part):
            moving = ("created_at", "updated_at", "disabled_at", "archived_at", "expires_at")
            fields = {n: v for n, v in row["fields"].items() if n not in (*moving, "public_id")}
            fields["revoked_at"] = bool(fields.get("revoked_at"))
            rows.append([row["model"], fields])
    return rows
