"""The compiled query of the read path gives what the ORM would give."""

from __future__ import annotations

import importlib.util
import pickle
from uuid import UUID

import pytest
from django.db import ProgrammingError, connection, models, transaction
from django.db.models.query_utils import DeferredAttribute
from django.db.models.signals import post_init
from django.forms.models import model_to_dict

from apikeys import checks
from apikeys.lookup import json_columns as columns
from apikeys.lookup import query, snapshots, stored_function
from apikeys.models import AccessToken
from apikeys.models.tokens import Kind

pytestmark = pytest.mark.django_db


def find(token_id):
    row = query.find(token_id)
    return row and row.copy()


def same(found, expected):
    assert type(found) is type(expected)
    for field in expected._meta.concrete_fields:
        assert getattr(found, field.attname) == getattr(expected, field.attname), field.attname
    assert found._state.db == expected._state.db
    assert found._state.adding is False


def test_a_token_comes_with_all_that_the_queryset_joins(issue, django_assert_num_queries):
    issued = issue(scopes=["notes:read"], allowed_networks=["192.0.2.0/24", "2001:db8::/32"])
    expected = AccessToken.objects.select_related("workspace__organization", "owner").get(
        pk=issued.token.pk
    )
    find("compiles")  # and asks the database once what it can do
    with django_assert_num_queries(1):
        found = find(issued.token.token_id)
        assert found.workspace.organization is not None
        assert found.owner is None
        assert found.owner_is_member is False
    same(found, expected)
    same(found.workspace, expected.workspace)
    same(found.workspace.organization, expected.workspace.organization)
    assert found.get_deferred_fields() == set()


def test_a_personal_token_comes_with_its_owner(issue, alice, django_assert_num_queries):
    issued = issue(kind=Kind.PERSONAL, owner=alice, scopes=[])
    with django_assert_num_queries(1):
        found = find(issued.token.token_id)
        assert found.owner_is_member is True
        same(found.owner, alice)


def test_an_unknown_id_is_nothing(acme, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert find("0" * 16) is None


def test_a_found_token_can_be_saved_and_refreshed(issue):
    found = find(issue().token.token_id)
    found.description = "changed"
    found.save(update_fields=["description"])
    found.refresh_from_db()
    assert model_to_dict(found)["description"] == "changed"


def test_a_user_model_that_json_can_not_carry_is_joined(issue, alice, monkeypatch):
    monkeypatch.setattr(columns, "_PLAIN_FIELDS", (models.AutoField,))
    joined = query.compiled("default")
    assert joined.owner.fit_json is False
    found = joined.find(issue(kind=Kind.PERSONAL, owner=alice, scopes=[]).token.token_id).copy()
    same(found.owner, alice)
    same(found.workspace, found.workspace.__class__.objects.get(pk=found.workspace_id))
    assert joined.find(issue().token.token_id).copy().owner is None


def test_a_user_model_with_a_constructor_of_its_own_is_made_by_it(issue, alice):
    seen = []

    def see(instance, **kwargs):
        seen.append(instance)

    post_init.connect(see, type(alice))
    try:
        made = query.compiled("default")
        assert made.owner.kind.plain is False
        row = made.find(issue(kind=Kind.PERSONAL, owner=alice, scopes=[]).token.token_id)
        first, second = row.copy().owner, row.copy().owner
        assert first is not second
        assert [sum(each is owner for each in seen) for owner in (first, second)] == [1, 1]
        same(first, alice)
    finally:
        post_init.disconnect(see, type(alice))


def test_a_row_that_has_not_changed_is_decoded_once_and_read_each_time(
    issue, monkeypatch, django_assert_num_queries
):
    made = query.compiled("default")
    issued = issue(scopes=["notes:read"])
    row = made.find(issued.token.token_id)
    monkeypatch.setattr(made, "_decode", None)
    with django_assert_num_queries(1):
        assert made.find(issued.token.token_id) is row
    monkeypatch.undo()
    AccessToken.objects.update(scopes=["notes:write"])
    assert made.find(issued.token.token_id).copy().scopes == ["notes:write"]
    assert row.copy().scopes == ["notes:read"]


def test_what_a_view_does_to_a_token_reaches_no_other_request(issue):
    issued = issue(scopes=["notes:read"])
    token = find(issued.token.token_id)
    token.scopes.append("notes:delete")
    token.name = "changed"
    token.workspace.organization.limits["any-token"] = "1/day"
    again = find(issued.token.token_id)
    assert again.scopes == ["notes:read"]
    assert again.name == issued.token.name
    assert again.workspace.organization.limits == {}


def test_a_list_in_a_column_that_json_can_not_carry_is_copied_too(alice, monkeypatch):
    monkeypatch.setattr(columns, "_PLAIN_FIELDS", (models.AutoField,))
    made = columns.Columns(type(alice), "default")
    row = made.snapshot([["a"] if name == "email" else getattr(alice, name) for name in made.names])
    row.copy().email.append("b")
    assert row.copy().email == ["a"]


def test_a_key_that_leads_to_a_uuid_is_read_as_one(alice, monkeypatch):
    monkeypatch.setattr(type(alice)._meta.pk, "__class__", models.UUIDField)
    made = columns.Columns(AccessToken, "default")
    row = [None] * len(made.names)
    row[made.names.index("owner_id")] = "9a6a4d0e-7c5e-4c0e-8f0a-0123456789ab"
    assert made.read(row).copy().owner_id == UUID("9a6a4d0e-7c5e-4c0e-8f0a-0123456789ab")


def test_fields_that_do_more_than_hold_a_value_are_set_by_the_models_constructor(
    alice, monkeypatch
):
    class Loud(DeferredAttribute):
        def __set__(self, instance, value):
            instance.__dict__["email"] = f"set {value}"

    assert snapshots.is_plain(type(alice)) is True
    field = type(alice)._meta.get_field("email")
    monkeypatch.setattr(field, "descriptor_class", Loud, raising=False)
    monkeypatch.setattr(type(alice), "email", Loud(field))
    assert snapshots.is_plain(type(alice)) is False
    made = columns.Columns(type(alice), "default")
    row = made.snapshot([getattr(alice, name, "x") for name in made.names])
    assert row.copy().email.startswith("set ")


def test_the_cache_of_related_rows_is_a_dictionary_like_any_other_to_who_copies_it(issue, alice):
    cache = find(
        issue(kind=Kind.PERSONAL, owner=alice, scopes=[]).token.token_id
    )._state.fields_cache
    assert ("owner" in cache, "nothing" in cache) == (True, False)
    assert (cache.get("owner"), cache.get("nothing", 1)) == (alice, 1)
    again = pickle.loads(pickle.dumps(cache))
    assert type(again) is dict
    assert set(again) == {"owner", "workspace"}
    del cache["owner"]
    assert "owner" not in cache
    with pytest.raises(KeyError):
        cache["owner"]


def test_sqlites_own_place_holders_find_the_same_row(issue):
    made, issued = query.compiled("default"), issue()
    assert connection.queries_logged is False
    assert made.find(issued.token.token_id).copy() == issued.token
    assert made.find("0" * 16) is None


def test_what_is_decoded_is_bounded(issue, monkeypatch):
    monkeypatch.setattr(query, "MOST_REMEMBERED", 2)
    made = query.compiled("default")
    ids = [issue().token.token_id for _ in range(3)]
    rows = [made.find(token_id) for token_id in ids]
    assert made.find(ids[1]) is rows[1]
    assert made.find(ids[2]) is rows[2]
    assert made.find(ids[0]) is not rows[0]


@pytest.mark.postgres
class TestStoredQuery:
    def stored(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_proc WHERE proname LIKE 'apikeys_find_token_%%'"
            )
            return cursor.fetchone()[0]

    @pytest.fixture
    def stranger(self):
        """The name of another role, for the test's transaction."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = CURRENT_USER"
            )
            if not cursor.fetchone()[0]:
                pytest.skip("this role may not create others")
            cursor.execute("CREATE ROLE apikeys_test_stranger")
            cursor.execute("GRANT apikeys_test_stranger TO CURRENT_USER")
        return "apikeys_test_stranger"

    def drop(self, made):
        with connection.cursor() as cursor:
            cursor.execute(f"DROP FUNCTION {stored_function._name(made.sql)}(text)")

    def test_migrate_stores_it_and_requests_call_it(self, issue, django_assert_num_queries):
        issued = issue()
        with django_assert_num_queries(2) as asked:
            made = query.compiled("default")
            assert made.find(issued.token.token_id).copy() == issued.token
        assert asked[1]["sql"].startswith("SELECT public.apikeys_find_token_")
        with django_assert_num_queries(1):
            assert made.find("0" * 16) is None

    def test_without_it_the_query_is_sent(self, issue, django_assert_num_queries):
        self.drop(query.compiled("default"))
        made, issued = query.compiled("default"), issue()
        made.find("asks whether it is there")
        with django_assert_num_queries(1) as asked:
            assert made.find(issued.token.token_id).copy() == issued.token
        assert asked[0]["sql"].startswith("SELECT JSON_BUILD_ARRAY(")

    def test_when_it_is_dropped_under_a_process_the_query_is_sent(self, issue, transactional_db):
        made, issued = query.compiled("default"), issue()
        made.find(issued.token.token_id)
        self.drop(made)
        try:
            assert made.find(issued.token.token_id).copy() == issued.token
            assert made.calls.get("") is None
        finally:
            made.store()

    def test_when_it_is_dropped_in_a_transaction_that_one_request_fails(self, issue):
        made, issued = query.compiled("default"), issue()
        made.find(issued.token.token_id)
        self.drop(made)
        with pytest.raises(ProgrammingError):
            transaction.atomic(made.find)(issued.token.token_id)
        assert made.find(issued.token.token_id).copy() == issued.token

    def test_a_function_of_another_role_or_with_another_body_is_not_called(self, issue, stranger):
        made, issued = query.compiled("default"), issue()
        name = stored_function._name(made.sql)
        self.drop(made)
        with connection.cursor() as cursor:
            cursor.execute(f"GRANT CREATE ON SCHEMA public TO {stranger}")
            for body, role in (
                ("BEGIN RETURN 'planted'; END", None),
                (stored_function._body(made.sql), stranger),
            ):
                cursor.execute(
                    f"CREATE OR REPLACE FUNCTION {name}(text) RETURNS text "
                    f"LANGUAGE plpgsql AS $x${body}$x$"
                )
                if role:
                    cursor.execute(f"ALTER FUNCTION {name}(text) OWNER TO {role}")
                assert stored_function.find(cursor, made.sql, made.table) is None
        assert made.find(issued.token.token_id).copy() == issued.token
        assert made.calls.get("") is None

    def test_storing_it_replaces_one_that_says_something_else(self, issue):
        made, issued = query.compiled("default"), issue()
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {stored_function._name(made.sql)}(text) RETURNS text "
                "LANGUAGE plpgsql AS $x$BEGIN RETURN NULL; END$x$"
            )
        made.store()
        assert made.calls.get("") is not None
        assert made.find(issued.token.token_id).copy() == issued.token

    def test_an_error_that_is_not_about_it_leaves_it_in_use(self, issue):
        made, issued = query.compiled("default"), issue()
        made.find(issued.token.token_id)
        call = made.calls.get("")
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE apikeys_membership RENAME TO apikeys_away")
        with pytest.raises(ProgrammingError):
            transaction.atomic(made.find)(issued.token.token_id)
        assert made.calls.get("") == call

    def test_a_query_with_a_value_of_the_hosts_own_is_not_stored(self, issue, alice, monkeypatch):
        class Some(models.Manager):
            def get_queryset(self):
                return super().get_queryset().exclude(email="nobody@example.org")

        manager = Some()
        manager.model = type(alice)
        monkeypatch.setattr(type(alice)._meta, "base_manager", manager)
        made = query.compiled("default")
        made.store()
        assert made.calls.get("") is None
        found = made.find(issue(kind=Kind.PERSONAL, owner=alice, scopes=[]).token.token_id).copy()
        same(found.owner, alice)

    def test_storing_it_again_changes_nothing(self):
        before = self.stored()
        query.store("default")
        query.store("default")
        assert self.stored() == before > 0

    def test_who_may_not_store_it_or_call_it_goes_without(self, issue, caplog, stranger):
        made, issued = query.compiled("default"), issue()
        with connection.cursor() as cursor:
            cursor.execute(
                f"REVOKE EXECUTE ON FUNCTION {stored_function._name(made.sql)} FROM PUBLIC"
            )
            cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {stranger}")
            cursor.execute(f"SET LOCAL ROLE {stranger}")
            assert stored_function.find(cursor, made.sql, made.table) is None
            assert made.find(issued.token.token_id).copy() == issued.token
            assert made.calls.get("") is None
            other = made.sql.replace('AS "row"', 'AS "r"')
            assert stored_function.create(connection, other, made.table) is None
            cursor.execute("RESET ROLE")
        assert "query not stored as a function" in caplog.text


@pytest.mark.postgres
class TestPreparedStatement:
    @pytest.fixture(autouse=True)
    def prepare(self, settings):
        settings.APIKEYS = {**settings.APIKEYS, "PREPARE": True}

    def prepared(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT statement FROM pg_prepared_statements")
            return [statement for (statement,) in cursor.fetchall()]

    def test_the_query_is_prepared_once_for_a_connection_and_nothing_else_is(
        self, issue, django_assert_num_queries
    ):
        made, issued = query.compiled("default"), issue()
        for _ in range(3):
            assert made.find(issued.token.token_id).copy() == issued.token
            AccessToken.objects.count()
        with django_assert_num_queries(1) as asked:
            assert made.find(issued.token.token_id).copy() == issued.token
        assert issued.token.token_id in asked[0]["sql"]
        (statement,) = (s for s in self.prepared() if "apikeys" in s)
        assert statement.startswith("SELECT JSON_BUILD_ARRAY(")
        assert made.find("0" * 16) is None

    def test_a_new_connection_prepares_anew(self, issue, transactional_db):
        made, issued = query.compiled("default"), issue()
        for _ in range(2):
            assert made.find(issued.token.token_id).copy() == issued.token
            assert len(self.prepared()) == 1
            connection.close()

    def test_check_asks_for_psycopg_3(self, monkeypatch):
        assert "apikeys.E004" not in {m.id for m in checks.settings.check_settings(None)}
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        assert "apikeys.E004" in {m.id for m in checks.settings.check_settings(None)}
