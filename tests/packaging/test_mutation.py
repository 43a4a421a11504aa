"""The mutation run itself: what it changes, what it leaves alone, and that a change arrives."""

from __future__ import annotations

import ast
import sys
import types

import pytest

from mutation.carry import carry
from mutation.mutants import count, heads, sample
from mutation.report import Explained, explained, split, stale, table
from mutation.session import Result

SOURCE = '''
"""Prose: a sentence is left alone."""
from __future__ import annotations
from functools import lru_cache
import re

LIMIT = 3
WORD = re.compile("[a-z]{1,4}")


def over(number: int, *, by: int = 0) -> bool:
    """Whether it is over."""
    if number > LIMIT and by >= 0:
        return True
    return False


class Box:
    size = 1

    @property
    def open(self) -> bool:
        return self.size > 0


@lru_cache(maxsize=4)
def remembered(number: int) -> int:
    return number + 1
'''


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "boxes.py"
    file.write_text(SOURCE)
    return str(file)


@pytest.fixture
def module(path, monkeypatch):
    made = types.ModuleType("tests.boxes")
    made.__file__ = path
    exec(compile(SOURCE, path, "exec"), made.__dict__)
    for each in (made.over, made.Box, made.remembered.__wrapped__):
        each.__module__ = "tests.boxes"
    monkeypatch.setitem(sys.modules, "tests.boxes", made)
    return made


def of(path, **wanted):
    found = [
        mutant
        for mutant in sample(path, SOURCE, 10_000, 1)
        if all(getattr(mutant, name) == value for name, value in wanted.items())
    ]
    assert found, wanted
    return found


def test_a_sample_is_the_same_for_the_same_seed(path):
    assert sample(path, SOURCE, 5, 7) == sample(path, SOURCE, 5, 7)
    assert sample(path, SOURCE, 5, 7) != sample(path, SOURCE, 5, 8)
    assert len(sample(path, SOURCE, 5, 7)) == 5


def test_rules_are_changed_and_prose_imports_and_annotations_are_not(path):
    mutants = sample(path, SOURCE, 10_000, 1)
    assert len(mutants) == count(SOURCE)
    text = "\n".join(map(str, mutants))
    assert "number >= LIMIT" in text
    assert "LIMIT = 4" in text
    assert "[a-z]{1,5}" in text
    assert "sentence" not in text
    assert "import" not in text


@pytest.mark.parametrize(
    ("before", "after", "asked"),
    [
        ("LIMIT = 3", "LIMIT = 4", lambda m: m.over(4)),
        ("if number > LIMIT and by >= 0:", "if number >= LIMIT and by >= 0:", lambda m: m.over(3)),
        ("return self.size > 0", "return self.size <= 0", lambda m: m.Box().open),
        ("size = 1", "size = 0", lambda m: m.Box().open),
        ("return number + 1", "return number - 1", lambda m: m.remembered(1)),
        (
            "WORD = re.compile('[a-z]{1,4}')",
            "WORD = re.compile('[a-z]{1,3}')",
            lambda m: m.WORD.fullmatch("abcd"),
        ),
    ],
)
def test_a_change_arrives_in_a_module_that_is_imported_already(path, module, before, after, asked):
    from mutation.mutants import tree_of

    [mutant] = of(path, before=before, after=after)
    was = asked(module)
    assert carry(module, tree_of(mutant)) is True
    assert asked(module) != was


def test_what_was_not_changed_carries_nothing(module):
    assert carry(module, ast.parse(SOURCE)) is False


def test_what_is_explained_is_not_run_and_an_entry_without_its_statement_is_named(path):
    mutants = sample(path, SOURCE, 10_000, 1)
    one = mutants[0]
    known = [
        Explained(path, one.before, one.after, "No matter."),
        Explained(path, "LIMIT = 9", "LIMIT = 8", "Gone."),
    ]
    to_run, equivalent = split(mutants, known)
    assert one in equivalent
    assert one not in to_run
    assert stale(known, {path: heads(SOURCE)}) == known[1:]


def test_the_score_leaves_out_what_could_not_be_carried_over(path):
    states = ["killed", "killed", "timed out", "survived", "not carried over"]
    results = [Result(m, s, 1, 1) for m, s in zip(sample(path, SOURCE, 5, 1), states, strict=True)]
    text, score = table(results, [], {path: 40})
    assert score == 75.0
    assert "| 40 | 4 | 2 | 1 | 1 | 0 | 75.0 % |" in text
    assert "1 more could not be carried over" in text


def test_every_explained_survivor_has_a_reason():
    assert all(len(each.reason) > 10 for each in explained())
