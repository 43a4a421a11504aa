"""Scope names, what covers what, and requirements: values only, no database."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apikeys import scopes
from apikeys.scopes import (
    MANAGE,
    AnyOf,
    any_of,
    as_requirement,
    expand,
    is_narrower,
    missing,
    normalise,
    validate_name,
)

RECORDS = frozenset({"records:read", "records:write", "records:delete"})
FASTCMS = frozenset(
    {"*", "collections:read", "collections:write", "records:read", "records:write"}
    | {"records:delete", "records:*", "files:read", "files:write", "files:*", MANAGE}
)
FASTLY = frozenset({"global", "global:read", "purge_all", "purge_select", MANAGE})
FASTLY_IMPLIES = {"global": frozenset({"global:read", "purge_all", "purge_select"})}


# Names


@pytest.mark.parametrize(
    "name",
    ["read", "records:read", "purge_all", "a", "a1-b_c:d2", "records:*", "*:read", "*", MANAGE],
)
def test_a_name_of_the_grammar_is_accepted(name):
    assert validate_name(name) is None


@pytest.mark.parametrize(
    "name",
    [
        *["", " ", ":", "::", "a:", ":a", "a:b:c", "records:a:b", "records:*:b", "records:a:*"],
        *["*:*", "**", "*a", "a*", "rec*rds", "records:re*", "*:", ":*", "Records", "records:Read"],
        *["1a", "-a", "_a", "a:1", "a:-b", "a b", " a", "a ", "a\n", "a\x00", "a.b", "a/b", "a,b"],
        *[
            "r\u0435cords",
            "\uff52ead",
            "read\u200b",
            "\u017fcope",
            "\u212a",
            "re\u0301ad",
            "a\u202eb",
        ],
        *[None, 1, True, b"read", ["read"]],
    ],
)
def test_an_odd_name_is_refused_where_it_is_defined(name):
    with pytest.raises(ValueError, match="is not a scope name"):
        validate_name(name)


def test_the_message_about_a_name_shows_lookalikes_and_is_short():
    with pytest.raises(ValueError, match=re.escape(r"'r\u0435ad' is not a scope name")):
        validate_name("r\u0435ad")
    with pytest.raises(ValueError, match="is not a scope name") as error:
        validate_name("x!" * 100_000)
    assert len(str(error.value)) < 300


# Expansion


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        ([], set()),
        ([""], set()),
        (["bogus"], set()),
        (["records:write"], {"records:write"}),
        (["records:*"], {"records:read", "records:write", "records:delete", "records:*"}),
        (["files:*"], {"files:read", "files:write", "files:*"}),
        (["*:read"], {"collections:read", "records:read", "files:read"}),
        (["*"], FASTCMS - {MANAGE}),
        ([MANAGE], {MANAGE}),
        (["tokens:*"], set()),
        (["*:manage"], set()),
        (["*:*"], set()),
        (["records"], set()),
        (["record"], set()),
        (["records:"], set()),
        (["RECORDS:READ"], set()),
        (["records:rea"], set()),
        (["records:read "], set()),
        ([None, 7], set()),
        (["*", MANAGE], FASTCMS),
    ],
)
def test_granted_names_cover_exactly_these_of_fastcms(granted, expected):
    assert expand(granted, FASTCMS) == expected


def test_a_wildcard_that_is_not_listed_covers_within_the_set_and_not_itself():
    assert expand(["*"], RECORDS) == RECORDS
    assert expand(["records:*"], RECORDS | {"notes:read"}) == RECORDS


@pytest.mark.parametrize(
    "name", ["records_admin", "records-admin:read", "recordsx:read", "admin:records", "records"]
)
def test_a_wildcard_never_covers_a_name_that_only_looks_alike(name):
    assert expand(["records:*"], frozenset({name})) == frozenset()


def test_a_name_of_three_parts_is_covered_by_no_resource_wildcard():
    odd = frozenset({"records:a:b", "a:b:read"})
    assert expand(["records:*", "*:read", "a:*"], odd) == frozenset()


def test_a_wildcard_of_one_axis_does_not_cover_a_wildcard_of_the_other():
    available = frozenset({"files:*", "*:read", "*", "files:read"})
    assert expand(["files:*"], available) == {"files:*", "files:read"}
    assert expand(["*:read"], available) == {"*:read", "files:read"}


def test_write_does_not_grant_read():
    assert expand(["records:write"], RECORDS) == {"records:write"}


def test_an_implication_is_followed_and_its_reverse_is_not():
    assert expand(["global"], FASTLY, FASTLY_IMPLIES) == FASTLY - {MANAGE}
    assert expand(["global:read"], FASTLY, FASTLY_IMPLIES) == {"global:read"}
    assert expand(["global"], FASTLY) == {"global"}


def test_implications_are_followed_to_the_end_through_wildcards_and_cycles():
    available = frozenset({"a", "b", "c:x", "c:y", "d"})
    implies = {
        "a": frozenset({"b"}),
        "b": frozenset({"c:*"}),
        "c:y": frozenset({"a", "d"}),
    }
    assert expand(["a"], available, implies) == available
    assert expand(["c:x"], available, implies) == {"c:x"}


def test_an_unknown_name_implies_nothing():
    implies = {"retired": frozenset({"records:read"}), "*": frozenset({"records:write"})}
    assert expand(["retired"], RECORDS, implies) == frozenset()


@pytest.mark.parametrize("target", [MANAGE, "*", "tokens:*", "*:manage"])
def test_no_implication_leads_to_managing_tokens(target):
    available = frozenset({"owner", MANAGE})
    assert expand(["owner"], available, {"owner": frozenset({target})}) == {"owner"}


def test_managing_tokens_may_imply_other_names():
    available = frozenset({"members:read", MANAGE})
    implies = {MANAGE: frozenset({"members:read"})}
    assert expand([MANAGE], available, implies) == available
    assert expand([MANAGE], frozenset({"members:read"}), implies) == frozenset()


def test_managing_tokens_must_be_in_the_set_to_be_covered():
    assert expand([MANAGE], RECORDS) == frozenset()


def test_one_string_is_no_list_of_names():
    with pytest.raises(ValueError, match="not one string"):
        expand("*", FASTCMS)
    with pytest.raises(ValueError, match="not one string"):
        is_narrower("*", ["*"], FASTCMS)


def test_the_second_expansion_is_looked_up():
    available = frozenset({"cached:read", "cached:write"})
    implies = {"cached:write": frozenset({"cached:read"})}
    first = expand(["cached:write"], available, implies)
    before = scopes._expand.cache_info()
    assert expand(("cached:write",), frozenset(available), dict(implies)) is first
    after = scopes._expand.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)


# The same by an independent model: one regular expression per granted name, a plain fixed point.

PATTERN = re.compile(r"(\*|[a-z][a-z0-9_-]*)(?::(\*|[a-z][a-z0-9_-]*))?")
UNIVERSE = [
    *["a", "b", "aa", "a_b", "a:a", "a:b", "b:a", "b:b", "aa:a", "a:aa", "a_b:a", "tokens:a"],
    *["a:manage", "a:*", "b:*", "*:a", "*:b", "*", "tokens:*", "*:manage", MANAGE],
]
ODD = ["", "*:*", "A", "a:", ":a", "a:b:a", "a*", "unknown", "unknown:a", "unknown:*"]


def reference(granted, available, implies):
    def matches(pattern, name):
        if pattern == name:
            return PATTERN.fullmatch(pattern) is not None and pattern != "*:*"
        if pattern == "*":
            return True
        if pattern.count("*") != 1 or pattern.count(":") != 1:
            return False
        expression = re.escape(pattern).replace(r"\*", r"[a-z][a-z0-9_-]*")
        return re.fullmatch(expression, name) is not None

    held, size = {name for name in granted if name == MANAGE} & available, -1
    while len(held) != size:
        size = len(held)
        sources = set(granted).union(*(implies.get(name, ()) for name in held))
        held |= {n for n in available if n != MANAGE and any(matches(s, n) for s in sources)}
    return held


def test_every_pair_of_granted_names_expands_as_the_reference_says():
    available = frozenset(UNIVERSE)
    for pair in itertools.product(UNIVERSE + ODD, repeat=2):
        assert expand(pair, available) == reference(pair, available, {}), pair


names = st.sampled_from(UNIVERSE + ODD)


@settings(max_examples=2000, deadline=None)
@given(
    granted=st.frozensets(names, max_size=5),
    available=st.frozensets(st.sampled_from(UNIVERSE)),
    implies=st.dictionaries(names, st.frozensets(names, max_size=3), max_size=4),
)
def test_any_grant_expands_as_the_reference_says(granted, available, implies):
    held = expand(granted, available, implies)
    assert held == reference(granted, available, implies)
    assert held <= available
    assert (MANAGE in held) == (MANAGE in granted & available)


# Requirements


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("records:read", frozenset({"records:read"})),
        ({"a", "b:c"}, frozenset({"a", "b:c"})),
        (frozenset({"a"}), frozenset({"a"})),
        (["a", "a"], frozenset({"a"})),
        (("files:*",), frozenset({"files:*"})),
        (any_of("a", "b"), AnyOf(frozenset({"a", "b"}))),
    ],
)
def test_a_written_requirement_is_understood(value, expected):
    assert as_requirement(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        *["", set(), frozenset(), [], (), None, 0, True, {"a": "b"}, iter(["a"]), b"a"],
        *[["a", ""], ["A"], {"*:*"}, [None], [any_of("a")], "a b", "a:b:c"],
    ],
)
def test_an_empty_or_odd_requirement_is_refused(value):
    with pytest.raises(ValueError, match=r"requirement|is not a scope name"):
        as_requirement(value)


@pytest.mark.parametrize("values", [(), ("",), ("a", "B"), (None,), (1,), (("a", "b"),)])
def test_any_of_nothing_or_of_odd_names_is_refused(values):
    with pytest.raises(ValueError, match=r"at least one scope|is not a scope name"):
        any_of(*values)


def test_any_of_reads_well_in_a_message():
    assert str(any_of("records:write", "admin")) == "admin or records:write"


@pytest.mark.parametrize(
    ("requirement", "held", "expected"),
    [
        (frozenset({"a", "b"}), {"a", "b", "c"}, set()),
        (frozenset({"a", "b"}), {"a"}, {"b"}),
        (frozenset({"a", "b"}), set(), {"a", "b"}),
        (frozenset({"a"}), {"*"}, {"a"}),
        (any_of("a", "b"), {"b"}, set()),
        (any_of("a", "b"), {"c"}, {"a", "b"}),
        (any_of("a"), set(), {"a"}),
    ],
)
def test_missing_names_are_exactly_those_that_are_not_held(requirement, held, expected):
    assert missing(requirement, frozenset(held)) == expected


def test_an_empty_requirement_is_never_satisfied():
    with pytest.raises(ValueError, match="at least one scope"):
        missing(frozenset(), frozenset({"a"}))


# The list of a token


def test_a_list_is_stored_sorted_and_unique():
    listed = ["records:write", "records:read", "records:write"]
    assert normalise(listed, RECORDS) == ("records:read", "records:write")
    assert normalise(iter(listed), RECORDS) == ("records:read", "records:write")


def test_an_empty_list_stays_empty_and_grants_nothing():
    assert normalise([], FASTCMS) == ()
    assert expand((), FASTCMS) == frozenset()


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        (["records:read", "bogus"], "Unknown scope 'bogus'; choose from records:delete, records:r"),
        (["Records:read"], "Unknown scope 'Records:read'"),
        ([" records:read"], "Unknown scope ' records:read'"),
        (["*"], r"Unknown scope '\*'"),
        (["records:*"], r"Unknown scope 'records:\*'"),
        ([MANAGE], "Unknown scope 'tokens:manage'"),
        (["r\u0435cords:read"], r"Unknown scope 'r\\u0435cords:read'"),
        ([""], "must not be empty"),
        (["records:read", None], "must be a string, not null"),
        ([1], "must be a string, not int"),
        ([True], "must be a string, not bool"),
        ([["records:read"]], "must be a string, not list"),
        ([{}], "must be a string, not dict"),
        ("records:read", "must be a list of names, not str"),
        ("*", "must be a list of names, not str"),
        (b"*", "must be a list of names, not bytes"),
        (None, "must be a list of names, not null"),
        ({}, "must be a list of names, not dict"),
        (5, "must be a list of names, not int"),
    ],
)
def test_a_list_with_anything_unknown_is_refused_by_name(listed, message):
    with pytest.raises(ValueError, match=message):
        normalise(listed, RECORDS)


def test_an_api_without_scopes_says_so():
    with pytest.raises(ValueError, match="this API has no scopes"):
        normalise(["a"], frozenset())


# Narrower


@pytest.mark.parametrize(
    ("child", "parent", "narrower"),
    [
        ([], [], True),
        ([], ["records:read"], True),
        (["records:read"], ["records:read"], True),
        (["records:read"], ["records:*"], True),
        (["records:*"], ["records:*"], True),
        (["records:*"], ["*"], True),
        (["records:read", "files:write"], ["*"], True),
        (["records:read"], [], False),
        (["records:read"], ["records:write"], False),
        (["records:*"], ["records:read", "records:write", "records:delete"], False),
        (["*"], ["records:*", "files:*", "collections:read", "collections:write"], False),
        ([MANAGE], ["*"], False),
        (["*", MANAGE], ["*"], False),
        ([MANAGE], [MANAGE], True),
        (["unknown"], [], True),
    ],
)
def test_a_child_is_narrower_exactly_when_its_parent_covers_it(child, parent, narrower):
    assert is_narrower(child, parent, FASTCMS) is narrower


def test_an_implied_name_counts_on_both_sides():
    assert is_narrower(["purge_all"], ["global"], FASTLY, FASTLY_IMPLIES) is True
    assert is_narrower(["global"], sorted(FASTLY - {"global"}), FASTLY, FASTLY_IMPLIES) is False


def test_a_wildcard_of_the_child_never_outgrows_a_parent_of_plain_names():
    assert is_narrower(["records:*"], sorted(RECORDS), RECORDS) is False
    assert is_narrower(["records:*"], ["records:*"], RECORDS) is True
    assert is_narrower(["records:*"], ["*"], RECORDS) is True


@settings(max_examples=1000, deadline=None)
@given(
    child=st.frozensets(names, max_size=4),
    parent=st.frozensets(names, max_size=4),
    available=st.frozensets(st.sampled_from(UNIVERSE)),
    added=st.frozensets(st.sampled_from(UNIVERSE), max_size=4),
)
def test_a_narrower_child_stays_within_its_parent_when_the_set_grows(
    child, parent, available, added
):
    if is_narrower(child, parent, available):
        known = frozenset(name for name in child if name in available or "*" in name)
        later = available | added
        assert expand(known, later) <= expand(parent, later)


def test_what_is_no_list_of_scopes_is_told_in_a_whole_sentence():
    with pytest.raises(ValueError, match="list") as caught:
        normalise("records:read", RECORDS)
    assert str(caught.value) == "Scopes must be a list of names, not str."
