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


def create(connection: Any, sql: str, table: str) -> str | None:
    """Store a query of one parameter and one column, unless it is there; return what calls it.

    None for who may not create functions, and goes without.

    Args:
        connection: of Django.
        sql: the query.
        table: one of its tables; who owns it may own the function.
    """
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            if find(cursor, sql, table) is None:
                # STABLE: it sees what a query sent in its place would see. A stranger's function
                # of that name can't be replaced, and is not called.
                cursor.execute(
                    f"CREATE OR REPLACE FUNCTION {_name(sql)}(text) RETURNS text "
                    f"LANGUAGE plpgsql STABLE AS $apikeys${_body(sql)}$apikeys$"
                )
            return find(cursor, sql, table)
    except DatabaseError as error:
        logger.warning("query not stored as a function (%s): it is sent each time", error)
        return None


def find(cursor: Any, sql: str, table: str) -> str | None:
    """Return the SQL that calls the function of that query.

    None where there is none, where it says something else or is neither the table owner's nor a
    superuser's, and where it may not be called.
    """
    cursor.execute(
        """
        SELECT quote_ident(n.nspname) FROM pg_proc p
        JOIN pg_namespace n ON n.oid = p.pronamespace
        JOIN pg_roles r ON r.oid = p.proowner
        WHERE p.oid = to_regprocedure(%s) AND p.prosrc = %s AND NOT p.prosecdef
        AND (r.rolsuper OR r.oid = (SELECT relowner FROM pg_class WHERE oid = to_regclass(%s)))
        AND has_function_privilege(p.oid, 'EXECUTE')
        """,
        [f"{_name(sql)}(text)", _body(sql), table],
    )
    found = cursor.fetchone()
    return None if found is None else f"SELECT {found[0]}.{_name(sql)}(%s)"


def numbered(sql: str) -> str:
    """Return the query with the server's own place holders."""
    pieces = sql.replace("%%", "%").split("%s")
    return "".join(f"{piece}${number}" for number, piece in enumerate(pieces[:-1], 1)) + pieces[-1]


def _body(sql: str) -> str:
    return f"BEGIN RETURN ({numbered(sql)}); END"


def _name(sql: str) -> str:
    return _PREFIX + hashlib.sha256(sql.encode()).hexdigest()[:16]
