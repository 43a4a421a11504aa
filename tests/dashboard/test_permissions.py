"""How scopes are offered and summed up, for dialects of every form."""

from __future__ import annotations

import pytest

from apikeys.dialects import Dialect
from dashboard import permissions
from dashboard.forms.permissions import PermissionForm


class Media(Dialect):
    """Plain pairs: a table with two rows."""

    scopes = {
        "media:read": "List media",
        "media:write": "Add media",
        "media:burn": "Burn media",
        "live:read": "Watch",
        "keys:spend": "Spend",
    }


class Cms(Dialect):
    """With wildcards: plain checkboxes."""

    scopes = {"*": "Everything", "files:*": "All of files", "files:read": "Read files"}


class Edge(Dialect):
    """With single words, and a preset of its own."""

    scopes = {"global": "Everything", "global:read": "Read", "purge_all": "Purge"}
    read_scopes = ("global:read",)


class Nothing(Dialect):
    """Without scopes."""


def load(cls: type[Dialect]) -> Dialect:
    dialect = cls()
    dialect.name = "d"
    return dialect


def chosen(cls: type[Dialect], **fields: object) -> list[str] | None:
    """Return what the form makes of the fields, None when it has an error."""
    data = {f"may-d-{name.replace('__', '-')}": value for name, value in fields.items()}
    form = PermissionForm(load(cls), data)
    return form.cleaned_data["chosen"] if form.is_valid() else None


def test_presets_are_made_from_the_names():
    assert permissions.presets(load(Media)) == {
        "read": ("live:read", "media:read"),
        "write": ("live:read", "media:read", "media:write"),
    }
    assert permissions.presets(load(Cms)) == {"read": ("files:read",)}
    assert permissions.presets(load(Edge)) == {"read": ("global:read",)}
    assert permissions.presets(load(Nothing)) == {}


def test_a_table_is_made_of_plain_pairs_only():
    rows = permissions.table(load(Media))
    assert [(row.name, row.scopes("read"), row.scopes("write"), row.others) for row in rows] == [
        ("media", ("media:read",), ("media:read", "media:write"), ("media:burn",)),
        ("live", ("live:read",), ("live:read",), ()),
        ("keys", (), (), ("keys:spend",)),
    ]
    assert permissions.table(load(Cms)) == []
    assert permissions.table(load(Edge)) == []


def test_a_row_offers_what_its_resource_has():
    form = PermissionForm(load(Media))
    offered = {
        name: [value for value, _ in f.choices]
        for name, f in form.fields.items()
        if name.startswith(("level", "also"))
    }
    assert offered == {
        "level-media": ["none", "read", "write"],
        "also-media": ["media:burn"],
        "level-live": ["none", "read"],
        "also-keys": ["keys:spend"],
    }


@pytest.mark.parametrize(
    ("cls", "fields", "scopes"),
    [
        (Media, {"preset": "write"}, ["live:read", "media:read", "media:write"]),
        (
            Media,
            {"preset": "custom", "level__media": "write", "also__keys": ["keys:spend"]},
            ["keys:spend", "media:read", "media:write"],
        ),
        (Media, {"preset": "custom", "level__live": "write"}, None),
        (Cms, {"preset": "custom", "scopes": ["*"]}, ["*"]),
        (Cms, {"preset": "custom", "scopes": ["files:*", "files:read"]}, ["files:*", "files:read"]),
        (Cms, {"preset": "custom", "scopes": ["*:read"]}, None),
        (Cms, {"preset": "write"}, None),
        (
            Edge,
            {"preset": "custom", "scopes": ["purge_all"], "manage": "on"},
            ["purge_all", "tokens:manage"],
        ),
        (Edge, {"preset": "custom"}, None),
        (Edge, {"preset": "custom", "scopes": ["tokens:manage"]}, None),
        (Nothing, {}, []),
        (Nothing, {"preset": "custom", "scopes": ["*"], "manage": "on"}, []),
    ],
)
def test_what_is_ticked_becomes_scopes(cls, fields, scopes):
    assert chosen(cls, **fields) == scopes


def test_without_presets_the_choice_is_always_there():
    class Purge(Dialect):
        scopes = {"purge_all": "Purge"}

    assert "preset" not in PermissionForm(load(Purge)).fields
    assert chosen(Purge, scopes=["purge_all"]) == ["purge_all"]
    assert chosen(Purge) is None


@pytest.mark.parametrize(
    ("scopes", "words"),
    [
        ([], "None"),
        (["live:read", "media:read"], "Read-only"),
        (["media:write", "media:read", "live:read"], "Read and write"),
        (["media:read"], "media:read"),
        (["a", "b", "c"], "a, b, c"),
        (["a", "b", "c", "d", "e"], "a, b, c +2"),
    ],
)
def test_a_summary_is_a_presets_name_or_the_first_three(scopes, words):
    assert permissions.summary(load(Media), scopes) == words
