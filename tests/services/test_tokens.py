"""Creating, narrowing, disabling, enabling and revoking tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from unittest import mock

import pytest
import time_machine
from django.utils import timezone

from apikeys.credentials import digests
from apikeys.credentials.keys import KeyShape
from apikeys.models import AccessToken, AuditEvent
from apikeys.services import tokens
from apikeys.services.actors import Actor
from apikeys.services.errors import Conflict, Invalid
from apikeys.services.organizations import update_policy
from apikeys.services.workspaces import archive_workspace

NOW = datetime.fromisoformat("2030-01-01T12:00:00+00:00")
DAY = timedelta(days=1)


@pytest.fixture
def by_alice(alice, acme):
    return Actor.person(alice)


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def refused(kind, work):
    before = AuditEvent.objects.count(), list(AccessToken.objects.order_by("pk").values())
    with pytest.raises(kind) as caught:
        work()
    after = AuditEvent.objects.count(), list(AccessToken.objects.order_by("pk").values())
    assert after == before
    return caught.value.code, caught.value.field


def test_a_token_is_stored_as_it_was_asked_for_and_its_secret_is_not(clock, by_alice, production):
    issued = tokens.create_token(
        actor=by_alice,
        workspace=production,
        name="  Deploy \u0065\u0301 ",
        scopes=["notes:write", "notes:read", "notes:read"],
        expires_at=NOW + 30 * DAY,
        allowed_networks=["192.0.2.7", "10.0.0.1/8"],
        description=" Ships. ",
    )
    row = AccessToken.objects.values().get()
    assert issued.secret not in repr(row)
    assert issued.secret not in repr(issued)
    assert issued.secret not in repr(vars(issued.token))
    expected = {
        "name": "Deploy \u00e9",
        "description": "Ships.",
        "kind": "automation",
        "owner_id": None,
        "created_by_id": by_alice.user.pk,
        "parent_id": None,
        "scopes": ["notes:read", "notes:write"],
        "allowed_networks": ["192.0.2.7/32", "10.0.0.0/8"],
        "created_at": NOW,
        "expires_at": NOW + 30 * DAY,
        "previous_digest": "",
        "revoked_at": None,
        "last_used_at": None,
    }
    assert {name: row[name] for name in expected} == expected
    assert row["digest"] == digests.digest(row["token_id"], issued.secret, {1: "a" * 64})
    assert issued.api_key == f"ak_prod_{row['token_id']}_{issued.secret}"


def test_no_scopes_stay_no_scopes(issue):
    token = issue(scopes=[]).token
    assert (token.scopes, token.held_scopes()) == ([], frozenset())


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"name": " \t"}, "name.required", "name"),
        ({"name": "x" * 256}, "name.too_long", "name"),
        ({"name": "a\nb"}, "name.control_character", "name"),
        ({"name": "a\x00"}, "name.control_character", "name"),
        ({"name": "\ud800"}, "name.control_character", "name"),
        ({"name": None}, "name.invalid", "name"),
        ({"name": "DEPLOY"}, "token.name_taken", "name"),
        ({"description": "x" * 501}, "description.too_long", "description"),
        ({"description": 5}, "description.invalid", "description"),
        ({"scopes": ["notes:rea"]}, "scope.unknown", "scopes"),
        ({"scopes": ["*"]}, "scope.unknown", "scopes"),
        ({"scopes": [""]}, "scope.unknown", "scopes"),
        ({"scopes": "*"}, "scope.unknown", "scopes"),
        ({"scopes": None}, "scope.unknown", "scopes"),
        ({"kind": "robot"}, "kind.unknown", "kind"),
        ({"allowed_networks": ["10.0.0.0/33"]}, "network.invalid", "allowed_networks"),
        ({"allowed_networks": "10.0.0.0/8"}, "network.invalid", "allowed_networks"),
        ({"allowed_networks": None}, "network.invalid", "allowed_networks"),
        ({"expires_at": NOW}, "expiry.past", "expires_at"),
        ({"expires_at": NOW - DAY}, "expiry.past", "expires_at"),
        ({"expires_at": timedelta(0)}, "expiry.past", "expires_at"),
        ({"expires_at": timedelta.max}, "expiry.range", "expires_at"),
        ({"expires_at": datetime(2031, 1, 1)}, "expiry.naive", "expires_at"),
    ],
)
def test_a_value_that_breaks_a_rule_makes_nothing(
    clock, by_alice, production, issue, fields, code, field
):
    issue(name="Deploy")
    asked = {"name": "New", "scopes": ["notes:read"], **fields}
    work = lambda: tokens.create_token(actor=by_alice, workspace=production, **asked)  # noqa: E731
    assert refused(Invalid, work) == (code, field)


def test_names_are_free_in_another_workspace_after_revoking_and_for_personal_tokens(
    issue, development, alice, actor
):
    first = issue(name="Deploy").token
    issue(name="Deploy", workspace=development)
    issue(name="Deploy", kind="personal", owner=alice)
    tokens.revoke_token(actor=actor, token=first)
    issue(name="deploy")


def test_a_time_from_now_is_an_expiry_too(clock, issue):
    assert issue(expires_at=90 * DAY).token.expires_at == NOW + 90 * DAY


def test_the_shorter_of_two_longest_lifetimes_holds(clock, settings, acme, issue, by_alice):
    settings.APIKEYS = {**settings.APIKEYS, "MAX_LIFETIME": 90 * DAY}
    assert refused(Invalid, issue) == ("expiry.required", "expires_at")
    assert issue(expires_at=NOW + 90 * DAY).token.expires_at == NOW + 90 * DAY
    late = timedelta(minutes=1, microseconds=1)
    assert refused(Invalid, lambda: issue(expires_at=NOW + 90 * DAY + late)) == (
        "expiry.too_late",
        "expires_at",
    )
    update_policy(actor=by_alice, organization=acme, max_lifetime_days=30, allowed_networks=[])
    assert refused(Invalid, lambda: issue(expires_at=31 * DAY))[0] == "expiry.too_late"
    with pytest.raises(Invalid, match=r"live at most 30 days\."):
        issue()
    settings.APIKEYS = {**settings.APIKEYS, "MAX_LIFETIME": timedelta(hours=36)}
    with pytest.raises(Invalid, match=r"live at most 36 hours\."):
        issue()


def test_an_archived_workspace_gets_no_token(by_alice, production, issue):
    archive_workspace(actor=by_alice, workspace=production)
    with pytest.raises(Conflict) as caught:
        issue(workspace=production)
    assert caught.value.code == "workspace.archived"


def test_an_id_that_is_taken_is_drawn_again_and_not_for_ever(issue, monkeypatch):
    taken = issue().token.token_id
    drawn = iter([taken, taken, "freefreefreefree"])
    monkeypatch.setattr(KeyShape, "new_id", lambda self: next(drawn))
    assert issue().token.token_id == "freefreefreefree"
    monkeypatch.setattr(KeyShape, "new_id", lambda self: taken)
    assert refused(Conflict, issue)[0] == "token.no_free_id"


def test_an_id_taken_between_the_look_and_the_insert_is_drawn_again(issue, monkeypatch):
    taken = issue().token.token_id
    drawn = iter([taken, "freefreefreefree"])
    monkeypatch.setattr(KeyShape, "new_id", lambda self: next(drawn))
    rows = type(AccessToken.objects.all())
    exists, calls = rows.exists, []

    def blind(self):
        calls.append(1)
        return exists(self) if len(calls) != 2 else False  # the name's look is the first

    with mock.patch.object(rows, "exists", blind):
        assert issue().token.token_id == "freefreefreefree"


# Changing


def test_an_update_changes_what_is_given_and_nothing_else(clock, by_alice, issue):
    token = issue(
        name="Deploy", scopes=["notes:read", "notes:write"], expires_at=NOW + 9 * DAY
    ).token
    before = AccessToken.objects.values().get()
    clock.shift(60)
    tokens.update_token(actor=by_alice, token=token, scopes=["notes:read"])
    after = AccessToken.objects.values().get()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"scopes", "updated_at"}
    event = AuditEvent.objects.latest("pk")
    assert event.details == {
        "before": {"scopes": ["notes:read", "notes:write"]},
        "after": {"scopes": ["notes:read"]},
    }


def test_an_update_to_what_is_already_there_is_none(by_alice, issue):
    token = issue(name="Deploy", expires_at=5 * DAY, allowed_networks=["10.0.0.0/8"]).token
    events = AuditEvent.objects.count()
    tokens.update_token(
        actor=by_alice,
        token=token,
        name="Deploy",
        description="",
        scopes=["notes:read"],
        allowed_networks=["10.0.0.0/8"],
        expires_at=token.expires_at,
    )
    assert AuditEvent.objects.count() == events


def test_an_update_starts_from_the_database_and_not_from_a_stale_object(by_alice, issue):
    stale = issue(scopes=["notes:read", "notes:write"]).token
    fresh = AccessToken.objects.get()
    tokens.update_token(actor=by_alice, token=fresh, scopes=["notes:read"])
    tokens.update_token(actor=by_alice, token=stale, description="Late")
    assert AccessToken.objects.get().scopes == ["notes:read"]
    stale.scopes = ["notes:read", "notes:write"]
    assert refused(
        Invalid,
        lambda: tokens.update_token(actor=by_alice, token=stale, scopes=["notes:write"]),
    ) == ("token.scopes_widened", "scopes")


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"scopes": ["notes:read", "notes:delete"]}, "token.scopes_widened", "scopes"),
        ({"scopes": ["tokens:manage"]}, "token.scopes_widened", "scopes"),
        ({"scopes": ["bogus"]}, "scope.unknown", "scopes"),
        ({"expires_at": None}, "token.expiry_extended", "expires_at"),
        ({"expires_at": NOW + 10 * DAY}, "token.expiry_extended", "expires_at"),
        ({"expires_at": NOW}, "expiry.past", "expires_at"),
        ({"name": "oTHER"}, "token.name_taken", "name"),
        ({"name": ""}, "name.required", "name"),
        ({"allowed_networks": ["junk"]}, "network.invalid", "allowed_networks"),
    ],
)
def test_a_live_token_gets_neither_more_power_nor_more_time(
    clock, by_alice, issue, fields, code, field
):
    issue(name="Other")
    token = issue(expires_at=NOW + 9 * DAY).token
    work = lambda: tokens.update_token(actor=by_alice, token=token, **fields)  # noqa: E731
    assert refused(Invalid, work) == (code, field)


def test_the_expiry_is_brought_forward(clock, by_alice, issue):
    for token in (issue().token, issue(expires_at=9 * DAY).token):
        changed = tokens.update_token(actor=by_alice, token=token, expires_at=NOW + DAY)
        assert changed.expires_at == NOW + DAY


def test_networks_change_both_ways_by_an_admin_with_before_and_after(by_alice, issue):
    token = issue(allowed_networks=["10.0.0.0/8"]).token
    tokens.update_token(actor=by_alice, token=token, allowed_networks=[])
    assert AuditEvent.objects.latest("pk").details == {
        "before": {"allowed_networks": ["10.0.0.0/8"]},
        "after": {"allowed_networks": []},
    }


# Ending


def test_disabling_and_enabling_are_each_one_event_however_often(by_alice, issue):
    token = issue().token
    for work, action in (
        (tokens.disable_token, "token.disabled"),
        (tokens.enable_token, "token.enabled"),
    ):
        events = AuditEvent.objects.count()
        work(actor=by_alice, token=token)
        once = AccessToken.objects.values().get()
        work(actor=by_alice, token=token)
        assert AccessToken.objects.values().get() == once
        assert AuditEvent.objects.count() == events + 1
        assert AuditEvent.objects.latest("pk").action == action
    assert AccessToken.objects.get().disabled_at is None


def test_revoked_is_for_ever_and_keeps_its_first_reason(clock, by_alice, actor, issue):
    token = issue().token
    tokens.revoke_token(actor=by_alice, token=token, reason="Leaked")
    clock.shift(60)
    tokens.revoke_token(actor=actor, token=token, reason="Again")
    row = AccessToken.objects.get()
    assert (row.revoked_at, row.revoked_by, row.revoke_reason) == (
        NOW,
        "alice@example.org",
        "Leaked",
    )
    for work in (
        tokens.enable_token,
        tokens.disable_token,
        tokens.update_token,
        tokens.rotate_token,
    ):
        code, _ = refused(Conflict, lambda work=work: work(actor=by_alice, token=token))
        assert code == "token.revoked"


def test_several_are_revoked_all_or_none(by_alice, acme, globex, charlie, issue):
    one, two, three = (issue().token for _ in range(3))
    theirs = issue(workspace=globex.workspaces.first()).token
    tokens.revoke_token(actor=by_alice, token=three)

    def revoke(*chosen):
        return tokens.revoke_tokens(
            actor=by_alice, organization=acme, token_ids=[t.token_id for t in chosen]
        )

    assert refused(Invalid, lambda: revoke(one, theirs)) == ("token.unknown", "token_ids")
    assert revoke(one, two, three, one) == [one, two]
    assert revoke(one, two) == []
    assert AccessToken.objects.filter(revoked_at__isnull=True).get() == theirs


def test_revoke_all_ends_a_workspace_or_one_person_in_it(
    by_alice, alice, bob, production, development, issue
):
    mine = issue(kind="personal", owner=alice).token
    bobs = issue(kind="personal", owner=bob).token
    shared = issue().token
    elsewhere = issue(workspace=development).token
    assert tokens.revoke_all(actor=by_alice, workspace=production, owner=bob) == [bobs]
    assert tokens.revoke_all(actor=by_alice, workspace=production) == [mine, shared]
    assert AccessToken.objects.filter(revoked_at__isnull=True).get() == elsewhere


def test_argon2_digests_are_made_and_checked_where_the_policy_wants_them(settings, issue):
    settings.APIKEYS = {**settings.APIKEYS, "TOKEN_HASHER": "argon2"}
    issued = issue()
    assert digests.text_of(issued.token.digest).startswith("$argon2id$")
    assert digests.make(issued.token.token_id, issued.secret) != issued.token.digest
    assert timezone.now() >= issued.token.created_at
