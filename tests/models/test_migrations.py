"""What migrations make of rows from before them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apikeys.models import AccessToken, Invitation
from apikeys.services import audit
from apikeys.services.actors import Actor

BEFORE, AFTER = "0002_postgresql_guards", "0005_name_inviters"
BEFORE_KEYS, KEYS = "0006_callers_of_ids", "0008_fill_name_keys"


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


@pytest.mark.django_db(transaction=True)
def test_the_sendings_of_an_organization_are_read_once(
    at_the_end_all_are_there: None, acme: Any, alice: Any
) -> None:
    old = migrate(BEFORE).get_model("apikeys", "Invitation")
    answered, later = timezone.now(), timezone.now() + timedelta(minutes=5)
    for number in range(30):
        email = f"p{number}@x.org"
        for moment, who in ((answered, "first"), (later, "second")):
            event = audit.record(
                Actor.system(who), audit.Action.INVITATION_CREATED, organization=acme, target=email
            )
            with connection.cursor() as cursor, transaction.atomic():
                if connection.vendor == "postgresql":
                    cursor.execute("ALTER TABLE apikeys_auditevent DISABLE TRIGGER USER")
                cursor.execute(
                    "UPDATE apikeys_auditevent SET created_at = %s WHERE id = %s",
                    [moment, event.pk],
                )
                if connection.vendor == "postgresql":
                    cursor.execute("ALTER TABLE apikeys_auditevent ENABLE TRIGGER USER")
        old.objects.create(
            organization_id=acme.pk,
            email=email,
            expires_at=answered + timedelta(days=7),
            withdrawn_at=answered if number % 2 else None,
        )
    with CaptureQueriesContext(connection) as queries:
        migrate(AFTER)
    reads = [q["sql"] for q in queries if 'FROM "apikeys_auditevent"' in q["sql"]]
    assert len(reads) == 1
    labels = dict(Invitation.objects.values_list("email", "inviter_label"))
    assert labels == {f"p{n}@x.org": "first" if n % 2 else "second" for n in range(30)}


@pytest.mark.django_db(transaction=True)
def test_names_are_filled_by_pages_and_the_way_back_is_open(
    at_the_end_all_are_there: None, production: Any
) -> None:
    old = migrate(BEFORE_KEYS).get_model("apikeys", "AccessToken")
    old.objects.bulk_create(
        old(token_id=f"t{n}", workspace_id=production.pk, name=f"Straße {n}", digest="x")
        for n in range(1_203)
    )
    new = migrate(KEYS).get_model("apikeys", "AccessToken")
    assert dict(new.objects.values_list("token_id", "name_key")) == {
        f"t{n}": f"strasse {n}" for n in range(1_203)
    }
    migrate(BEFORE_KEYS)
    assert old.objects.count() == 1_203
    migrate(KEYS)
    assert not AccessToken.objects.filter(name_key="").exists()


@pytest.mark.django_db(transaction=True)
def test_an_interrupted_filling_of_names_is_repeated(
    at_the_end_all_are_there: None, issue: Any
) -> None:
    """It ended before it was noted as done; of the index PostgreSQL may have left a torn one."""
    token = issue(name="Straße").token
    issue(name="Other")
    migrate("0007_token_name_key")
    if connection.vendor == "postgresql":
        tear = "CREATE UNIQUE INDEX CONCURRENTLY apikeys_token_by_name_key"
        with pytest.raises(IntegrityError), connection.cursor() as cursor:
            cursor.execute(f"{tear} ON apikeys_accesstoken (workspace_id)")
    migrate(KEYS)
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "apikeys_accesstoken")
    assert found["apikeys_token_by_name_key"]["columns"] == ["workspace_id", "name_key"]
    assert AccessToken.objects.get(pk=token.pk).name_key == "strasse"


def test_no_migration_fills_a_table_that_it_has_locked() -> None:
    """Or requests with keys wait until the last row is written."""
    ours = [
        migration
        for (app, _), migration in MigrationLoader(None).disk_migrations.items()
        if app == "apikeys"
    ]
    for migration in ours:
        kinds = {type(operation).__name__ for operation in migration.operations}
        if "AddField" in kinds:
            assert not kinds & {"RunPython", "RunSQL"}, migration.name
    numbers = sorted(int(migration.name[:4]) for migration in ours)
    assert numbers == list(range(1, len(ours) + 1))


@pytest.mark.django_db(transaction=True)
def test_migrate_mends_what_a_process_of_an_earlier_release_wrote(issue: Any) -> None:
    created, renamed = issue(name="Straße").token, issue(name="Other").token
    models.QuerySet(AccessToken).filter(pk=created.pk).update(name_key="")
    models.QuerySet(AccessToken).filter(pk=renamed.pk).update(name="Über")
    call_command("migrate", verbosity=0)
    created.refresh_from_db()
    renamed.refresh_from_db()
    assert (created.name_key, renamed.name_key) == ("strasse", "über")
