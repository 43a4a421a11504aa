"""Scripts and stylesheets say nothing of their own: a text in them has no translation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "dashboard" / "static" / "apikeys_dashboard"
SCRIPTS = sorted(STATIC.glob("*.js"))
STYLES = sorted(STATIC.glob("*.css"))
# "Copied", "Press it." or "in words", and neither "use strict" nor names of events and selectors.
SENTENCE = re.compile(r"""["'`](?!use strict)(?:[A-Z][a-z]+[ .!"'`]|[a-z]+ [a-z]+[ "'`])""")
NAMES_OF_KEYS = {'"Escape"'}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_takes_its_words_from_the_page(script: Path) -> None:
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", script.read_text(), flags=re.DOTALL)
    found = {match.group() for match in SENTENCE.finditer(code)}
    assert found - NAMES_OF_KEYS == set()


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.name)
def test_a_stylesheet_writes_no_word(style: Path) -> None:
    written = re.findall(r"content:\s*([^;}]+)", style.read_text())
    strings = [text for value in written for text in re.findall(r'"([^"]*)"', value)]
    assert [text for text in strings if text.strip()] == []


def test_there_are_some() -> None:
    assert (len(SCRIPTS), len(STYLES)) == (2, 3)
