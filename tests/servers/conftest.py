"""The host project of the servers, made once."""

from __future__ import annotations

import pytest

from tests.hosts import run
from tests.servers.project import Site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    if not run.python().exists():
        pytest.skip("scripts/hosts has made no environment for host projects")
    (folder := tmp_path_factory.mktemp("site") / "mysite").mkdir()
    return Site(folder, run.library(tmp_path_factory.mktemp("library")))
