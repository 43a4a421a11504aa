"""What the database itself refuses, whatever code runs, and what models compute."""

from __future__ import annotations

import pickle
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone

from apikeys.credentials.digests import text_of
from apikeys.models import (
    AccessToken,
    AuditEvent,
    Membership,
    Organization,
    RefusalCounter,
    SecretIssue,
    UsageCounter,
    Workspace,
)
from apikeys.models.activity import AppendOnlyError
from apikeys.models.tokens import Status
from apikeys.services.tokens import revoke_token

NOW = timezone.now().replace(microsecond=0)


def change(row, **columns):
    """Change columns past every model and queryset of ours."""
    rows = models.QuerySet(type(row))
    with transaction.atomic():
        rows.filter(pk=row.pk).update(**columns)


def refuses(row, constraint, **columns):
    with pytest.raises(IntegrityError) as caught:
        change(row, **columns)
    if connection.vendor == "postgresql":
        assert constraint in str(caught.value)


def test_credits_can_t_go_below_nothing(acme):
    change(acme, credits=0)
    refuses(acme, "apikeys_credits_not_negative", credits=-1)


def test_a_longest_lifetime_is_at_least_a_day(acme):
    change(acme, max_lifetime_days=1)
    refuses(acme, "apikeys_max_lifetime_positive", max_lifetime_days=0)


def test_slugs_are_unique_each_in_its_place(acme, globex, production, development):
    refuses(globex, "slug", slug="acme")
    refuses(development, "apikeys_workspace_slug_unique", slug="production")
    assert Workspace.objects.filter(slug="production").count() == 2


def test_a_person_is_once_in_an_organization_and_admin_or_member(acme, alice):
    membership = Membership.objects.get(user=alice)
    refuses(membership, "apikeys_membership_role", role="owner")
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(organization=acme, user=alice, role="member")


def test_live_automation_tokens_of_a_workspace_differ_in_name_whatever_the_case(issue, actor):
    first, second = issue(name="Deploy").token, issue(name="Other").token
    refuses(second, "apikeys_token_name_unique", name="dEPLOY")
    revoke_token(actor=actor, token=first)
    change(second, name="dEPLOY")


def test_an_automation_token_has_no_owner_and_there_is_no_third_kind(issue, alice):
    token = issue().token
    refuses(token, "apikeys_token_kind_owner", owner=alice)
    refuses(token, "apikeys_token_kind_owner", kind="robot")


def test_a_token_always_has_a_digest_and_an_earlier_one_only_with_its_end(issue):
    token = issue().token
    refuses(token, "apikeys_token_has_digest", digest="")
    refuses(token, "apikeys_token_previous_whole", previous_digest="x")
    refuses(token, "apikeys_token_previous_whole", previous_expires_at=NOW)
    change(token, previous_digest="x", previous_expires_at=NOW)


def test_a_token_expires_after_it_was_made(issue):
    token = issue().token
    refuses(token, "apikeys_token_expires_later", expires_at=token.created_at)
    change(token, expires_at=token.created_at + timedelta(microseconds=1))


def test_token_ids_are_unique(issue):
    first, second = issue().token, issue().token
    refuses(second, "token_id", token_id=first.token_id)


def test_a_creation_id_is_once_its_callers_in_an_organization(acme, globex, issue):
    token = issue(creation_id="same").token
    made = SecretIssue.objects.get()
    assert made.caller == "system:tests"
    same = {"creation_id": "same", "fingerprint": made.fingerprint, "token": token}
    with pytest.raises(IntegrityError), transaction.atomic():
        SecretIssue.objects.create(organization=acme, caller=made.caller, **same)
    SecretIssue.objects.create(organization=acme, caller="user:1", **same)
    SecretIssue.objects.create(organization=globex, caller=made.caller, **same)


def test_a_counter_has_one_row_for_each_of_what_it_counts(issue):
    token = issue().token
    UsageCounter.objects.create(token=token, started_at=NOW, outcome="success")
    with pytest.raises(IntegrityError), transaction.atomic():
        UsageCounter.objects.create(token=token, started_at=NOW, outcome="success")
    with pytest.raises(IntegrityError), transaction.atomic():
        UsageCounter.objects.create(token=token, started_at=NOW, outcome="refused", count=-1)
    refused = {"minute": NOW, "address": "192.0.2.1", "reason": "token.unknown", "dialect": "d"}
    RefusalCounter.objects.create(**refused)
    with pytest.raises(IntegrityError), transaction.atomic():
        RefusalCounter.objects.create(**refused)


def test_what_has_history_can_t_be_deleted(acme, production, issue):
    issue()
    for row in (acme, production):
        with pytest.raises(models.ProtectedError):
            row.delete()


def test_a_deleted_owner_leaves_the_token_without_one(issue, bob):
    token = issue(kind="personal", owner=bob).token
    bob.delete()
    token.refresh_from_db()
    assert (token.owner, token.created_by, token.kind) == (None, None, "personal")


# Status


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, Status.ACTIVE),
        ({"expires_at": timedelta(days=15)}, Status.ACTIVE),
        ({"expires_at": timedelta(days=14)}, Status.EXPIRING),
        ({"expires_at": timedelta(microseconds=1)}, Status.EXPIRING),
        ({"expires_at": timedelta(0)}, Status.EXPIRED),
        ({"disabled_at": timedelta(0)}, Status.DISABLED),
        ({"disabled_at": timedelta(0), "expires_at": timedelta(days=1)}, Status.DISABLED),
        ({"disabled_at": timedelta(0), "expires_at": timedelta(0)}, Status.EXPIRED),
        ({"revoked_at": timedelta(0), "expires_at": timedelta(0)}, Status.REVOKED),
        ({"revoked_at": timedelta(0), "disabled_at": timedelta(0)}, Status.REVOKED),
    ],
)
def test_status_is_computed_the_same_for_one_row_and_for_many(issue, fields, status):
    token = issue().token
    columns = {name: NOW + offset for name, offset in fields.items()}
    change(token, created_at=NOW - timedelta(days=1), **columns)
    token.refresh_from_db()
    assert token.status_at(NOW) == status
    found = [s for s in Status if AccessToken.objects.with_status(s, NOW).exists()]
    assert found == [status]
    live = status not in (Status.REVOKED, Status.EXPIRED)
    assert AccessToken.objects.live(NOW).exists() is live


def test_unused_tokens_are_live_old_and_idle_for_ninety_days(issue):
    token = issue().token
    old, edge = NOW - timedelta(days=91), NOW - timedelta(days=90)

    def unused():
        return AccessToken.objects.unused(NOW).exists()

    change(token, created_at=old)
    assert unused()
    change(token, created_at=edge)
    assert not unused()
    change(token, created_at=old, last_used_at=edge)
    assert not unused()
    change(token, last_used_at=old)
    assert unused()
    change(token, revoked_at=NOW)
    assert not unused()


def test_a_pickled_token_carries_no_digest(issue):
    token = issue().token
    packed = pickle.dumps(token)
    assert text_of(token.digest).encode() not in packed
    assert pickle.loads(packed).token_id == token.token_id


def test_rows_say_what_they_are(acme, production, alice, issue):
    token = issue(name="Deploy", creation_id="c-1").token
    assert str(acme) == "Acme"
    assert str(production) == "Production"
    assert production.is_production
    assert str(Membership.objects.get()) == f"{alice} · Acme · admin"
    assert str(token) == f"Deploy ({token.token_id})"
    assert str(SecretIssue.objects.get()) == "c-1"
    assert list(Organization.objects.of(alice)) == [acme]
    assert str(AuditEvent.objects.latest("pk")).endswith(" tests token.created")
    usage = UsageCounter(token=token, started_at=NOW, outcome="success", count=3)
    assert str(usage).endswith("success 3")
    assert str(RefusalCounter(minute=NOW, address="a", reason="r", count=2)).endswith(" a r 2")


# Audit events


def test_audit_events_are_append_only_by_model(acme):
    event = AuditEvent.objects.earliest("pk")
    event.action = "organization.forged"
    with pytest.raises(AppendOnlyError):
        event.save()
    with pytest.raises(AppendOnlyError):
        event.delete()
    forged = AuditEvent(pk=event.pk, organization_id=1, action="organization.forged")
    with pytest.raises(IntegrityError), transaction.atomic():
        forged.save()
    assert AuditEvent.objects.get(pk=event.pk).action == "organization.created"


def test_audit_events_are_append_only_by_queryset(acme):
    events = AuditEvent.objects.all()
    event = events.earliest("pk")
    event.action = "organization.forged"
    for attempt in (
        lambda: events.update(action="organization.forged"),
        lambda: events.filter(pk=event.pk).delete(),
        lambda: events.bulk_update([event], ["action"]),
        lambda: events.bulk_create(
            [event], update_conflicts=True, unique_fields=["id"], update_fields=["action"]
        ),
        lambda: events.update_or_create(pk=event.pk, defaults={"action": "forged"}),
    ):
        with pytest.raises(AppendOnlyError), transaction.atomic():
            attempt()
    assert AuditEvent.objects.get(pk=event.pk).action == "organization.created"
    assert AuditEvent.objects.bulk_create([AuditEvent(organization_id=1, action="a.b")])


def test_pruning_is_the_one_way_out(acme):
    kept, *old = AuditEvent.objects.order_by("pk")
    assert AuditEvent.objects.filter(pk__in=[event.pk for event in old]).prune() == len(old)
    assert list(AuditEvent.objects.all()) == [kept]


@pytest.mark.postgres
def test_postgresql_refuses_to_change_or_delete_audit_events(acme):
    event = AuditEvent.objects.earliest("pk")
    for statement in (
        "UPDATE apikeys_auditevent SET action = 'forged' WHERE id = %s",
        "DELETE FROM apikeys_auditevent WHERE id = %s",
    ):
        with (
            pytest.raises(IntegrityError, match="audit events are append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, [event.pk])
    AuditEvent.objects.exclude(pk=event.pk).prune()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        models.QuerySet(AuditEvent).filter(pk=event.pk)._raw_delete("default")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('apikeys.pruning', 'on', true)")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute("UPDATE apikeys_auditevent SET action = 'forged'")
    assert AuditEvent.objects.get().action == "organization.created"


@pytest.mark.postgres
def test_postgresql_keeps_a_revoked_token_revoked(issue, actor):
    token = issue().token
    change(token, revoked_at=NOW)
    token.refresh_from_db()
    token.name = "Still editable"
    token.save()
    token.revoked_at = None
    with pytest.raises(IntegrityError, match="stays revoked"), transaction.atomic():
        token.save()
    for value in (None, NOW + timedelta(days=1)):
        with pytest.raises(IntegrityError, match="stays revoked"):
            change(token, revoked_at=value)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_the_guards_come_and_go_with_their_migration():
    def triggers():
        with connection.cursor() as cursor:
            cursor.execute("SELECT tgname FROM pg_trigger WHERE tgname LIKE 'apikeys%'")
            return {name for (name,) in cursor.fetchall()}

    all_of_them = {
        "apikeys_audit_append_only",
        "apikeys_audit_no_truncate",
        "apikeys_token_stays_revoked",
    }
    assert triggers() == all_of_them
    try:
        call_command("migrate", "apikeys", "0001", verbosity=0)
        assert triggers() == set()
    finally:
        # All of it: the demo's tables depend on these and went with them.
        call_command("migrate", verbosity=0)
    assert triggers() == all_of_them
