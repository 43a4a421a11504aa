"""Downloads of tables, safe to open in a spreadsheet and streamed row by row."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from apikeys import visible
from apikeys.models import AuditEvent, Organization
from apikeys.services.exports import record_export

from .access import actor_of
from .pages import PAGE_HEADERS

# What makes a spreadsheet take a cell for a formula (OWASP, CSV injection), wide and small forms
# included, whatever blanks, quotes or invisible characters stand before it. Programs set up for
# another separator begin a cell after that one, inside of quotes, too.
_SIGNS: Final = "[=+\\-@\uff1d\uff0b\uff0d\uff20\u2212\ufe62-\ufe66\ufe6b]"
_FORMULA: Final = re.compile(
    rf"""(^|[;|\t\r\n])((?:[^\S\t\r\n]|"|{visible.IGNORABLE})*)(?={_SIGNS})"""
)
_BREAKS: Final = re.compile(r"^[\t\r\n]")


class _Echo:
    def write(self, line: str) -> str:
        return line


def safe_cell(value: object) -> object:
    """Return the value so that no spreadsheet runs it or a part of it; numbers stay numbers."""
    if not isinstance(value, str):
        return value
    safe = _FORMULA.sub(r"\1'\2", value)
    return f"'{safe}" if _BREAKS.match(safe) else safe


def csv_lines(head: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield the lines of a CSV file (RFC 4180), one at a time.

    Args:
        head: names of the columns, which are ours.
        rows: cells; each is quoted, so that no separator of another program's parts it unseen.
    """
    yield csv.writer(_Echo()).writerow(list(head))
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])


def download(
    request: HttpRequest,
    lines: Callable[[AuditEvent | None], Iterable[str]],
    *,
    organization: Organization,
    name: str,
    kind: str,
    filters: Iterable[str],
) -> StreamingHttpResponse:
    """Answer with lines as a file, as they come, after it was written down who takes it.

    Args:
        request: a GET, or a HEAD, which takes nothing.
        lines: takes the event of this download, where it has one, and returns text with its line
            ends.
        organization: whose data; its slug is in the file's name.
        name: what it is, such as ``audit``.
        kind: ``csv`` or ``jsonl``.
        filters: the parameters that can narrow it; which of them were given is written down.
    """
    taken = None
    if request.method == "GET":
        given = sorted(each for each in filters if request.GET.get(each))
        actor = actor_of(request)
        taken = record_export(
            actor=actor, organization=organization, name=name, kind=kind, filters=given
        )
    types = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}
    filename = f"{name}-{organization.slug}-{timezone.now():%Y-%m-%d}.{kind}"
    headers = {**PAGE_HEADERS, "Content-Disposition": f'attachment; filename="{filename}"'}
    return StreamingHttpResponse(lines(taken), content_type=types[kind], headers=headers)
