"""What each server does with a request's headers before this library sees them."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.servers.project import Site
from tests.servers.rows import BELIEFS, SOCKETS, Beliefs

pytestmark = [pytest.mark.slow, pytest.mark.once]

FOR = ("X-Forwarded-For", "6.6.6.6, 203.0.113.9")
PROTO = ("X-Forwarded-Proto", "https")


@pytest.mark.parametrize("row", BELIEFS, ids=lambda row: row.name)
def test_headers_reach_us_as_the_table_says(site: Site, row: Beliefs) -> None:
    with site.serve(row.command) as server:

        def seen(*headers: tuple[str, str], by: str = "127.0.0.1") -> dict[str, str]:
            status, body = server.ask(("X-API-Key", site.keys["any"]), *headers, by=by)
            assert status == 200
            return body

        found = replace(
            row,
            address=seen(FOR)["address"] != "127.0.0.1",
            scheme=seen(PROTO)["scheme"] == "https",
            anybody=seen(PROTO, by="127.0.0.2")["scheme"] == "https",
            underscores=seen(("X_FORWARDED_FOR", "203.0.113.9"))["forwarded"] is not None,
            kept=seen(FOR)["forwarded"] is not None,
            two_keys=server.ask(("X-API-Key", site.keys["any"]), ("X-API-Key", site.keys["other"]))[
                0
            ],
        )
        assert found == row
        for value in ("{}", "{} ", "{}\t", " \t{} \t "):
            assert server.ask(("X-API-Key", value.format(site.keys["any"])))[0] == 200
        assert server.ask(("X-API-Key", "," * 3000))[0] == 400


@pytest.mark.parametrize("name", SOCKETS)
def test_a_proxy_before_a_unix_socket_is_believed(site: Site, name: str) -> None:
    command, form = SOCKETS[name]
    # Not in pytest's own folder: the path of a socket may not be long.
    with tempfile.TemporaryDirectory(prefix="apikeys-") as folder:
        at = form.format(Path(folder) / "socket")
        with site.serve(command, at, TRUSTED_PROXIES="unix") as server:
            listed, anywhere = ("X-API-Key", site.keys["listed"]), ("X-API-Key", site.keys["any"])
            for proto in ("http", "https"):
                status, seen = server.ask(listed, FOR, ("X-Forwarded-Proto", proto))
                assert (status, seen["address"]) == (200, "203.0.113.9")
                assert seen["secure"] is (proto == "https")
            assert server.ask(listed, ("X-Forwarded-For", "203.0.113.9, 6.6.6.6"))[0] == 401
            assert server.ask(listed)[0] == 401
            assert server.ask(anywhere)[1]["address"] is None
            assert "no X-Forwarded-For from the trusted proxy at the Unix socket" in server.log()
