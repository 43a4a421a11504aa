"""A schema for each tenant: nothing that is remembered, counted or buffered of one reaches another.

The two tenants are made alike on purpose: every primary key of one is there in the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_login_failed
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction

from apikeys import guessing, log_ins
from apikeys.activity import usage
from apikeys.checks.tenants import check_schemas
from apikeys.limits import limiter
from apikeys.lookup import query
from apikeys.models import AccessToken, AuditEvent, RefusalCounter, UsageCounter, stores
from apikeys.models.stores import Store
from apikeys.reauthentication import _wait
from apikeys.services.actors import Actor
from apikeys.services.organizations import create_organization
from apikeys.services.tokens import create_token, revoke_token
from apikeys.testing import reset_limits
from apikeys.verification import epochs, memory
from tests.support.redis_server import needs_redis, redis_uri

ALIAS = "tenants"
pytestmark = [
    pytest.mark.postgres,
    pytest.mark.urls("tests.support.apis"),
]


class EverythingThere:
    """Sends all models to the database that has the schemas."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return ALIAS

    db_for_write = db_for_read


@pytest.fixture(scope="module", autouse=True)
def _schemas(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    if connection.vendor != "postgresql":
        yield
        return
    connections.databases[ALIAS] = {
        **connections.databases["default"],
        "ENGINE": "tests.support.schema_backend",
        "NAME": connections["default"].settings_dict["NAME"],
    }
    made: Any = connections[ALIAS]
    with django_db_blocker.unblock():
        for name in ("ta", "tb"):
            with made.cursor() as cursor:
                cursor.execute(f"CREATE SCHEMA {name}")
            made.set_schema(name)
            call_command("migrate", database=ALIAS, verbosity=0)
        made.set_schema("public")
    yield
    with django_db_blocker.unblock():
        with made.cursor() as cursor:
            cursor.execute("DROP SCHEMA IF EXISTS ta, tb CASCADE")
        made.close()
    query._compiled.pop(ALIAS, None)
    stores._thread.found.pop(ALIAS, None)
    del connections[ALIAS], connections.databases[ALIAS]


@contextmanager
def tenant(name: str) -> Iterator[None]:
    with stores.entered(Store(ALIAS, name)):
        yield


@pytest.fixture
def keys(settings: Any, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    """A token in each tenant, with the same primary keys."""
    settings.DATABASE_ROUTERS = [EverythingThere()]
    with django_db_blocker.unblock():
        yield _issued()
        _empty()


def _issued() -> dict[str, Any]:
    query._compiled.pop(ALIAS, None)
    memory.memory.forget()
    issued = {}
    for name in ("ta", "tb"):
        with tenant(name):
            user = get_user_model()._default_manager.create_user(
                **{get_user_model().USERNAME_FIELD: "alice@example.org"}, password="x"
            )
            actor = Actor.system("tests")
            acme = create_organization(actor=actor, name="Acme", slug="acme", admin=user)
            issued[name] = create_token(
                actor=actor,
                workspace=acme.workspaces.get(slug="production"),
                name="Alike",
                scopes=["notes:read"],
            )
    return issued


def _empty() -> None:
    """Delete all rows, many times faster than TRUNCATE, and begin to count at one again."""
    tables = [model._meta.db_table for model in apps.get_app_config("apikeys").get_models()]
    for name in ("ta", "tb"):
        with tenant(name), transaction.atomic(ALIAS), connections[ALIAS].cursor() as cursor:
            cursor.execute("SET LOCAL apikeys.pruning = 'on'")
            for table in [*tables, get_user_model()._meta.db_table]:
                cursor.execute(f"DELETE FROM {table}")
                cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1, false)")


MODES = [
    {"CACHE": None},
    {"CACHE": None, "PREPARE": True},
    {"CACHE": "host"},
    pytest.param({"CACHE": "redis"}, marks=[pytest.mark.redis, needs_redis]),
]


def switch_on(settings: Any, mode: dict[str, Any]) -> None:
    if mode["CACHE"] == "redis":
        mode = {**mode, "LIMITS_STORAGE": redis_uri()}
    settings.APIKEYS = {**settings.APIKEYS, **mode}


def ask(api: Any, name: str, issued: Any, path: str = "/protected") -> int:
    with tenant(name):
        return api.get(path, headers={"X-API-Key": issued.api_key}).status_code


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_key_of_one_tenant_opens_nothing_of_another(api, keys, settings, mode):
    switch_on(settings, mode)
    for _ in range(3):
        assert ask(api, "ta", keys["ta"]) == 200
        assert ask(api, "tb", keys["ta"]) == 401
        assert ask(api, "tb", keys["tb"]) == 200
        assert ask(api, "ta", keys["tb"]) == 401


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_key_that_two_tenants_have_is_revoked_in_one_of_them_alone(api, keys, settings, mode):
    switch_on(settings, mode)
    digest, token_id = keys["ta"].token.digest, keys["ta"].token.token_id
    with tenant("tb"):  # as after copying a schema
        AccessToken.objects.update(digest=digest, token_id=token_id)
    assert [ask(api, name, keys["ta"]) for name in ("ta", "tb")] == [200, 200]
    with tenant("tb"):
        revoke_token(actor=Actor.system("tests"), token=AccessToken.objects.get())
    assert [ask(api, name, keys["ta"]) for name in ("ta", "tb")] == [200, 401]


def test_usage_is_counted_for_the_tenant_that_was_asked(api, keys):
    for name, times in (("ta", 3), ("tb", 2)):
        for _ in range(times):
            assert ask(api, name, keys[name]) == 200
    assert ask(api, "tb", keys["ta"]) == 401
    usage.flush()  # in no tenant's schema
    for name, times, refused in (("ta", 3, 0), ("tb", 2, 1)):
        with tenant(name):
            assert [row.count for row in UsageCounter.objects.all()] == [times]
            assert RefusalCounter.objects.count() == refused
            assert AccessToken.objects.get().last_used_at is not None


def test_the_same_minute_of_two_tenants_is_written_for_both(keys):
    for name in ("ta", "tb"):
        with tenant(name):
            usage.record(keys[name].token.pk, "success", address=None, agent=name, at=1_800_000_000)
        usage.flush()
    for name in ("ta", "tb"):
        with tenant(name):
            assert AccessToken.objects.get().last_used_agent == name


def test_a_schema_that_was_dropped_holds_up_no_other(api, keys, caplog):
    for name in ("ta", "tb"):
        assert ask(api, name, keys[name]) == 200
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("ALTER SCHEMA ta RENAME TO away")
    try:
        assert ask(api, "tb", keys["tb"]) == 200
        usage.flush()
        usage.flush()
        with tenant("tb"):
            assert [row.count for row in UsageCounter.objects.all()] == [2]
            assert ask(api, "tb", keys["tb"]) == 200
    finally:
        with connections[ALIAS].cursor() as cursor:
            cursor.execute("ALTER SCHEMA away RENAME TO ta")
    assert [r.message for r in caplog.records if r.name == "apikeys.usage"] == [
        "usage dropped with its schema ta"
    ]
    assert not [r for r in caplog.records if r.name == "apikeys.requests"]


def test_a_table_that_is_missing_for_now_keeps_its_usage_and_holds_up_no_other(keys):
    for name in ("ta", "tb"):
        with tenant(name):
            usage.record(keys[name].token.pk, "success", address=None, agent="", at=1_800_000_000)
    with tenant("ta"), connections[ALIAS].cursor() as cursor:
        cursor.execute("ALTER TABLE apikeys_usagecounter RENAME TO away")
    usage.flush()
    with tenant("ta"), connections[ALIAS].cursor() as cursor:
        cursor.execute("ALTER TABLE away RENAME TO apikeys_usagecounter")
    with tenant("tb"):
        assert UsageCounter.objects.get().count == 1
    usage.flush()
    with tenant("ta"):
        assert UsageCounter.objects.get().count == 1


def test_a_function_whose_schema_is_gone_is_done_without(keys):
    """Where a host sets the path by itself, one function serves all schemas."""
    with tenant("tb"):
        made = query.compiled(ALIAS)
        made.calls["tb"] = 'SELECT "gone".apikeys_find_token_0000(%s)'
        assert made.find(keys["tb"].token.token_id) is not None
        assert made.calls["tb"] is None


@pytest.mark.parametrize(
    "storage", ["memory://", pytest.param("redis", marks=[pytest.mark.redis, needs_redis])]
)
@pytest.mark.parametrize("per", ["token", "organization", "address"])
def test_limits_are_counted_for_each_tenant(api, keys, settings, monkeypatch, storage, per):
    from apikeys.limits import Limit
    from tests.support import apis

    uri = redis_uri() if storage == "redis" else storage
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS_STORAGE": uri}
    limiter(uri).clear()
    assert keys["ta"].token.pk == keys["tb"].token.pk == 1
    monkeypatch.setattr(apis.Limited, "limits", [Limit("2/hour", per=per, name="both")])
    for name in ("ta", "tb"):
        assert [ask(api, name, keys[name], "/limited") for _ in range(3)] == [200, 200, 429]


def test_passwords_asked_again_are_counted_for_each_tenants_user(keys, settings):
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS": {"log_in": "2/hour"}}
    reset_limits()
    waits = {}
    for name in ("ta", "tb"):
        with tenant(name):
            waits[name] = [_wait(1) > 0 for _ in range(3)]
    assert waits == {"ta": [False, False, True], "tb": [False, False, True]}


def test_attempts_at_a_tenants_account_slow_nobody_of_another_down(keys, rf, settings):
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS": {"log_in_account": "2/hour"}}
    reset_limits()
    waits = {}
    for name in ("ta", "tb"):
        with tenant(name):
            tries = (guessing.wait_for_account(rf.post("/"), "alice@example.org") for _ in range(3))
            waits[name] = [wait > 0 for wait in tries]
    assert waits == {"ta": [False, False, True], "tb": [False, False, True]}


def test_a_wrong_password_is_an_event_of_the_tenant_whose_account_it_was_for(keys, rf):
    request = rf.post("/")
    with tenant("tb"):
        user_login_failed.send(None, credentials={"username": "alice@example.org"}, request=request)
    with tenant("ta"):
        log_ins.flush()
    found = {}
    for name in ("ta", "tb"):
        with tenant(name):
            found[name] = AuditEvent.objects.filter(action="member.log_in_failed").count()
    assert found == {"ta": 0, "tb": 1}


def test_the_schema_of_the_thread_is_the_one_before_again(keys):
    connections[ALIAS].set_schema("ta")
    try:
        with suppress(DatabaseError), tenant("tb"):
            assert stores.current() == Store(ALIAS, "tb")
            raise DatabaseError
        assert stores.current() == Store(ALIAS, "ta")
    finally:
        connections[ALIAS].set_schema("public")


def test_where_all_tenants_share_the_app_its_rows_are_the_same_for_each(keys, settings):
    settings.TENANT_APPS = ["django.contrib.contenttypes"]
    with tenant("ta"):
        assert stores.current() == Store(ALIAS)
    settings.TENANT_APPS = ["apikeys.apps.ApiKeysConfig"]
    with tenant("ta"):
        assert stores.current() == Store(ALIAS, "ta")
    settings.TENANT_TYPES = {"public": {"APPS": ["apikeys"]}, "shop": {"APPS": ["shop"]}}
    with tenant("ta"):
        assert stores.current() == Store(ALIAS)
    settings.TENANT_TYPES["shop"]["APPS"].append("apikeys")
    with tenant("ta"):
        assert stores.current() == Store(ALIAS, "ta")


class TestCheck:
    def test_a_backend_that_names_its_schema_is_fine(self, keys):
        assert check_schemas(None) == []

    def test_one_that_does_not_is_refused(self, keys, monkeypatch):
        monkeypatch.delattr(connections[ALIAS], "schema_name")
        try:
            assert [found.id for found in check_schemas(None)] == ["apikeys.E070"]
        finally:
            monkeypatch.undo()

    def test_the_mode_for_one_host_is_refused(self, keys, settings):
        settings.APIKEYS = {**settings.APIKEYS, "CACHE": "host"}
        assert [found.id for found in check_schemas(None)] == ["apikeys.E071"]
        settings.TENANT_APPS = []
        assert check_schemas(None) == []

    def test_a_database_without_tenants_is_not_asked(self, settings):
        settings.APIKEYS = {**settings.APIKEYS, "CACHE": "host"}
        assert check_schemas(None) == []
        assert epochs.current() is not None
