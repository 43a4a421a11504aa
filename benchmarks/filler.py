"""Rows by the million, by one statement a table. They carry ``FILLER`` and no key opens them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.progress import say

FILLER = "filler"
SMALL = 1_000


def fill(connection: Any, number: int) -> None:
    """Add ``number`` tokens of every system, with their users, events and counters."""
    if number <= 0:
        return
    write = _Writer(connection)
    first_user = write.one("SELECT max(id) FROM auth_user") + 1
    organization = write.one("SELECT id FROM apikeys_organization WHERE slug = 'big'")
    workspace = write.one(
        f"SELECT id FROM apikeys_workspace WHERE slug = 'production' "
        f"AND organization_id = {organization}"
    )
    small = write.one(
        "SELECT w.id FROM apikeys_workspace w JOIN apikeys_organization o "
        "ON o.id = w.organization_id WHERE o.slug = 'small' AND w.slug = 'production'"
    )
    with write:
        write.rows("auth_user", number, _user(write, first_user))
        write.rows("apikeys_membership", number, _membership(write, organization, first_user))
        write.rows("apikeys_accesstoken", number, _token(write, workspace, first_user))
        write.rows("apikeys_accesstoken", SMALL, _token(write, small, first_user, "small"))
        write.rows("apikeys_auditevent", number, _event(write, organization))
        write.rows("apikeys_usagecounter", number, _counter(write))
        write.rows("authtoken_token", number, _drf_token(write, first_user))
        write.rows("rest_framework_api_key_apikey", number, _api_key(write))
        write.rows("knox_authtoken", number, _knox(write, first_user))
        write.rows("oauth2_provider_accesstoken", number, _oauth(write, first_user))


class _Writer:
    """The two dialects of SQL that the statements need; ``n`` counts from 1."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.postgresql = connection.vendor == "postgresql"
        pg = self.postgresql
        self.now = "now()" if pg else "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')"
        self.ago = (
            "now() - n * interval '1 second'"
            if pg
            else "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '-' || n || ' seconds')"
        )
        self.later = (
            "now() + interval '10 years'"
            if pg
            else "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '+10 years')"
        )
        self.hour = (
            "date_trunc('hour', now()) - (n %% 48) * interval '1 hour'"
            if pg
            else "strftime('%%Y-%%m-%%d %%H:00:00', 'now', '-' || (n %% 48) || ' hours')"
        )
        # As scattered over an index as the real ones are.
        self.random = "md5(random()::text || n)" if pg else "lower(hex(randomblob(16)))"
        self.uuid = "gen_random_uuid()" if pg else "lower(hex(randomblob(16)))"
        self.empty_list = "'[]'::jsonb" if pg else "'[]'"
        self.empty_dict = "'{}'::jsonb" if pg else "'{}'"
        self.true, self.false = ("true", "false") if pg else ("1", "0")

    def __enter__(self) -> None:
        # Every reference is right by construction; checking a million of them takes minutes.
        with self.connection.cursor() as cursor:
            if self.postgresql:
                cursor.execute("SET session_replication_role = replica")
            else:
                cursor.execute("PRAGMA foreign_keys = OFF")

    def __exit__(self, *exc: Any) -> None:
        with self.connection.cursor() as cursor:
            if self.postgresql:
                cursor.execute("SET session_replication_role = DEFAULT")
                cursor.execute("VACUUM ANALYZE")
            else:
                cursor.execute("PRAGMA foreign_keys = ON")
                cursor.execute("ANALYZE")

    def one(self, sql: str) -> Any:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]

    def rows(self, table: str, number: int, columns: Mapping[str, str]) -> None:
        say(f"filling {table} with {number:,} rows", 0)
        series = (
            f"SELECT n FROM generate_series(1, {number}) AS s(n)"
            if self.postgresql
            else "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s "
            f"WHERE n < {number}) SELECT n FROM s"
        )
        names, values = ", ".join(f'"{name}"' for name in columns), ", ".join(columns.values())
        with self.connection.cursor() as cursor:
            cursor.execute(
                f'INSERT INTO "{table}" ({names}) SELECT {values} FROM ({series}) AS s', []
            )


def _user(w: _Writer, first: int) -> dict[str, str]:
    return {
        "id": f"{first} - 1 + n",
        "username": f"'{FILLER}' || n",
        "password": "'!'",
        "first_name": "''",
        "last_name": "''",
        "email": f"'{FILLER}' || n || '@example.org'",
        "is_staff": w.false,
        "is_superuser": w.false,
        "is_active": w.true,
        "date_joined": w.now,
    }


def _membership(w: _Writer, organization: int, first_user: int) -> dict[str, str]:
    return {
        "public_id": w.uuid,
        "organization_id": str(organization),
        "user_id": f"{first_user} - 1 + n",
        "role": "'member'",
        "created_at": w.now,
    }


def _token(w: _Writer, workspace: int, first_user: int, prefix: str = "") -> dict[str, str]:
    return {
        "public_id": w.uuid,
        "token_id": f"substr({w.random}, 1, 16)",
        "workspace_id": str(workspace),
        "name": f"'{prefix}{FILLER} ' || n",
        "description": "''",
        "kind": "'personal'",
        "owner_id": f"{first_user} - 1 + n",
        "scopes": w.empty_list,
        "allowed_networks": w.empty_list,
        "digest": f"'{FILLER}$' || {w.random} || {w.random}",
        "previous_digest": "''",
        "created_at": w.ago,
        "updated_at": w.now,
        "expires_at": w.later,
        "revoked_by": "''",
        "revoke_reason": "''",
        "last_used_at": w.now,
        "last_used_agent": "''",
    }


def _event(w: _Writer, organization: int) -> dict[str, str]:
    return {
        "public_id": w.uuid,
        "created_at": w.ago,
        "organization_id": str(organization),
        "organization_slug": "'big'",
        "workspace_slug": "'production'",
        "action": "'token.created'",
        "actor_kind": "'user'",
        "actor_id": "n",
        "actor_label": f"'{FILLER}' || (n %% 1000)",
        "token_id": f"substr({w.random}, 1, 16)",
        "target_label": f"'{FILLER} ' || n",
        "request_id": "''",
        "details": w.empty_dict,
    }


def _counter(w: _Writer) -> dict[str, str]:
    return {
        "token_id": "n",
        "period": "'hour'",
        "started_at": w.hour,
        "outcome": "'success'",
        "count": "n %% 100 + 1",
    }


def _drf_token(w: _Writer, first_user: int) -> dict[str, str]:
    return {
        "key": f"substr({w.random} || {w.random}, 1, 40)",
        "user_id": f"{first_user} - 1 + n",
        "created": w.now,
    }


def _api_key(w: _Writer) -> dict[str, str]:
    return {
        "id": f"{w.random} || '.' || {w.random}",
        "prefix": "'f' || substr('0000000' || n, -7)"
        if not w.postgresql
        else "'f' || lpad(n::text, 7, '0')",
        "hashed_key": f"'sha512$$' || {w.random} || {w.random} || {w.random} || {w.random}",
        "created": w.now,
        "name": f"'{FILLER}'",
        "revoked": w.false,
    }


def _knox(w: _Writer, first_user: int) -> dict[str, str]:
    return {
        "digest": f"{w.random} || {w.random} || {w.random} || {w.random}",
        "token_key": f"substr({w.random}, 1, 15)",
        "user_id": f"{first_user} - 1 + n",
        "created": w.now,
    }


def _oauth(w: _Writer, first_user: int) -> dict[str, str]:
    return {
        "user_id": f"{first_user} - 1 + n",
        "token": f"'{FILLER}' || n",
        "token_checksum": f"{w.random} || {w.random}",
        "application_id": "1",
        "expires": w.later,
        "scope": "'read'",
        "resource": "'[]'",
        "created": w.now,
        "updated": w.now,
    }
