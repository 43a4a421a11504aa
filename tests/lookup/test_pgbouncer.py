"""Behind pgbouncer in transaction mode, where each transaction may run on another connection."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections

from apikeys.management.commands import list_tokens
from apikeys.models import Workspace
from dashboard.forms.members import AddKnownForm
from dashboard.forms.usage import UsageForm
from tests.support.listening import free_port, wait_for_port

ALIAS, OTHER = "bouncer", "bouncer_other"
BINARY = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

needs_pooler = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.skipif(BINARY is None, reason="no pgbouncer for postgres tests"),
    pytest.mark.django_db(transaction=True, databases=["default", ALIAS, OTHER]),
]


class Behind:
    """Sends all models through the pooler."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return ALIAS

    db_for_write = db_for_read

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True


@pytest.fixture(scope="module", autouse=True)
def _aliases(django_db_setup: None) -> Iterator[None]:
    """Two more ways to the tests' database, there before any test looks at the aliases."""
    for alias in (ALIAS, OTHER):
        connections.databases[alias] = {**connection.settings_dict}
    yield
    for alias in (ALIAS, OTHER):
        connections[alias].close()
        del connections[alias], connections.databases[alias]


@pytest.fixture
def pooled(tmp_path: Path, monkeypatch: Any) -> Iterator[None]:
    """Two aliases that reach the tests' database through a pooler of our own."""
    to, port = connection.settings_dict, free_port()
    password = f" password={to['PASSWORD']}" if to["PASSWORD"] else ""
    where = f"host={to['HOST'] or '127.0.0.1'} port={to['PORT'] or 5432} user={to['USER']}"
    configuration = tmp_path / "pgbouncer.ini"
    configuration.write_text(
        f"[databases]\n* = {where}{password}\n"
        "[pgbouncer]\npool_mode = transaction\nauth_type = any\ndefault_pool_size = 4\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
    )
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and os.geteuid() == 0 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    user = 65534 if os.geteuid() == 0 else None  # it refuses to run as root
    log = (tmp_path / "pgbouncer.log").open("w")
    process = subprocess.Popen([BINARY, str(configuration)], user=user, stdout=log, stderr=log)
    through = {"NAME": to["NAME"], "HOST": "127.0.0.1", "PORT": port, "OPTIONS": {}}
    for alias in (ALIAS, OTHER):
        connections[alias].close()
        monkeypatch.setattr(connections[alias], "settings_dict", {**to, **through})
    try:
        wait_for_port(process, port, tmp_path / "pgbouncer.log")
        yield
    finally:
        for alias in (ALIAS, OTHER):
            connections[alias].close()
        process.terminate()
        process.wait(timeout=30)
        log.close()


class TakesTheConnection(io.StringIO):
    """Somebody else whose transaction takes the server's connection that was used last."""

    def write(self, text: str) -> int:
        take()
        return super().write(text)


def take() -> None:
    other = connections[OTHER]
    if other.get_autocommit():
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1")


def give_back() -> None:
    connections[OTHER].rollback()
    connections[OTHER].set_autocommit(True)


class TestBehindThePooler:
    pytestmark = needs_pooler

    def test_list_tokens_shows_them_all(self, issue, pooled, settings, monkeypatch):
        names = [issue().token.name for _ in range(5)]
        monkeypatch.setattr(list_tokens, "PAGE", 2, raising=False)
        settings.DATABASE_ROUTERS = [Behind()]
        out = TakesTheConnection()
        try:
            call_command("list_tokens", stdout=out)
        finally:
            give_back()
        assert re.findall(r"Token \d", out.getvalue()) == names[::-1]

    def test_forms_show_all_their_choices(self, acme, pooled, settings):
        settings.DATABASE_ROUTERS = [Behind()]
        choices = iter(UsageForm(organization=acme).fields["workspace"].choices)
        seen = [str(next(choices)[1]), str(next(choices)[1])]
        take()
        try:
            seen += [str(label) for _, label in choices]
        finally:
            give_back()
        assert len(seen) == 1 + Workspace.objects.count() == 3


def test_no_code_of_ours_reads_by_a_cursor_that_stays_open():
    root = Path(__file__).parents[2]
    found = [
        f"{path.relative_to(root)}: {line.strip()}"
        for folder in ("apikeys", "dashboard", "project")
        for path in (root / folder).rglob("*.py")
        for line in path.read_text().splitlines()
        if re.search(r"\.a?iterator\(|forms\.Model(Multiple)?ChoiceField\(", line)
    ]
    assert found == []
    assert AddKnownForm.base_fields["person"].iterator.__name__ == "WholeChoices"
