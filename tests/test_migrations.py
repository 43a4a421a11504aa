"""What migrations make of rows from before them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from apikeys.models import Invitation
from apikeys.services import audit
from apikeys.services.actors import Actor

BEFORE, AFTER = "0002_postgresql_guards", "0003_invitation_inviter"


def migrate(name: str) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate([("apikeys", name)])
    return executor.loader.project_state([("apikeys", name)]).apps


@pytest.fixture
def at_the_end_all_are_there() -> Any:
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("apikeys"))


@pytest.mark.django_db(transaction=True)
def test_an_old_invitation_is_told_by_the_event_of_its_sending(
    at_the_end_all_are_there: None, acme: Any, alice: Any
) -> None:
    old = migrate(BEFORE).get_model("apikeys", "Invitation")
    now = timezone.now()
    gone = Actor(kind="user", id="77", label="gone@example.org")
    # address: the account that is left, the events of its sending, state afterwards, who is named
    rows = {
        "alice@x.org": (alice.pk, [Actor.person(alice)], "open", ("user", "alice@example.org")),
        "gone@x.org": (None, [gone], "void", ("user", "gone@example.org")),
        "system@x.org": (None, [Actor.system("import")], "open", ("system", "import")),
        "resent@x.org": (None, [Actor.system("import"), gone], "void", ("user", gone.label)),
        "pruned@x.org": (None, [], "void", ("user", "")),
        "no-event@x.org": (alice.pk, [], "open", ("user", "alice@example.org")),
    }
    for email, (inviter, senders, _, _) in rows.items():
        end = now + timedelta(days=7)
        old.objects.create(
            organization_id=acme.pk, email=email, invited_by_id=inviter, expires_at=end
        )
        for number, sender in enumerate(senders):
            action = audit.Action.INVITATION_RESENT if number else audit.Action.INVITATION_CREATED
            audit.record(sender, action, organization=acme, target=email)
    migrate(AFTER)
    found = {
        row.email: (row.state.value, (row.inviter_kind, row.inviter))
        for row in Invitation.objects.all()
    }
    assert found == {email: (state, who) for email, (_, _, state, who) in rows.items()}
    assert Invitation.objects.get(email="gone@x.org").inviter_id == "77"


@pytest.mark.django_db(transaction=True)
def test_a_process_from_before_the_migration_can_still_invite(acme: Any, alice: Any) -> None:
    """It knows nothing of the new columns."""
    columns = "public_id, organization_id, email, role, invited_by_id, created_at, expires_at"
    values = ["0" * 32, acme.pk, "dave@example.org", "member", alice.pk]
    moments = [timezone.now(), timezone.now() + timedelta(days=1)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO apikeys_invitation ({columns}) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [*values, *moments],
        )
    row = Invitation.objects.get()
    assert (row.state, row.inviter) == ("open", "alice@example.org")
