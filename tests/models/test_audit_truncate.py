"""PostgreSQL truncates no audit log by the way; tests and a flush that means it get through."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import TransactionTestCase

from apikeys.activity import usage
from apikeys.activity.retention import prune_activity
from apikeys.models import AuditEvent
from apikeys.services.actors import Actor
from apikeys.services.organizations import create_organization
from apikeys.services.tokens import create_token, revoke_token

ROOT = Path(__file__).resolve().parents[2]
TRUNCATES = (
    "TRUNCATE apikeys_auditevent",
    "TRUNCATE apikeys_auditevent CASCADE",
    "TRUNCATE apikeys_auditevent, apikeys_refusalcounter",
    "TRUNCATE ONLY apikeys_auditevent RESTART IDENTITY",
)


def run(statement):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.postgres
@pytest.mark.django_db
@pytest.mark.parametrize("statement", TRUNCATES)
@pytest.mark.parametrize("pruning", [False, True])
def test_postgresql_refuses_to_truncate_audit_events(acme, statement, pruning):
    before = AuditEvent.objects.count()
    if pruning:  # lets single old events go, never all at once
        run("SELECT set_config('apikeys.pruning', 'on', true)")
    with pytest.raises(IntegrityError, match="audit events are append-only"):
        run(statement)
    assert AuditEvent.objects.count() == before > 0


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_flush_by_hand_says_what_to_do_and_empties_nothing(acme):
    before = AuditEvent.objects.count()
    with pytest.raises(CommandError, match="flush --audit-log"):
        call_command("flush", interactive=False, verbosity=0)
    assert AuditEvent.objects.count() == before > 0
    call_command("flush", audit_log=True, interactive=False, verbosity=0)
    assert not AuditEvent.objects.exists()
    # And the permission ended with it.
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('apikeys.flushing', true)")
        assert cursor.fetchone()[0] in ("", None)


@pytest.mark.django_db(transaction=True)
def test_where_no_trigger_is_a_flush_stays_what_it_was(acme):
    if connection.vendor == "postgresql":
        pytest.skip("this database has the trigger")
    call_command("flush", interactive=False, verbosity=0)
    assert not AuditEvent.objects.exists()


class TestOfAHost(TransactionTestCase):
    """Flushed by Django after each test, as a host's own tests are."""

    def leave_an_event(self) -> None:
        assert not AuditEvent.objects.exists(), "the flush after the test before did its work"
        model = get_user_model()
        names = {model.USERNAME_FIELD: "a@example.org", model.get_email_field_name(): "a@e.org"}
        admin = model._default_manager.create_user(password="x", **names)
        create_organization(actor=Actor.system("tests"), name="Acme", admin=admin)
        assert AuditEvent.objects.exists()

    def test_first(self) -> None:
        self.leave_an_event()

    def test_second(self) -> None:
        self.leave_an_event()


@pytest.mark.postgres
@pytest.mark.django_db
def test_a_role_that_only_serves_does_all_but_touch_the_audit_log(acme, production, actor, api):
    """The role that docs/operating.md describes, word for word."""
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    statements = re.search(r"```sql\n(.*?)```", text, re.DOTALL)[1]
    with connection.cursor() as cursor:
        cursor.execute(statements)
        # Who makes a role may act as it from PostgreSQL 16 on; before, it is granted.
        cursor.execute("GRANT apikeys_serving TO CURRENT_USER")
        cursor.execute("SET LOCAL ROLE apikeys_serving")
    issued = create_token(actor=actor, workspace=production, name="CI", scopes=["notes:read"])
    assert api.key(issued).get("/access/v1/token").status_code == 200
    usage.flush()
    revoke_token(actor=actor, token=issued.token)
    for statement in (
        *TRUNCATES,
        "DELETE FROM apikeys_auditevent",
        "UPDATE apikeys_auditevent SET action = 'forged'",
        "DROP TRIGGER apikeys_audit_no_truncate ON apikeys_auditevent",
        "ALTER TABLE apikeys_auditevent DISABLE TRIGGER ALL",
    ):
        run("SELECT set_config('apikeys.flushing', 'on', true)")
        with pytest.raises(DatabaseError, match=r"permission denied|must be owner"):
            run(statement)
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    assert AuditEvent.objects.filter(action="token.revoked").count() == 1
    assert prune_activity().audit_events == 0
