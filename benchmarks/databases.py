"""The databases of a run: made once, filled once, kept for the next run.

Real tokens of every system are made by that system; the rest of the rows come from one statement a
table, carry ``FILLER`` in a column and open nothing. Never touches any other database.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

from apikeys.lookup import query
from benchmarks import filler
from benchmarks.progress import say

VERSION = 4
REAL = 200
PLENTY = timedelta(days=3650)


class Router:
    """Sends everything to the database that is being measured."""

    alias = f"tokens_{settings.SIZES[0]}"

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return Router.alias

    db_for_write = db_for_read


def use(size: int) -> None:
    """Measure on the database of that many tokens, and hold a connection to no other."""
    Router.alias = f"tokens_{size}"
    for connection in connections.all(initialized_only=True):
        if connection.alias != Router.alias:
            connection.close()
            del connections[connection.alias]


def prepare(size: int) -> dict[str, list[str]]:
    """Make and fill the database where that has not been done; return the keys of the real tokens.

    Returns:
        Name of the system to the credentials that its tokens are used with.
    """
    use(size)
    connection = connections[Router.alias]
    keys = _keys(connection)
    if keys is not None:
        query.store(Router.alias)  # the code may have changed since it was migrated
        return keys
    say(f"making the {connection.vendor} database of {size:,} tokens", 0)
    _make_empty(connection)
    call_command("migrate", database=Router.alias, verbosity=0, interactive=False)
    keys = _real_tokens(min(size, REAL))
    filler.fill(connection, size - min(size, REAL))
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE benchmark_keys (version integer, keys text)")
        cursor.execute("INSERT INTO benchmark_keys VALUES (%s, %s)", [VERSION, json.dumps(keys)])
    return keys


def _keys(connection: Any) -> dict[str, list[str]] | None:
    try:
        with connection.cursor() as cursor:
            if "benchmark_keys" not in connection.introspection.table_names(cursor):
                return None
            cursor.execute("SELECT keys FROM benchmark_keys WHERE version = %s", [VERSION])
            row = cursor.fetchone()
    except Exception:
        connection.close()
        return None
    return None if row is None else json.loads(row[0])


def _make_empty(connection: Any) -> None:
    connection.close()
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        settings.FOLDER.mkdir(parents=True, exist_ok=True)
        for suffix in ("", "-wal", "-shm"):
            name.with_name(name.name + suffix).unlink(missing_ok=True)
        return
    with connection._nodb_cursor() as cursor:
        quoted = connection.ops.quote_name(name)
        cursor.execute(f"DROP DATABASE IF EXISTS {quoted}")
        cursor.execute(f"CREATE DATABASE {quoted}")


def _real_tokens(number: int) -> dict[str, list[str]]:
    """Make as many tokens of every system, each with a user of its own."""
    from apikeys.services.actors import Actor
    from apikeys.services.organizations import create_organization

    users = [
        get_user_model().objects.create(username=f"user{n}", password="!") for n in range(number)
    ]
    actor = Actor.system("bench")
    organization = create_organization(actor=actor, name="Big", slug="big", admin=users[0])
    small = create_organization(actor=actor, name="Small", slug="small", admin=users[0])
    del small
    ours = {"ours": _ours(actor, organization, users, [])}
    if number > 1:  # one token is one token
        ours["ours-listed"] = _ours(actor, organization, users, ["127.0.0.0/8", "10.0.0.0/8"])
    return {"ours-listed": ours["ours"], **ours, **_peers(users)}


def _ours(actor: Any, organization: Any, users: list[Any], networks: list[str]) -> list[str]:
    from apikeys.services.members import add_member
    from apikeys.services.tokens import create_token

    for user in users:
        if not organization.memberships.filter(user=user).exists():
            add_member(actor=actor, organization=organization, user=user, role="member")
    workspace = organization.workspaces.get(slug="production")
    return [
        create_token(
            actor=actor,
            workspace=workspace,
            name=f"{user.username}, {len(networks)} networks",
            kind="personal",
            owner=user,
            scopes=["notes:read"],
            allowed_networks=networks,
        ).api_key
        for user in users
    ]


def _peers(users: list[Any]) -> dict[str, list[str]]:
    from knox.models import AuthToken
    from oauth2_provider.models import AccessToken as OAuthToken
    from oauth2_provider.models import Application
    from rest_framework.authtoken.models import Token
    from rest_framework_api_key.models import APIKey

    application = Application.objects.create(
        name="bench", client_type="confidential", authorization_grant_type="client-credentials"
    )
    expires = timezone.now() + PLENTY
    oauth = [f"oauth-{user.pk}-" + "c" * 24 for user in users]
    for user, token in zip(users, oauth, strict=True):
        OAuthToken.objects.create(
            user=user, token=token, application=application, expires=expires, scope="read"
        )
    return {
        "drf-token": [Token.objects.create(user=user).key for user in users],
        "drf-api-key": [APIKey.objects.create_key(name="bench")[1] for _ in users],
        "knox": [AuthToken.objects.create(user=user)[1] for user in users],
        "oauth-toolkit": oauth,
        "users": [str(user.pk) for user in users],
    }
