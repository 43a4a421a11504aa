"""What is said of a wrong scope: its name, cut short, or its kind."""

from __future__ import annotations

import pytest

from apikeys.scopes import as_requirement, normalise

AVAILABLE = frozenset({"notes:read", "notes:write"})


@pytest.mark.parametrize(
    ("length", "shown"), [(64, "'" + "x" * 64 + "'"), (65, "'" + "x" * 64 + "\\u2026'")]
)
def test_an_unknown_name_is_shown_up_to_64_characters(length, shown):
    with pytest.raises(ValueError, match="Unknown scope") as refused:
        normalise(["x" * length], AVAILABLE)
    assert str(refused.value) == f"Unknown scope {shown}; choose from notes:read, notes:write."


def test_unknown_names_are_listed_in_their_order():
    with pytest.raises(ValueError, match="Unknown scope") as refused:
        normalise(["b", "a", "notes:read"], AVAILABLE)
    assert str(refused.value).startswith("Unknown scope 'a', 'b'; choose")


@pytest.mark.parametrize(("name", "kind"), [(None, "null"), (5, "int"), (["a"], "list")])
def test_a_scope_that_is_no_text_is_named_by_its_kind(name, kind):
    with pytest.raises(ValueError, match=kind):
        as_requirement([name])
    with pytest.raises(ValueError, match=f"^A scope must be a string, not {kind}.$"):
        normalise([name], AVAILABLE)
