"""Every host project of the matrix works: its views, errors, pages and documents."""

from __future__ import annotations

import pytest

from tests.hosts import run
from tests.hosts.host import all_hosts

HOSTS = all_hosts()


@pytest.fixture(scope="session")
def beside(tmp_path_factory):
    if not run.python().exists():
        pytest.skip("scripts/hosts has made no environment for host projects")
    return run.library(tmp_path_factory.mktemp("library"))


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("host", HOSTS)
def test_it_works_in_a_host_with(host, tmp_path, beside):
    told = run.visit(host, tmp_path, by=run.python(), beside=beside)
    if "left_out" in told:
        pytest.skip(told["left_out"])
    assert "fault" not in told, f"{told['fault']}\n{told['printed'][-3000:]}"
