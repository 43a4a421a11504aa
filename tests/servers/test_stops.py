"""What each server leaves of 200 requests when it is stopped, with nothing written before."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.servers.project import Site
from tests.servers.rows import DEBIANS_UWSGI, REQUESTS, STOPS, Stop

pytestmark = [pytest.mark.slow, pytest.mark.once]


def named(stop: Stop) -> str:
    return f"{stop.name}, {stop.how}"


def look_for(program: str) -> None:
    if program.startswith("/") and not Path(program).exists():
        pytest.skip(f"{program} is not installed")


@pytest.mark.parametrize("stop", STOPS, ids=named)
def test_a_stop_leaves_what_the_table_says(site: Site, stop: Stop) -> None:
    look_for(stop.command[0])
    before = site.counted()
    with site.serve(stop.command) as server:
        for _ in range(REQUESTS):
            status, seen = server.ask(("X-API-Key", site.keys["any"]))
            assert (status, seen["address"]) == (200, "127.0.0.1")
        assert site.counted() == before
        server.stop(stop.signal, group=stop.group)
        assert site.counted() - before == stop.counted, server.log()
        assert stop.says in server.log()


def test_requests_write_where_no_thread_runs(site: Site) -> None:
    look_for(DEBIANS_UWSGI[0])
    before = site.counted()
    one_process = (*DEBIANS_UWSGI, "--processes", "1")
    with site.serve(one_process, FLUSH_SECONDS="1") as server:
        deadline = time.monotonic() + 60
        while site.counted() == before:
            assert time.monotonic() < deadline, server.log()
            assert server.ask(("X-API-Key", site.keys["any"]))[0] == 200
            time.sleep(0.1)
