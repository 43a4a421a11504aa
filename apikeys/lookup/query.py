"""The one query of the read path, compiled once per database alias.

Building and compiling the same queryset on every request costs more than running it, so its SQL is
kept and run through Django's cursor. Workspace, organization, membership and the owner, or the
user that stands for the workspace, come from subqueries of one row each, and all of it as the text
of one JSON array, which costs the driver less than forty columns. On PostgreSQL it is called as a
function, see ``stored_function``.

Every request queries the database. If the answer is the same text as last time in that schema, the
row decoded then is used again.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import ProgrammingError, connections, router
from django.db.backends.utils import CursorWrapper
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce

from apikeys import conf
from apikeys.lookup import stored_function
from apikeys.lookup.json_columns import Array, Columns, Text, row_array
from apikeys.lookup.snapshots import Snapshot
from apikeys.models.organizations import Membership, Organization, Workspace
from apikeys.models.stores import schema_of
from apikeys.models.tokens import AccessToken

_STAND_IN: Final = "stand-in for the token id"
MOST_REMEMBERED: Final = 1_000
# Schemas of one database whose function is known.
MOST_SCHEMAS: Final = 1_000
# SQLSTATE: the function was dropped, its schema was, or the role may execute it no longer.
_WITHOUT_FUNCTION: Final = ("42883", "3F000", "42501")


def find(token_id: str) -> Snapshot | None:
    """Return the token of that id with workspace, organization and owner, by one query.

    ``owner_is_member`` tells whether the owner is in the organization. An automation token, which
    has no owner, comes with the service account of its workspace, if there is one. Reads from the
    database that takes the writes.
    """
    alias = router.db_for_write(AccessToken)
    lookup = _compiled.get(alias)
    if lookup is None:
        lookup = _compiled.setdefault(alias, compiled(alias))
    return lookup.find(token_id)


def compiled(alias: str) -> Lookup:
    """Return the query, compiled for that database."""
    return _LOOKUPS.get(connections[alias].vendor, Lookup)(alias)


def store(alias: str) -> None:
    """Store the query as a function in that database, where there are such; after ``migrate``."""
    lookup = compiled(alias)
    lookup.store()
    _compiled[alias] = lookup


class Lookup:
    """The query, compiled for one alias."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.token = Columns(AccessToken, alias)
        self.workspace = Columns(Workspace, alias)
        self.organization = Columns(Organization, alias)
        self.owner = Columns(get_user_model(), alias)
        self.owner_column = self.token.names.index("owner_id")
        compiler = self._query().get_compiler(using=alias)
        self.sql, parameters = compiler.as_sql()
        position = parameters.index(_STAND_IN)
        self.before, self.after = tuple(parameters[:position]), tuple(parameters[position + 1 :])
        expressions = [expression for expression, _, _ in compiler.select]
        self.converters: list[tuple[int, list[Callable[..., Any]], Any]] = [
            (position, convert, expression)
            for position, (convert, expression) in compiler.get_converters(expressions).items()
        ]
        self._decoded: dict[tuple[str, str], Snapshot] = {}

    def _query(self) -> Any:
        organization = Organization.objects.filter(pk=OuterRef("organization_id"))
        membership = Membership.objects.filter(
            organization_id=OuterRef("organization_id"), user=OuterRef(OuterRef("owner_id"))
        )
        workspace = Workspace.objects.filter(pk=OuterRef("workspace_id"))
        parts: list[Any] = [
            *self.workspace.expressions,
            row_array(organization, *self.organization.expressions),
            Subquery(membership.order_by().values("pk")),
        ]
        joined: list[str] = []
        if self.owner.fit_json:
            # A host's default manager may hide users, and a hidden owner must still be judged.
            who = Coalesce(OuterRef(OuterRef("owner_id")), OuterRef("service_account_id"))
            person = get_user_model()._base_manager.filter(pk=who)
            parts.append(row_array(person, *self.owner.expressions))
        else:
            joined = [f"owner__{name}" for name in self.owner.names]
        queryset = AccessToken.objects.using(self.alias).filter(token_id=_STAND_IN)
        columns = Array(*self.token.expressions, row_array(workspace, *parts))
        values = queryset.values_list(Text(columns), *joined)
        if self.owner.fit_json:
            # A short name for the table: PostgreSQL reads the text anew on every run.
            values.query.change_aliases({AccessToken._meta.db_table: "t"})
        return values.query

    def find(self, token_id: str) -> Snapshot | None:
        """Run the query for one id."""
        connection = connections[self.alias]
        row = self._run(connection, (*self.before, token_id, *self.after))
        return None if row is None else self._read(row, connection)

    def store(self) -> None:
        """Store the query in the database, where that helps."""

    def _run(self, connection: Any, parameters: tuple[Any, ...]) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(self.sql, parameters)
            return cursor.fetchone()

    def _read(self, row: Sequence[Any], connection: Any) -> Snapshot:
        text: str = row[0]
        if not self.owner.fit_json:
            return self._decode(text, self._converted(row, connection))
        key = schema_of(connection), text
        found = self._decoded.get(key)
        if found is None:
            found = self._decode(text, None)
            with _lock:
                self._decoded[key] = found
                if len(self._decoded) > MOST_REMEMBERED:
                    del self._decoded[next(iter(self._decoded))]
        return found

    def _decode(self, text: str, owner_row: list[Any] | None) -> Snapshot:
        token_row = json.loads(text)
        workspace_row = token_row.pop()
        beside: dict[str, Snapshot | None] = {}
        owner: Snapshot | None = None
        if owner_row is None:
            in_json = workspace_row.pop()
            owner = None if in_json is None else self.owner.read(in_json)
            if token_row[self.owner_column] is None:
                beside["service_account"], owner = owner, None
        elif owner_row[0] is not None:
            owner = self.owner.snapshot(owner_row)
        is_member = workspace_row.pop() is not None
        beside["organization"] = self.organization.read(workspace_row.pop())
        workspace = self.workspace.read(workspace_row, related=beside)
        return self.token.read(
            token_row,
            related={"workspace": workspace, "owner": owner},
            owner_is_member=is_member,
        )

    def _converted(self, row: Sequence[Any], connection: Any) -> list[Any]:
        """Return the owner's columns, which were joined, as Python's values."""
        values = list(row)
        for position, convert, expression in self.converters:
            for converter in convert:
                values[position] = converter(values[position], expression, connection)
        return values[1:]


class SQLiteLookup(Lookup):
    """Hands SQLite its own place holders.

    Django would search the text for ``%s`` on every run, which takes longer than the query.
    """

    def __init__(self, alias: str) -> None:
        super().__init__(alias)
        self.native_sql = self.sql.replace("%s", "?").replace("%%", "%")

    def _run(self, connection: Any, parameters: tuple[Any, ...]) -> Any:
        if connection.queries_logged:
            return super()._run(connection, parameters)
        connection.ensure_connection()
        connection.validate_thread_sharing()
        raw = connection.connection.cursor()
        CursorWrapper(raw, connection).execute(self.native_sql, parameters)
        with connection.wrap_database_errors:
            row = raw.fetchone()
            raw.close()
        return row


class PostgreSQLLookup(Lookup):
    """Has the server parse and plan as little as can be: a call, or a prepared statement.

    Attributes:
        calls: schema to the call of its function, None where there is none to be called.
    """

    def __init__(self, alias: str) -> None:
        super().__init__(alias)
        self.calls: dict[str, str | None] = {}
        self.table = connections[alias].ops.quote_name(AccessToken._meta.db_table)
        # It takes the id alone and returns one column.
        self.can_be_stored = self.owner.fit_json and not (self.before or self.after)

    def store(self) -> None:
        if self.can_be_stored:
            connection = connections[self.alias]
            self._know(
                schema_of(connection), stored_function.create(connection, self.sql, self.table)
            )

    def _know(self, schema: str, call: str | None) -> None:
        with _lock:
            self.calls[schema] = call
            if len(self.calls) > MOST_SCHEMAS:
                del self.calls[next(iter(self.calls))]

    def _run(self, connection: Any, parameters: tuple[Any, ...]) -> Any:
        if conf.get().prepare:
            from apikeys.lookup import prepared_statement  # needs psycopg 3

            cursor = prepared_statement.cursor(connection)
            cursor.execute(self.sql, parameters)
        else:
            cursor = connection.cursor()
            self._call(cursor, connection, parameters)
        # Past Django's wrapper, and without closing: all rows have arrived with the answer.
        row = cursor.cursor.fetchone()
        # A function returns NULL where the query finds no row.
        return None if row is None or row[0] is None else row

    def _call(self, cursor: Any, connection: Any, parameters: tuple[Any, ...]) -> None:
        schema = schema_of(connection)
        try:
            call = self.calls[schema]
        except KeyError:
            call = (
                stored_function.find(cursor, self.sql, self.table) if self.can_be_stored else None
            )
            self._know(schema, call)
        try:
            cursor.execute(call or self.sql, parameters)
        except ProgrammingError as error:
            if call is None or not _is_about_the_function(error):
                raise
            self._know(schema, None)
            if connection.in_atomic_block:
                raise  # the transaction is broken; the next request sends the query itself
            cursor.execute(self.sql, parameters)


def _is_about_the_function(error: ProgrammingError) -> bool:
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)  # psycopg 3 and 2
    return state in _WITHOUT_FUNCTION


_LOOKUPS: Final = {"sqlite": SQLiteLookup, "postgresql": PostgreSQLLookup}
_compiled: Final[dict[str, Lookup]] = {}
_lock = threading.Lock()


def _renew_lock() -> None:
    """What another thread held at the fork would stay held in the child."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)
