"""The one query of the read path, compiled once per database alias.

Building and compiling the same queryset on every request costs more than running it, so its SQL is
kept and run through Django's cursor. PostgreSQL plans a query anew each time, and planning five
joined tables costs four times as much as one; so workspace, organization and owner come as JSON
arrays from subqueries of one row each. The instances are as complete as the ORM's: a view sees no
difference.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from weakref import WeakSet

from django.contrib.auth import get_user_model
from django.db import connections, models, router
from django.db.models import OuterRef, Subquery
from django.db.models.base import ModelState
from django.db.models.functions import JSONArray
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
    models.IntegerField,
    models.JSONField,
    models.TextField,
    models.UUIDField,
)


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
        self.parameters = tuple(parameters)
        self.position = self.parameters.index(_STAND_IN)
        self.prepared: WeakSet[Any] = WeakSet()
        expressions = [expression for expression, _, _ in compiler.select]
        self.converters: list[tuple[int, list[Callable[..., Any]], Any]] = [
            (position, convert, expression)
            for position, (convert, expression) in compiler.get_converters(expressions).items()
        ]

    def _query(self) -> Any:
        workspace = Workspace.objects.filter(pk=OuterRef("workspace_id"))
        organization_id = (
            Workspace.objects.filter(pk=OuterRef(OuterRef("workspace_id")))
            .order_by()
            .values("organization_id")
        )
        organization = Organization.objects.filter(pk=Subquery(organization_id))
        membership = Membership.objects.filter(
            user=OuterRef("owner_id"), organization_id=Subquery(organization_id)
        )
        queryset = AccessToken.objects.using(self.alias).filter(token_id=_STAND_IN)
        values = queryset.values_list(
            *self.token.names,
            self.workspace.subquery(workspace),
            self.organization.subquery(organization),
            Subquery(membership.order_by().values("pk")),
            *self._owner_columns(),
        )
        if self.owner.fits_json:
            # SQLite's backend scans the text on every run: a short alias saves a third of it.
            values.query.change_aliases({AccessToken._meta.db_table: "t"})
        return values.query

    def _owner_columns(self) -> list[Any]:
        if not self.owner.fits_json:
            return [f"owner__{name}" for name in self.owner.names]
        # A host's default manager may hide users, and a hidden owner must still be judged.
        users = get_user_model()._base_manager
        return [self.owner.subquery(users.filter(pk=OuterRef("owner_id")))]

    def find(self, token_id: str) -> AccessToken | None:
        """Run the query for one id."""
        before, after = self.parameters[: self.position], self.parameters[self.position + 1 :]
        connection = connections[self.alias]
        with connection.cursor() as cursor:
            sql = self.sql
            if conf.get().prepare and connection.vendor == "postgresql":
                sql = self._prepare(connection, cursor)
            cursor.execute(sql, (*before, token_id, *after))
            row = cursor.fetchone()
        return None if row is None else self._build(list(row), connection)

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
        width = len(self.token.names)
        workspace_row, organization_row, membership, *owner_row = row[width:]
        token: AccessToken = self.token.build(row[:width])
        workspace = self.workspace.read(workspace_row)
        _WORKSPACE.set_cached_value(token, workspace)
        _ORGANIZATION.set_cached_value(workspace, self.organization.read(organization_row))
        _OWNER.set_cached_value(token, self._owner(token, owner_row))
        token.owner_is_member = membership is not None  # type: ignore[attr-defined]
        return token

    def _owner(self, token: AccessToken, columns: list[Any]) -> Any:
        if token.owner_id is None:
            return None
        return self.owner.read(columns[0]) if self.owner.fits_json else self.owner.build(columns)


class _Part:
    """One model's columns, and how to make an instance of them."""

    def __init__(self, model: type[models.Model], alias: str) -> None:
        self.model = model
        self.alias = alias
        fields = model._meta.concrete_fields
        self.names = [field.attname for field in fields]
        self.readers = [
            (position, reader)
            for position, field in enumerate(fields)
            if (reader := _reader(field)) is not None
        ]
        self.fits_json = all(isinstance(field, _PLAIN_FIELDS) for field in fields)
        # Signals and constructors of a host's user model must run, where it has any.
        self.is_plain = (
            model.__init__ is models.Model.__init__
            and model.from_db.__func__ is models.Model.from_db.__func__  # type: ignore[attr-defined]
            and not pre_init.has_listeners(model)
            and not post_init.has_listeners(model)
        )

    def subquery(self, rows: models.QuerySet[Any]) -> Subquery:
        """Return the one row as a JSON array."""
        array = JSONArray(*self.names)
        return Subquery(rows.order_by().annotate(row=array).values("row"))

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


def _reader(field: models.Field[Any, Any]) -> Callable[[Any], Any] | None:
    """Return what makes a field's value of its JSON; None where they are the same."""
    match field:
        case models.DateTimeField():
            return _moment
        case models.JSONField():
            return _nested
        case models.BooleanField():
            return bool
        case models.UUIDField():
            return field.to_python
    return None


def _nested(value: Any) -> Any:
    # PostgreSQL nests the value, SQLite its text.
    return json.loads(value) if isinstance(value, str) else value


def _moment(text: str) -> datetime:
    # SQLite stores UTC without saying so.
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_WORKSPACE: Final = AccessToken._meta.get_field("workspace")
_OWNER: Final = AccessToken._meta.get_field("owner")
_ORGANIZATION: Final = Workspace._meta.get_field("organization")

_compiled: Final[dict[str, Lookup]] = {}
_lock: Final = threading.Lock()
