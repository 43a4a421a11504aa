"""A query stored as a function in PostgreSQL.

The server parses and plans a query each time it comes; for the one of the read path that takes
longer than to run it and to carry it there and back. What is inside a PL/pgSQL function it parses
once for each of its own connections, and plans for the first few runs; unlike with prepared
statements it does not matter through which pooler a request comes. The function's name holds a
digest of the query: code and database can't mean different ones, and a database without it is sent
the query itself.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Any, Final

from django.db import DatabaseError, transaction

logger = logging.getLogger("apikeys.lookup")

_PREFIX: Final = "apikeys_find_token_"


def create(connection: Any, sql: str) -> str | None:
    """Store a query of one parameter and one column, unless it is there; return what calls it.

    None for who may not create functions, and goes without.
    """
    name = _name(sql)
    body = f"BEGIN RETURN ({numbered(sql)}); END"
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute("SELECT to_regprocedure(%s)", [f"{name}(text)"])
            if cursor.fetchone()[0] is None:
                # STABLE: it sees what a query sent in its place would see.
                cursor.execute(
                    f"CREATE FUNCTION {name}(text) RETURNS text LANGUAGE plpgsql STABLE "
                    f"AS $apikeys${body}$apikeys$"
                )
    except DatabaseError as error:
        logger.warning("query not stored as a function (%s): it is sent each time", error)
        return None
    return _call(name)


def find(cursor: Any, sql: str) -> str | None:
    """Return the SQL that calls the function of that query, None where it can't be called."""
    name = _name(sql)
    cursor.execute(
        "SELECT has_function_privilege(to_regprocedure(%s), 'EXECUTE')", [f"{name}(text)"]
    )
    return _call(name) if cursor.fetchone()[0] else None


def numbered(sql: str) -> str:
    """Return the query with the server's own place holders."""
    pieces = sql.replace("%%", "%").split("%s")
    return "".join(f"{piece}${number}" for number, piece in enumerate(pieces[:-1], 1)) + pieces[-1]


def _call(name: str) -> str:
    return f"SELECT {name}(%s)"


def _name(sql: str) -> str:
    return _PREFIX + hashlib.sha256(sql.encode()).hexdigest()[:16]
