"""A creation id makes one secret, however often the request is sent."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine

from apikeys.credentials.digests import text_of
from apikeys.models import AccessToken, AuditEvent, SecretIssue
from apikeys.services.errors import AlreadyIssued, Invalid
from apikeys.services.tokens import create_token, revoke_token, rotate_token

NOW = datetime.fromisoformat("2030-01-01T12:00:00+00:00")
DAY = timedelta(days=1)


@pytest.fixture
def create(actor, production):
    def make(**fields):
        asked = {"name": "Deploy", "scopes": ["notes:read"], "creation_id": "c-1", **fields}
        return create_token(**{"actor": actor, "workspace": production, **asked})

    return make


def refused(kind, work):
    before = AuditEvent.objects.count(), list(AccessToken.objects.order_by("pk").values())
    issues = SecretIssue.objects.count()
    with pytest.raises(kind) as caught:
        work()
    after = AuditEvent.objects.count(), list(AccessToken.objects.order_by("pk").values())
    assert (after, SecretIssue.objects.count()) == (before, issues)
    return caught.value


def test_a_repeat_makes_nothing_and_names_the_token_it_made_before(create):
    made = create()
    error = refused(AlreadyIssued, create)
    assert (error.code, error.extra) == ("creation_id.used", {"token_id": made.token.token_id})
    assert made.secret not in str(error)


def test_a_repeat_is_known_by_what_it_means(create, alice):
    create(scopes=["notes:write", "notes:read"], description=" x ", allowed_networks=["10.0.0.1/8"])
    refused(
        AlreadyIssued,
        lambda: create(
            scopes=["notes:read", "notes:write", "notes:read"],
            description="x",
            allowed_networks=["10.0.0.0/8"],
        ),
    )


def test_a_repeat_a_minute_later_asks_for_the_same_days(create):
    with time_machine.travel(NOW, tick=False) as clock:
        create(expires_at=90 * DAY)
        clock.shift(60)
        refused(AlreadyIssued, lambda: create(expires_at=90 * DAY))
        error = refused(Invalid, lambda: create(expires_at=30 * DAY))
    assert error.code == "creation_id.reused"


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Other"},
        {"scopes": []},
        {"expires_at": DAY},
        {"allowed_networks": ["10.0.0.0/8"]},
        {"description": "x"},
        {"kind": "personal"},
    ],
)
def test_the_same_id_with_another_request_is_refused(create, alice, fields):
    create()
    if "kind" in fields:
        fields = {**fields, "owner": alice}
    error = refused(Invalid, lambda: create(**fields))
    assert (error.code, error.field) == ("creation_id.reused", "creation_id")


def test_the_same_id_for_another_owner_or_workspace_is_another_request(
    create, alice, bob, development
):
    create(kind="personal", owner=alice)
    for fields in ({"owner": bob}, {"owner": alice, "workspace": development}):
        error = refused(Invalid, lambda fields=fields: create(kind="personal", **fields))
        assert error.code == "creation_id.reused"


def test_a_repeat_stays_a_repeat_after_the_token_has_ended(create, actor):
    revoke_token(actor=actor, token=create().token)
    refused(AlreadyIssued, create)


def test_a_failed_request_uses_no_id_up(create):
    refused(Invalid, lambda: create(name=""))
    assert create().secret


def test_each_organization_has_its_own_ids_and_none_is_needed(create, globex):
    create()
    create(workspace=globex.workspaces.first())
    create(creation_id=None, name="One")
    create(creation_id=None, name="Two")
    assert SecretIssue.objects.count() == 2


def test_rotation_uses_ids_of_the_same_kind(create, actor):
    token = create().token
    error = refused(Invalid, lambda: rotate_token(actor=actor, token=token, creation_id="c-1"))
    assert error.code == "creation_id.reused"
    new = rotate_token(actor=actor, token=token, overlap=DAY, creation_id="r-1")
    error = refused(
        AlreadyIssued,
        lambda: rotate_token(actor=actor, token=token, overlap=DAY, creation_id="r-1"),
    )
    assert error.extra == {"token_id": new.token.token_id}
    error = refused(Invalid, lambda: rotate_token(actor=actor, token=token, creation_id="r-1"))
    assert error.code == "creation_id.reused"


@pytest.mark.parametrize("creation_id", ["", "x" * 256, "a\nb", "a\x00"])
def test_an_id_that_can_t_be_one_is_refused(create, creation_id):
    error = refused(Invalid, lambda: create(creation_id=creation_id))
    assert (error.code, error.field) == ("creation_id.invalid", "creation_id")
    assert create(creation_id="x" * 255)


def test_what_is_remembered_helps_nobody_to_the_secret(create):
    made = create()
    row = SecretIssue.objects.values().get()
    assert made.secret not in str(row)
    assert text_of(made.token.digest) not in str(row)
