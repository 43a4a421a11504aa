"""A replica that lags decides nothing: what must be true now is read where writes go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from apikeys.models import (
    AccessToken,
    AuditEvent,
    Invitation,
    Membership,
    Organization,
    SecretIssue,
    Workspace,
)
from apikeys.services.errors import AlreadyIssued
from apikeys.services.members import is_last_admin
from apikeys.services.tokens import create_token, revoke_token, update_token

pytestmark = pytest.mark.django_db(databases=["default", "stale"])

SELF = "/access/v1/token"


class ReadsFromTheReplica:
    """Sends every read to a copy that stands still, as a read-write splitting host does."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "stale"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True


class WritesElsewhere(ReadsFromTheReplica):
    """Keeps everything in another database than `default`."""

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "stale"


@pytest.fixture(scope="module", autouse=True)
def _replica() -> Iterator[None]:
    """A second database, there before any test opens its transactions."""
    connections.databases["stale"] = {
        **connections.databases["default"],
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "OPTIONS": {"init_command": "PRAGMA foreign_keys=OFF"},
    }
    yield
    # That of SQLite keeps a database in memory open.
    BaseDatabaseWrapper.close(connections["stale"])
    del connections["stale"]
    del connections.databases["stale"]


@pytest.fixture
def freeze(settings: Any) -> Callable[[], None]:
    """Copy what there is into the replica, and send reads there from now on."""
    models = [get_user_model(), Organization, Workspace, Membership, AccessToken]

    def copy() -> None:
        with connections["stale"].schema_editor() as editor:
            for model in models:
                editor.create_model(model)
        for model in models:
            for row in model._base_manager.using("default"):
                row.save(using="stale", force_insert=True)
        settings.DATABASE_ROUTERS = [f"{__name__}.ReadsFromTheReplica"]

    return copy


def test_a_revoked_token_is_refused_and_a_new_one_accepted_at_once(freeze, api, issue, actor):
    old = issue()
    freeze()
    assert AccessToken._base_manager.using("stale").get().revoked_at is None
    revoke_token(actor=actor, token=old.token)
    new = create_token(
        actor=actor, workspace=old.token.workspace, name="New", scopes=["notes:read"]
    )
    assert api.key(old).get(SELF).status_code == 401
    assert api.key(new).get(SELF).status_code == 200
    assert AccessToken._base_manager.using("stale").get().revoked_at is None


def test_changes_start_from_the_writer(freeze, actor, acme, alice, issue):
    token = issue(scopes=["notes:read", "notes:write"]).token
    freeze()
    update_token(actor=actor, token=token, scopes=["notes:read"])
    assert update_token(actor=actor, token=token, description="x").scopes == ["notes:read"]
    assert AccessToken.objects.get().scopes == ["notes:read"]
    assert is_last_admin(Membership.objects.get(user=alice))


def test_changes_are_transactions_of_the_database_they_write_to(freeze, settings, actor, acme):
    freeze()
    with connections["stale"].schema_editor() as editor:
        for model in (AuditEvent, SecretIssue, Invitation):
            editor.create_model(model)
    settings.DATABASE_ROUTERS = [f"{__name__}.WritesElsewhere"]
    workspace = acme.workspaces.using("stale").first()
    asked = {"actor": actor, "workspace": workspace, "name": "New", "scopes": []}
    token = create_token(**asked, creation_id="c-1").token
    with pytest.raises(AlreadyIssued):
        create_token(**asked, creation_id="c-1")
    revoke_token(actor=actor, token=token)
    assert token._state.db == "stale"
    assert AccessToken.objects.get().revoked_at is not None
    actions = AuditEvent.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["token.created", "token.revoked"]
    assert not AccessToken._base_manager.using("default").exists()
