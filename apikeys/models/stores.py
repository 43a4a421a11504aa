"""Which database, and which schema of it, the rows of this request lie in.

Whatever is remembered or buffered by a primary key, or stands for a row, is kept apart by this:
one process may serve many databases (a router names the alias) and many schemas (django-tenants
and its like name it on the connection, as ``schema_name``). Knows no query of ours.
"""

from __future__ import annotations

import threading
from asyncio import _get_running_loop
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS, NotSupportedError, connections, router

from apikeys.models.tokens import AccessToken

_APP: Final = "apikeys"
# As psycopg numbers it, and psycopg2 the same.
_READ_COMMITTED: Final = 2


class Store(NamedTuple):
    """An alias of ``DATABASES``, and a schema; ``""`` where requests don't choose one."""

    alias: str
    schema: str = ""

    def key(self, name: str) -> str:
        """Return a name for use outside of the database that no other store has."""
        if self == DEFAULT:
            return name
        return f"{self.alias}/{self.schema}/{name}"


DEFAULT: Final = Store(DEFAULT_DB_ALIAS)
# By one of these the database backends that change schemas are known.
_MARKS: Final = ("schema_name", "set_schema", "set_tenant", "tenant", "schema")


class _Thread(threading.local):
    """The connections of a thread, each with the store that it is where no schema is named."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[Any, Store]] = {}


_thread: Final = _Thread()


def current() -> Store:
    """Return where this thread reads and writes tokens now."""
    alias = router.db_for_write(AccessToken) if router.routers else DEFAULT_DB_ALIAS
    # Every request asks, and Django takes microseconds to find a thread's connection. The schema
    # is asked each time: any code may name one on the connection, and at any time.
    in_task = _get_running_loop() is not None  # each task has a connection of its own
    found = None if in_task else _thread.found.get(alias)
    if found is None:
        found = connections[alias], Store(alias)
        if not in_task:
            _thread.found[alias] = found
    connection, plain = found
    if getattr(connection, "schema_name", None):
        return Store(alias, schema_of(connection))
    return plain


def changes_schemas(connection: Any) -> bool:
    """Whether a connection's backend may use another schema for each request."""
    return any(hasattr(connection, mark) for mark in _MARKS)


def may_differ() -> bool:
    """Whether requests may read tokens in different places, so that each thread has to be asked."""
    return bool(router.routers) or changes_schemas(connections[DEFAULT_DB_ALIAS])


def of_people() -> Store:
    """Return where this thread reads and writes users now."""
    model = get_user_model()
    alias = router.db_for_write(model)
    return Store(alias, schema_of(connections[alias], model._meta.app_label))


def schema_of(connection: Any, app: str = _APP) -> str:
    """Return the schema that a connection was told to use; ``""`` where that decides nothing.

    Where the app lies in the schema that all tenants share, its rows are the same for each.
    """
    schema: str | None = getattr(connection, "schema_name", None)
    return schema if schema and not is_shared(app) else ""


def is_shared(app: str = _APP) -> bool:
    """Whether django-tenants keeps the app of that label once for all tenants.

    Its settings are ``TENANT_APPS``, or ``TENANT_TYPES`` with the apps of each type.
    """
    if types := getattr(settings, "TENANT_TYPES", None):
        public = getattr(settings, "PUBLIC_SCHEMA_NAME", "public")
        lists = [kind.get("APPS", ()) for name, kind in types.items() if name != public]
        return not any(_holds(names, app) for names in lists)
    names = getattr(settings, "TENANT_APPS", None)
    return names is not None and not _holds(names, app)


def _holds(names: Any, app: str) -> bool:
    config = apps.get_app_config(app)
    cls = type(config)
    return not {config.name, f"{cls.__module__}.{cls.__qualname__}"}.isdisjoint(names)


def sees_commits() -> bool:
    """Whether a row read now by this thread is the newest that was committed.

    Not in a transaction whose snapshot may be older: any of SQLite, and those of PostgreSQL from
    REPEATABLE READ on.
    """
    connection: Any = connections[router.db_for_write(AccessToken)]
    if not connection.in_atomic_block and _commits_by_itself(connection):
        return True
    level = getattr(connection, "isolation_level", None)
    return connection.vendor == "postgresql" and level == _READ_COMMITTED


def _commits_by_itself(connection: Any) -> bool:
    # Before it has connected, Django says False. Asking ``get_autocommit`` would connect, and a
    # malformed key must not need the database.
    if connection.connection is None:
        return bool(connection.settings_dict["AUTOCOMMIT"])
    return bool(connection.autocommit)


@contextmanager
def entered(store: Store) -> Iterator[None]:
    """Have this thread's connection use the schema of a store, and then the one before.

    Raises:
        NotSupportedError: the backend has no ``set_schema``; ``manage.py check`` refuses it.
    """
    connection: Any = connections[store.alias]
    if not store.schema or schema_of(connection) == store.schema:
        yield
        return
    if not hasattr(connection, "set_schema"):
        raise NotSupportedError("The database backend has no set_schema().")
    before, tenant = connection.schema_name, getattr(connection, "tenant", None)
    connection.set_schema(store.schema)
    try:
        yield
    finally:
        if tenant is not None and hasattr(connection, "set_tenant"):
            connection.set_tenant(tenant)
        else:
            connection.set_schema(before)


def is_gone(store: Store) -> bool:
    """Whether the schema has been dropped."""
    connection = connections[store.alias]
    if not store.schema or connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [store.schema])
        return cursor.fetchone() is None
