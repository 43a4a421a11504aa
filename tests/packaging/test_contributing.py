"""CONTRIBUTING.md's recipes lead somewhere: what they name exists, and each names its tests."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text().partition("\n## Recipes\n")[2].partition("\n## ")[0]
INTRODUCTION, *SECTIONS = re.split(r"(?m)^### ", TEXT)
RECIPES = dict(section.split("\n", 1) for section in SECTIONS)
DOTTED = re.compile(r"(?:apikeys|dashboard|project)(?:\.\w+)+")


def quoted(text):
    """Return what stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def importable(name):
    """Whether a dotted name is a module, or leads from one to an attribute or a field."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            fields = getattr(found, "__dataclass_fields__", {})
            if not hasattr(found, part) and part not in fields:
                return False
            found = getattr(found, part, None)
        return True
    return False


def exists(words):
    """Whether words in backticks name a file or folder, a command, or something to import."""
    if DOTTED.fullmatch(words):
        return importable(words)
    if words.startswith("manage.py "):
        return words.removeprefix("manage.py ") in get_commands()
    return (ROOT / words).exists()


def test_there_are_recipes_for_these():
    assert list(RECIPES) == [
        "A new limit on a view",
        "A new error code",
        "A new audit action",
        "A new dialect",
        "A new check",
        "A new setting",
        "A new host project",
    ]


@pytest.mark.project  # names a command of the demo
@pytest.mark.parametrize("title", RECIPES)
def test_what_a_recipe_names_exists(title):
    assert quoted(RECIPES[title])
    assert [words for words in quoted(RECIPES[title]) if not exists(words)] == []


def test_what_stands_before_the_recipes_exists():
    assert quoted(INTRODUCTION) == ["tests/packaging/test_contributing.py"]


@pytest.mark.parametrize("title", RECIPES)
def test_the_steps_are_numbered_and_the_last_names_tests_that_exist(title):
    steps = re.split(r"(?m)^(\d+)\. ", RECIPES[title])[1:]
    assert [int(number) for number in steps[::2]] == list(range(1, len(steps) // 2 + 1))
    last = steps[-1]
    assert last.startswith("Tests: ")
    tests = [words for words in quoted(last) if Path(words).name.startswith("test_")]
    assert tests
    assert [words for words in tests if not (ROOT / words).is_file()] == []


@pytest.mark.parametrize(
    ("words", "there"),
    [
        ("apikeys.limits.Limit", True),
        ("apikeys.limits.Limits", False),
        ("apikeys.conf.Settings.peppers", True),
        ("apikeys.conf.Settings.pepper", False),
        ("apikeys.nothing", False),
        ("project.nothing.at_all", False),
        ("apikeys/emails.py", True),
        ("apikeys/emails", False),
        ("manage.py create_token", True),
        ("manage.py make_token", False),
        ("limits", False),
    ],
)
def test_what_does_not_exist_is_noticed(words, there):
    assert exists(words) is there
