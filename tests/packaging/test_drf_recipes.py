"""The blocks of docs/drf.md work where somebody pastes them after the README's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.hosts import run

RECIPES = "the-recipes-of-docs-drf-md"


@pytest.mark.once
def test_the_recipes_work(tmp_path):
    (beside := tmp_path / "library").mkdir()
    (project := tmp_path / "project").mkdir()
    told = run.visit(RECIPES, project, by=Path(sys.executable), beside=run.library(beside))
    assert "fault" not in told, f"{told['fault']}\n{told['printed'][-3000:]}"
    assert set(told["packages"]) >= {"djangorestframework-simplejwt", "drf-spectacular"}
