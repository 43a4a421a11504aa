"""Every host project of the matrix works: its views, errors, pages and documents."""

from __future__ import annotations

import re

import pytest

from tests.hosts import run
from tests.hosts.host import ROOT, all_hosts

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


def test_the_docs_show_each_host_once_and_none_that_fails():
    page = (ROOT / "docs" / "hosts.md").read_text()
    rows = re.findall(r"^\| (.+?) \|(.*)\|$", page.partition("|---|")[2], re.MULTILINE)
    assert [name for name, _ in rows] == [host.name for host in HOSTS.values()]
    assert [name for name, rest in rows if "fails" in rest] == []
