"""Reads the plans of queries: does one of them walk through a long table?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

LONG = ("apikeys_accesstoken", "apikeys_auditevent", "apikeys_usagecounter")


def scans(connection: Any, queries: Iterable[str]) -> list[str]:
    """Return what reads one of the ``LONG`` tables from end to end, with its query."""
    explain = "EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN "
    found = []
    for sql in queries:
        if not sql.startswith(("SELECT", "(SELECT", "WITH")):
            continue
        with connection.cursor() as cursor:
            cursor.execute(explain + sql)
            lines = [str(row[-1]) for row in cursor.fetchall()]
        names = _long_names(sql)
        found += [f"{line.strip()}: {sql[:300]}" for line in lines if _walks(line, names)]
    return found


def _long_names(sql: str) -> set[str]:
    """The long tables and what the query calls them."""
    named = re.findall(r'"(\w+)" (?:AS )?"?([A-Za-z]\w*)"?', sql)
    return {*LONG, *(alias for table, alias in named if table in LONG)}


def _walks(line: str, names: set[str]) -> bool:
    postgresql = re.search(r"Seq Scan on (\w+)", line)
    if postgresql:
        return postgresql[1] in LONG
    sqlite = re.match(r"SCAN (?:TABLE )?(\w+)(?P<how>.*)", line)
    # "SCAN t USING INDEX": in the order of an index, until the page is full.
    return bool(sqlite) and sqlite[1] in names and "USING" not in sqlite["how"]
