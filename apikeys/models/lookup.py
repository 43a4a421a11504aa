"""The one query of the read path, compiled once per database alias.

Building and compiling the same queryset on every request costs more than running it, so its SQL is
kept and run through Django's cursor. PostgreSQL plans a query anew each time, and planning five
joined tables costs four times as much as one; so workspace, organization, membership and owner
come from subqueries of one row each, and all of it as one JSON array, which costs the driver less
than forty columns. The instances are as complete as the ORM's: a view sees no difference.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final
from weakref import WeakSet

from django.contrib.auth import get_user_model
from django.db import connections, models, router
from django.db.backends.utils import CursorWrapper
from django.db.models import Func, OuterRef, Subquery
from django.db.models.base import ModelState
from django.db.models.signals import post_init, pre_init

from apikeys import conf
from apikeys.models.organizations import Membership, Organization, Workspace
from apikeys.models.tokens import AccessToken

_STAND_IN: Final = "stand-in for the token id"
_STATEMENT: Final = "apikeys_find_token"
# What JSON carries and ``_Part`` reads back unchanged; a user model with other fields is joined.
_PLAIN_FIELDS: Final = (
    models.AutoField,
    models.BooleanField,
    models.CharField,
    models.DateTimeField,
    models.ForeignKey,
    models.GenericIPAddressField,
    models.IntegerField,
    models.JSONField,
    models.TextField,
    models.UUIDField,
)
# PostgreSQL passes at most a hundred arguments to a function.
_MOST_FIELDS: Final = 90


def find(token_id: str) -> AccessToken | None:
    """Return the token of that id with workspace, organization and owner, by one query.

    ``owner_is_member`` tells whether the owner is in the organization. Reads from the database
    that takes the writes.
    """
    alias = router.db_for_write(AccessToken)
    lookup = _compiled.get(alias)
    if lookup is None:
        with _lock:
            lookup = _compiled.setdefault(alias, Lookup(alias))
    return lookup.find(token_id)


class Lookup:
    """The query, compiled for one alias."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.token = _Part(AccessToken, alias)
        self.workspace = _Part(Workspace, alias)
        self.organization = _Part(Organization, alias)
        self.owner = _Part(get_user_model(), alias)
        compiler = self._query().get_compiler(using=alias)
        self.sql, parameters = compiler.as_sql()
        # The same with SQLite's own place holders.
        self.native_sql = self.sql.replace("%s", "?").replace("%%", "%")
        self.parameters = tuple(parameters)
        self.position = self.parameters.index(_STAND_IN)
        self.prepared: WeakSet[Any] = WeakSet()
        expressions = [expression for expression, _, _ in compiler.select]
        self.converters: list[tuple[int, list[Callable[..., Any]], Any]] = [
            (position, convert, expression)
            for position, (convert, expression) in compiler.get_converters(expressions).items()
        ]

    def _query(self) -> Any:
        organization = Organization.objects.filter(pk=OuterRef("organization_id"))
        membership = Membership.objects.filter(
            organization_id=OuterRef("organization_id"), user=OuterRef(OuterRef("owner_id"))
        )
        workspace = Workspace.objects.filter(pk=OuterRef("workspace_id"))
        parts: list[Any] = [
            _one(
                workspace,
                *self.workspace.columns,
                _one(organization, *self.organization.columns),
                Subquery(membership.order_by().values("pk")),
            )
        ]
        joined: list[str] = []
        if self.owner.fits_json:
            # A host's default manager may hide users, and a hidden owner must still be judged.
            owner = get_user_model()._base_manager.filter(pk=OuterRef("owner_id"))
            parts.append(_one(owner, *self.owner.columns))
        else:
            joined = [f"owner__{name}" for name in self.owner.names]
        queryset = AccessToken.objects.using(self.alias).filter(token_id=_STAND_IN)
        values = queryset.values_list(_Array(*self.token.columns, *parts), *joined)
        if self.owner.fits_json:
            # A short name for the table: PostgreSQL reads the text anew on every run.
            values.query.change_aliases({AccessToken._meta.db_table: "t"})
        return values.query

    def find(self, token_id: str) -> AccessToken | None:
        """Run the query for one id."""
        before, after = self.parameters[: self.position], self.parameters[self.position + 1 :]
        connection = connections[self.alias]
        sql = self.sql
        with self._cursor(connection) as cursor:
            if connection.vendor == "sqlite" and not connection.queries_logged:
                sql = self.native_sql
            elif conf.get().prepare and connection.vendor == "postgresql":
                sql = self._prepare(connection, cursor)
            cursor.execute(sql, (*before, token_id, *after))
            row = cursor.fetchone()
        return None if row is None else self._build(list(row), connection)

    def _cursor(self, connection: Any) -> Any:
        """Return Django's cursor; on SQLite one that does not search the text for ``%s``, which
        takes longer than the query."""
        if connection.vendor != "sqlite" or connection.queries_logged:
            return connection.cursor()
        connection.ensure_connection()
        connection.validate_thread_sharing()
        return CursorWrapper(connection.connection.cursor(), connection)

    def _prepare(self, connection: Any, cursor: Any) -> str:
        """Have the server plan the query once for this connection; not for a pooler that shares
        connections between transactions."""
        places = [f"${number}" for number, _ in enumerate(self.parameters, start=1)]
        if connection.connection not in self.prepared:
            pieces = self.sql.replace("%%", "%").split("%s")
            numbered = "".join(
                piece + place for piece, place in zip(pieces, [*places, ""], strict=True)
            )
            cursor.execute(f"PREPARE {_STATEMENT} AS {numbered}")
            self.prepared.add(connection.connection)
        return f"EXECUTE {_STATEMENT} ({', '.join(['%s'] * len(places))})"

    def _build(self, row: list[Any], connection: Any) -> AccessToken:
        for position, convert, expression in self.converters:
            value = row[position]
            if value is not None:
                for converter in convert:
                    value = converter(value, expression, connection)
                row[position] = value
        # PostgreSQL's driver has read the array, SQLite's hands over its text.
        values = json.loads(row[0]) if isinstance(row[0], str) else row[0]
        owner_row = values.pop() if self.owner.fits_json else row[1:]
        workspace_row = values.pop()
        membership = workspace_row.pop()
        organization_row = workspace_row.pop()
        token: AccessToken = self.token.read(values)
        workspace = self.workspace.read(workspace_row)
        workspace._state.fields_cache["organization"] = self.organization.read(organization_row)
        joined = token._state.fields_cache
        joined["workspace"] = workspace
        joined["owner"] = None if token.owner_id is None else self._owner(owner_row)
        token.owner_is_member = membership is not None  # type: ignore[attr-defined]
        return token

    def _owner(self, columns: list[Any]) -> Any:
        return self.owner.read(columns) if self.owner.fits_json else self.owner.build(columns)


class _Array(Func):
    """A JSON array of columns. Django's ``JSONArray`` casts each of them on PostgreSQL."""

    function = "JSON_ARRAY"
    output_field = models.TextField()  # no converters

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, function="JSON_BUILD_ARRAY", **context)


class _Nested(Func):
    """JSON inside an array; SQLite would put it there as text."""

    function = "JSON"
    output_field = models.TextField()  # no converters

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, template="%(expressions)s", **context)


def _one(rows: models.QuerySet[Any], *columns: Any) -> _Nested:
    return _Nested(Subquery(rows.order_by().annotate(row=_Array(*columns)).values("row")))


class _Part:
    """One model's columns, and how to make an instance of them."""

    def __init__(self, model: type[models.Model], alias: str) -> None:
        self.model = model
        self.alias = alias
        fields = model._meta.concrete_fields
        self.names = [field.attname for field in fields]
        self.columns = [
            _Nested(field.attname) if isinstance(field, models.JSONField) else field.attname
            for field in fields
        ]
        self.readers = [
            (position, reader)
            for position, field in enumerate(fields)
            if (reader := _reader(field, connections[alias])) is not None
        ]
        self.fits_json = len(fields) < _MOST_FIELDS and all(map(_fits_json, fields))
        # Signals and constructors of a host's user model must run, where it has any.
        self.is_plain = (
            model.__init__ is models.Model.__init__
            and model.from_db.__func__ is models.Model.from_db.__func__  # type: ignore[attr-defined]
            and not pre_init.has_listeners(model)
            and not post_init.has_listeners(model)
        )

    def read(self, values: list[Any]) -> Any:
        """Return the instance that a JSON array stands for."""
        for position, reader in self.readers:
            value = values[position]
            if value is not None:
                values[position] = reader(value)
        return self.build(values)

    def build(self, values: Sequence[Any]) -> Any:
        """Return the instance the ORM would have made of these columns."""
        if not self.is_plain:
            return self.model.from_db(self.alias, self.names, values)
        instance = self.model.__new__(self.model)
        instance.__dict__.update(zip(self.names, values, strict=True))
        state = instance._state = ModelState()
        state.adding, state.db = False, self.alias
        return instance


def _fits_json(field: models.Field[Any, Any]) -> bool:
    if isinstance(field, models.JSONField):
        return type(field).from_db_value is models.JSONField.from_db_value and field.decoder is None
    return isinstance(field, _PLAIN_FIELDS) and not hasattr(field, "from_db_value")


def _reader(field: models.Field[Any, Any], connection: Any) -> Callable[[Any], Any] | None:
    """Return what makes a field's value of its JSON; None where they are the same."""
    match field:
        case models.DateTimeField():
            return _moment_reader(connection.timezone)
        case models.BooleanField():
            return bool if connection.vendor == "sqlite" else None
        case models.UUIDField():
            return uuid.UUID
    return None


def _moment_reader(zone: tzinfo) -> Callable[[str], datetime]:
    def read(text: str) -> datetime:
        moment = datetime.fromisoformat(text)
        # SQLite stores the time of the connection's zone without saying so.
        return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(UTC)

    return read


_compiled: Final[dict[str, Lookup]] = {}
_lock: Final = threading.Lock()
