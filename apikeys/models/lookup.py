"""The one query of the read path, compiled once per database alias.

Building and compiling the same queryset on every request costs more than running it. Here its SQL
is kept and run through Django's cursor; each column is read through its field's converters, and
the instances are as complete as the ORM's, so a view sees no difference.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import connections, models, router

from apikeys.models.organizations import Organization, Workspace
from apikeys.models.tokens import AccessToken

_STAND_IN: Final = "stand-in for the token id"

Row = Sequence[Any]
Converter = tuple[int, list[Callable[..., Any]], Any]


def find(token_id: str) -> AccessToken | None:
    """Return the token of that id with workspace, organization and owner, by one query.

    ``owner_is_member`` is annotated, as ``AccessTokenQuerySet.for_verification`` does. Reads from
    the database that takes the writes.
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
        self.token = _Part(AccessToken, "")
        self.workspace = _Part(Workspace, "workspace__")
        self.organization = _Part(Organization, "workspace__organization__")
        self.owner = _Part(get_user_model(), "owner__")
        start = 0
        for part in (self.token, self.workspace, self.organization, self.owner):
            start = part.take(start)
        self._compile()

    def _compile(self) -> None:
        parts = (self.token, self.workspace, self.organization, self.owner)
        columns = [column for part in parts for column in part.columns]
        queryset = AccessToken.objects.using(self.alias).for_verification()
        query = queryset.filter(token_id=_STAND_IN).values_list(*columns, "owner_is_member").query
        compiler = query.get_compiler(using=self.alias)
        self.sql, parameters = compiler.as_sql()
        self.parameters = tuple(parameters)
        self.position = self.parameters.index(_STAND_IN)
        expressions = [expression for expression, _, _ in compiler.select]
        converters = compiler.get_converters(expressions)
        self.converters: list[Converter] = [
            (position, convert, expression)
            for position, (convert, expression) in converters.items()
        ]

    def find(self, token_id: str) -> AccessToken | None:
        """Run the query for one id."""
        before, after = self.parameters[: self.position], self.parameters[self.position + 1 :]
        connection = connections[self.alias]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, (*before, token_id, *after))
            row = cursor.fetchone()
        return None if row is None else self._build(list(row), connection)

    def _build(self, row: list[Any], connection: Any) -> AccessToken:
        for position, convert, expression in self.converters:
            value = row[position]
            for converter in convert:
                value = converter(value, expression, connection)
            row[position] = value
        token: AccessToken = self.token.build(self.alias, row)
        workspace = self.workspace.build(self.alias, row)
        _WORKSPACE.set_cached_value(token, workspace)
        _ORGANIZATION.set_cached_value(workspace, self.organization.build(self.alias, row))
        owner = None if token.owner_id is None else self.owner.build(self.alias, row)
        _OWNER.set_cached_value(token, owner)
        token.owner_is_member = row[-1]  # type: ignore[attr-defined]  # as the queryset annotates
        return token


class _Part:
    """The columns of one model in the row."""

    def __init__(self, model: type[models.Model], path: str) -> None:
        self.model = model
        fields = model._meta.concrete_fields
        self.names = [field.attname for field in fields]
        self.columns = [path + field.attname for field in fields]

    def take(self, start: int) -> int:
        """Remember where the columns begin; return where the next part's do."""
        self.values = itemgetter(slice(start, start + len(self.names)))
        return start + len(self.names)

    def build(self, alias: str, row: Row) -> Any:
        """Return the instance the ORM would have made of these columns."""
        return self.model.from_db(alias, self.names, self.values(row))


_WORKSPACE: Final = AccessToken._meta.get_field("workspace")
_OWNER: Final = AccessToken._meta.get_field("owner")
_ORGANIZATION: Final = Workspace._meta.get_field("organization")

_compiled: Final[dict[str, Lookup]] = {}
_lock: Final = threading.Lock()
