"""What is said to people and programs goes through gettext: the source is looked through."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
# What these are given is read by whoever asked.
SPEAKERS: Final = {
    "AlreadyIssued",
    "CommandError",
    "Conflict",
    "Face",
    "Invalid",
    "LastAdminError",
    "LostRace",
    "NotAllowed",
    "ParseError",
    "Problem",
    "Refusal",
    "ServiceError",
    "ValidationError",
    "make_problem",
    "problem",
    "wrong",
    "write",
}
# The ValueErrors of these are shown as they are; those of others are for developers.
SHOWN_AS_THEY_ARE: Final = {"emails.py", "networks.py"}
TRANSLATING: Final = {
    "_",
    "gettext",
    "gettext_lazy",
    "gettext_noop",
    "ngettext",
    "ngettext_lazy",
    "pgettext",
    "pgettext_lazy",
}
# In English whoever reads it: for developers, documents and logs.
ENGLISH: Final = ("checks", "migrations", "openapi")


def sources() -> list[Path]:
    found = sorted((ROOT / "apikeys").rglob("*.py"))
    return [path for path in found if not set(path.parts) & set(ENGLISH)]


def name_of(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def bare_sentences(node: ast.AST) -> Iterator[ast.Constant]:
    """Yield literals with a blank between words that no gettext is around."""
    if isinstance(node, ast.Call) and name_of(node) in TRANSLATING:
        return
    text = node.value if isinstance(node, ast.Constant) else None
    if isinstance(node, ast.Constant) and isinstance(text, str) and " " in text.strip():
        yield node
    for child in ast.iter_child_nodes(node):
        yield from bare_sentences(child)


def untranslated(source: str, file: str = "") -> list[str]:
    speakers = SPEAKERS | ({"ValueError"} if file in SHOWN_AS_THEY_ARE else set())
    found = []
    for call in calls(ast.parse(source)):
        if name_of(call) in speakers:
            for given in (*call.args, *(keyword.value for keyword in call.keywords)):
                found += [f"{each.lineno}: {each.value}" for each in bare_sentences(given)]
    return found


def put_together(source: str) -> list[str]:
    """Return gettext calls whose text is not one literal, so that no catalogue has it."""
    found = []
    for call in calls(ast.parse(source)):
        if name_of(call) in TRANSLATING - {"pgettext", "gettext"}:
            texts = [call.args[0]] if call.args else []
            found += [ast.unparse(call) for text in texts if not isinstance(text, ast.Constant)]
    return found


def shadowing(source: str) -> list[str]:
    """Return functions in which ``_`` is a variable and is called as gettext too."""
    found = []
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == "_"]
            bound = any(isinstance(n.ctx, ast.Store) for n in names)
            if bound and any(name_of(call) == "_" for call in calls(function)):
                found.append(function.name)
    return found


def test_no_sentence_is_said_past_gettext() -> None:
    found = {path: untranslated(path.read_text(encoding="utf-8"), path.name) for path in sources()}
    assert {str(path.relative_to(ROOT)): lines for path, lines in found.items() if lines} == {}


def test_every_text_is_one_literal() -> None:
    found = {path: put_together(path.read_text(encoding="utf-8")) for path in sources()}
    assert {str(path.relative_to(ROOT)): lines for path, lines in found.items() if lines} == {}


def test_no_variable_hides_gettext() -> None:
    found = {path: shadowing(path.read_text(encoding="utf-8")) for path in sources()}
    assert {str(path.relative_to(ROOT)): lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        "raise Invalid('a.b', 'This is bare.', field='a')",
        "raise Invalid('a.b', f'Use at most {n} letters.')",
        "raise Conflict('a.b', 'One half' + _(' and the other'))",
        "return problem(404, 'not_found', 'Nothing is here.')",
        "raise ValidationError({'a': 'This is bare.'})",
        "raise ValidationError(dict.fromkeys(names, f'Known: {names} and more.'))",
        "self.stdout.write(f'{slug} is gone.')",
    ],
)
def test_a_bare_sentence_is_seen(source: str) -> None:
    assert len(untranslated(source)) >= 1


@pytest.mark.parametrize(
    "source",
    [
        "raise Invalid('a.b', _('This is not bare.'), field='a')",
        "raise Invalid('a.b', _('Use %(n)d letters.') % {'n': n})",
        "raise Conflict(code, ngettext('%(n)d thing.', '%(n)d things.', n) % {'n': n})",
        "logger.info('exported %s as %s')",
    ],
)
def test_what_is_no_bare_sentence_is_let_through(source: str) -> None:
    assert untranslated(source) == []


def test_a_text_that_no_catalogue_can_have_is_seen() -> None:
    assert put_together("_(f'Use {n} letters.')") == ["_(f'Use {n} letters.')"]
    assert shadowing("def f():\n    a, _, b = c\n    return _('text')") == ["f"]
