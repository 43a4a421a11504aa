"""Audit events as rows of the page, and as the rows and lines of the two files.

What a row of a file is called and holds is ``apikeys.queries.events``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final, NamedTuple

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from apikeys.models import AuditEvent
from apikeys.queries import keyset
from apikeys.queries.events import record
from apikeys.services.audit import action_label

from . import labels

NEWEST_FIRST: Final = keyset.Order(("created_at", "id"), descending=True)
# Rows in memory at a time while a file streams.
EXPORT_PAGE: Final = 2000


class Fact(NamedTuple):
    """Something the details of an event say."""

    name: str
    value: str


class Change(NamedTuple):
    """One value before and after an event."""

    name: str
    before: str
    after: str


class Row(NamedTuple):
    """One event as the page shows it."""

    event: AuditEvent
    action: str
    changes: list[Change]
    facts: list[Fact]


def page(
    events: QuerySet[AuditEvent],
    *,
    size: int,
    after: AuditEvent | None = None,
    before: AuditEvent | None = None,
) -> keyset.Page[AuditEvent]:
    """Return one page of events, newest first, without counting them."""
    return keyset.page(events, NEWEST_FIRST, parts=[Q()], size=size, after=after, before=before)


def row(event: AuditEvent) -> Row:
    """Return an event with its details put into words."""
    details = dict(event.details)
    before, after = details.get("before"), details.get("after")
    changes = []
    if isinstance(before, dict) and isinstance(after, dict):
        del details["before"], details["after"]
        names = [*before, *(name for name in after if name not in before)]
        changes = [
            Change(labels.detail(n), _text(n, before.get(n)), _text(n, after.get(n))) for n in names
        ]
    facts = [Fact(labels.detail(name), _text(name, value)) for name, value in details.items()]
    return Row(event, action_label(event.action), changes, facts)


def everything(events: QuerySet[AuditEvent]) -> Iterator[AuditEvent]:
    """Yield all events, newest first, holding one page of them at a time.

    Pages and not a cursor of the database: behind a pooler of connections there is none.
    """
    found = page(events, size=EXPORT_PAGE)
    yield from found.rows
    while found.after is not None:
        found = page(events, size=EXPORT_PAGE, after=found.after)
        yield from found.rows


def csv_rows(events: QuerySet[AuditEvent]) -> Iterator[list[object]]:
    """Yield the cells of all events; the details are JSON."""
    for event in everything(events):
        values = record(event)
        values["details"] = json.dumps(values["details"], ensure_ascii=False)
        yield list(values.values())


def json_lines(events: QuerySet[AuditEvent]) -> Iterator[str]:
    """Yield one JSON object a line for all events."""
    for event in everything(events):
        yield json.dumps(record(event), ensure_ascii=False) + "\n"


def _text(name: str, value: object) -> str:
    if value is None or value == "" or value == [] or value == {}:
        return _("none")
    if isinstance(value, list):
        return ", ".join(_text(name, item) for item in value)
    if isinstance(value, str):
        return labels.value(name, value)
    return json.dumps(value, ensure_ascii=False)
