"""docs/errors.md names every code that can be answered, with its status, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from apikeys import exceptions
from apikeys.refusals import FACES
from apikeys.services import obstacles
from apikeys.services.widening import PASSWORD_REQUIRED

ROOT = Path(__file__).resolve().parents[2]
STATUSES = {
    "Invalid": 400,
    "NotAllowed": 403,
    "Conflict": 409,
    "AlreadyIssued": 409,
    "LostRace": 409,
}
ROW = re.compile(r"^\| `([a-z_.]+)` \| ([0-9, ]+) \| (.+) \|$", re.MULTILINE)


def documented() -> dict[str, set[int]]:
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = ROW.findall(text)
    codes = [code for code, _, _ in rows]
    assert len(codes) == len(set(codes)), "a code stands in two rows"
    # Heads and rules of the tables aside, every line of a table is a row.
    assert text.count("\n| `") == len(rows)
    return {code: {int(n) for n in statuses.split(", ")} for code, statuses, _ in rows}


def answered() -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    codes = [*_of_refusals(), *_of_services(), *_of_exceptions()]
    for code, status in codes:
        found.setdefault(code, set()).add(status)
    return found


def _of_refusals() -> Iterator[tuple[str, int]]:
    for face in FACES.values():
        yield face.code, face.status
    for status, code in exceptions._CODES.items():
        yield code, status


def _trees() -> Iterator[ast.AST]:
    for path in sorted((ROOT / "apikeys").rglob("*.py")):
        yield ast.parse(path.read_text(encoding="utf-8"))


def _of_services() -> Iterator[tuple[str, int]]:
    nodes = [node for tree in _trees() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    fields = {
        keyword.value.value
        for node in nodes
        if _name(node) == "text"
        for keyword in node.keywords
        if keyword.arg == "field" and isinstance(keyword.value, ast.Constant)
    }
    assert fields == {"name", "description"}
    for node in nodes:
        if _name(node) in STATUSES and node.args:
            code = ast.unparse(node.args[0]).strip("'")
            code = PASSWORD_REQUIRED if code == "PASSWORD_REQUIRED" else code
            if code == "code":
                yield from ((each, 409) for each in obstacles.SENTENCES)
            elif code.startswith("f'{field}"):
                for field in fields:
                    yield code.replace("f'{field}", field), STATUSES[_name(node)]
            else:
                yield code, STATUSES[_name(node)]
        elif _name(node) in ("problem", "make_problem") and len(node.args) > 1:
            status, code = node.args[:2]
            if isinstance(status, ast.Constant) and isinstance(code, ast.Constant):
                yield code.value, status.value


def _name(call: ast.Call) -> str:
    return str(getattr(call.func, "id", getattr(call.func, "attr", "")))


def _of_exceptions() -> Iterator[tuple[str, int]]:
    for tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                values = {
                    ast.unparse(item.targets[0]): item.value.value
                    for item in node.body
                    if isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant)
                }
                if "default_code" in values:
                    yield values["default_code"], values["status_code"]


def test_every_code_is_documented_with_its_status_and_no_other():
    assert documented() == answered()


def test_the_comparison_sees_codes_where_they_are():
    found = answered()
    assert len(found) > 90
    assert found["scope.insufficient"] == {403}
    assert found["idempotency_key.reused"] == {422}
    assert found["member.exists"] == {400, 409}
