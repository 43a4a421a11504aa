"""A model's columns as one JSON array: the SQL that makes it, and what reads it back.

Knows the fields of models and no query of ours.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from django.db import connections, models
from django.db.models import Func, Subquery

from apikeys.credentials.digests import Digest
from apikeys.lookup.snapshots import Kind, Related, Snapshot, is_plain
from apikeys.models.digest_field import DigestField

# What JSON carries and ``Columns`` reads back unchanged.
_PLAIN_FIELDS: Final = (
    models.AutoField,
    models.BooleanField,
    models.CharField,
    models.DateTimeField,
    models.GenericIPAddressField,
    models.IntegerField,
    models.JSONField,
    models.TextField,
    models.UUIDField,
)
# PostgreSQL passes at most a hundred arguments to a function.
_MOST_FIELDS: Final = 90


class Columns:
    """One model's columns.

    Attributes:
        names: the attributes they become.
        expressions: what to put into an ``Array``.
        fit_json: whether all of them can travel as JSON.
    """

    def __init__(self, model: type[models.Model], alias: str) -> None:
        fields = model._meta.concrete_fields
        self.kind = Kind(
            model=model,
            alias=alias,
            # What JSON makes of other fields can't be changed.
            changeable=tuple(
                f.attname for f in fields if isinstance(f, models.JSONField) or not _fits_json(f)
            ),
            plain=is_plain(model),
        )
        self.names = [field.attname for field in fields]
        self.expressions = [
            Nested(field.attname) if isinstance(field, models.JSONField) else field.attname
            for field in fields
        ]
        self.readers = [
            (position, reader)
            for position, field in enumerate(fields)
            if (reader := _reader(field, connections[alias])) is not None
        ]
        self.fit_json = len(fields) < _MOST_FIELDS and all(map(_fits_json, fields))

    def read(self, row: list[Any], related: Related | None = None, **more: Any) -> Snapshot:
        """Return the row that a JSON array stands for.

        Args:
            row: the array, which is changed.
            related: name of a foreign key to the row it leads to.
            more: attributes besides the columns.
        """
        for position, reader in self.readers:
            value = row[position]
            if value is not None:
                row[position] = reader(value)
        return self.snapshot(row, related, **more)

    def snapshot(self, row: Sequence[Any], related: Related | None = None, **more: Any) -> Snapshot:
        """Return the row of these values, which need no reading."""
        values = dict(zip(self.names, row, strict=True))
        values.update(more)
        return Snapshot(self.kind, values, related or {})


class Array(Func):
    """A JSON array of columns. Django's ``JSONArray`` casts each of them on PostgreSQL."""

    function = "JSON_ARRAY"
    output_field = models.TextField()  # no converters

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, function="JSON_BUILD_ARRAY", **context)


class Text(Func):
    """The text of a JSON array; PostgreSQL's driver would decode it."""

    template = "%(expressions)s"
    output_field = models.TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, template="%(expressions)s::text", **context)


class Nested(Func):
    """JSON inside an array; SQLite would put it there as text."""

    function = "JSON"
    output_field = models.TextField()  # no converters

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, template="%(expressions)s", **context)


def row_array(rows: models.QuerySet[Any], *columns: Any) -> Nested:
    """Return the array of the one row of a subquery."""
    return Nested(Subquery(rows.order_by().annotate(row=Array(*columns)).values("row")))


def _fits_json(field: models.Field[Any, Any]) -> bool:
    field = _target(field)
    if isinstance(field, models.JSONField):
        return type(field).from_db_value is models.JSONField.from_db_value and field.decoder is None
    return (
        isinstance(field, _PLAIN_FIELDS)
        and not hasattr(field, "from_db_value")
        and type(field).get_db_converters is models.Field.get_db_converters
    )


def _target(field: models.Field[Any, Any]) -> models.Field[Any, Any]:
    """Return the field whose values a foreign key holds, any other as it is."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field


def _reader(field: models.Field[Any, Any], connection: Any) -> Callable[[Any], Any] | None:
    """Return what makes a field's value of its JSON; None where they are the same."""
    match _target(field):
        case models.DateTimeField():
            return _moment_reader(connection.timezone)
        case models.BooleanField():
            return bool if connection.vendor == "sqlite" else None
        case models.UUIDField():
            return uuid.UUID
        case DigestField():
            return Digest
    return None


def _moment_reader(zone: tzinfo) -> Callable[[str], datetime]:
    if zone is UTC:
        return _moment

    def read(text: str) -> datetime:
        moment = datetime.fromisoformat(text)
        # SQLite stores the time of the connection's zone without saying so.
        return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(UTC)

    return read


def _moment(text: str) -> datetime:
    # SQLite leaves the zone out. Reading it is faster than replacing it afterwards.
    return datetime.fromisoformat(text if text[-6:] == "+00:00" else f"{text}+00:00")
