"""What is left of a credential in a request, and what around it is no part of it."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
import re
import subprocess
import sys

import pytest
from django.test import RequestFactory

from apikeys.credentials.carriers import (
    Basic,
    Bearer,
    Header,
    WithheldHeader,
    by_header,
    header_name,
    take,
)

DIGEST = "[0-9a-f]{32}"


def withheld(key: str, name: str = "X-API-Key") -> WithheldHeader:
    meta = {"HTTP_X_API_KEY": key} if name == "X-API-Key" else {"HTTP_AUTHORIZATION": key}
    take(by_header([Header(), Bearer(), Basic()]), meta)
    return next(iter(meta.values()))


DERIVED = {
    "itself": lambda value: value,
    "hash": hash,
    "encode": lambda value: value.encode(),
    "encode in another encoding": lambda value: value.encode("latin-1", "replace"),
    "encode past the class": str.encode,
    "bytes": lambda value: bytes(value, "utf-8"),
    "str": str,
    "repr": repr,
    "format": lambda value: f"key:{value}",
    "percent": lambda value: "key:%s" % value,  # noqa: UP031
    "sum": lambda value: "key:" + value,
    "lower": lambda value: value.lower(),
    "upper": lambda value: value.upper(),
    "strip": lambda value: value.strip(),
    "last word": lambda value: value.split()[-1],
    "after the scheme": lambda value: value[7:],
    "end": lambda value: value[-8:],
    "json": lambda value: json.dumps({"key": value}),
    "pickle": pickle.dumps,
    "copy": copy.copy,
    "deep copy of all": lambda value: copy.deepcopy({"key": value})["key"],
    "digest": lambda value: hashlib.sha256(value.encode()).hexdigest(),
}


@pytest.mark.parametrize("derived", DERIVED)
@pytest.mark.parametrize("scheme", ["", "Bearer ", "Basic "], ids=["header", "bearer", "basic"])
def test_nothing_that_is_made_of_a_withheld_header_is_equal_for_two_credentials(derived, scheme):
    derive = DERIVED[derived]
    name = "Authorization" if scheme else "X-API-Key"
    one, same, other = (withheld(f"{scheme}{key}", name) for key in ("one", "one", "other"))
    assert derive(one) == derive(same)
    assert derive(one) != derive(other)
    assert not derive(one) == derive(other)  # noqa: SIM201 - the other operator


@pytest.mark.parametrize("scheme", ["", "Bearer ", "Basic "], ids=["header", "bearer", "basic"])
def test_no_text_equals_a_withheld_header_not_even_what_it_shows(scheme):
    value = withheld(f"{scheme}one", "Authorization" if scheme else "X-API-Key")
    for text in ("***", f"{scheme}***", f"{scheme}one", str(value), str.__str__(value)):
        assert value != text
        assert text != value
        assert not value == text  # noqa: SIM201 - the other operator
        assert {text: "found"}.get(value) is None
        assert {value: "found"}.get(text) is None
        assert value.encode() != text.encode()


def test_what_a_withheld_header_shows_can_not_be_computed_in_another_process():
    """Under the same key anybody who reads a log could test guesses of a secret on it."""
    program = (
        "from apikeys.credentials.carriers import Header, by_header, take;"
        "meta = {'HTTP_X_API_KEY': 'one'}; take(by_header([Header()]), meta);"
        "print(meta['HTTP_X_API_KEY'], meta['HTTP_X_API_KEY'].encode().decode())"
    )
    said = subprocess.run(  # the same program, twice
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    shown, encoded = said.stdout.split()
    assert re.fullmatch(rf"\*\*\*{DIGEST}", shown)
    assert shown != str(withheld("one"))
    assert encoded != withheld("one").encode().decode()


@pytest.mark.parametrize("blanks", [" ", "\t", " \t ", "\t\t"])
@pytest.mark.parametrize("side", ["before", "after", "both"])
def test_blanks_and_tabs_around_a_credential_are_no_part_of_it(blanks, side):
    before, after = (blanks if side in (where, "both") else "" for where in ("before", "after"))
    carriers = by_header([Header(), Bearer(), Basic()])
    for value, carrier in (("key", Header()), ("Bearer key", Bearer()), ("Basic key", Basic())):
        name = "HTTP_AUTHORIZATION" if " " in value else "HTTP_X_API_KEY"
        meta = {name: f"{before}{value}{after}"}
        assert take(carriers, meta) == [(carrier, b"key")]
        assert meta[name] == withheld(value, "Authorization" if " " in value else "X-API-Key")
    meta = {"HTTP_AUTHORIZATION": f"Bearer{before or ' '}key{after}"}
    assert take(carriers, meta) == [(Bearer(), b"key")]
    assert "key" not in str(meta)


def test_blanks_within_a_credential_stay():
    meta = {"HTTP_X_API_KEY": " one two\t"}
    assert take(by_header([Header()]), meta) == [(Header(), b"one two")]


@pytest.mark.parametrize("scheme", ["", "Bearer ", "Basic "], ids=["header", "bearer", "basic"])
def test_a_header_of_a_million_commas_counts_as_two_credentials(scheme):
    """A part for each would take 85 bytes of memory for a byte that anybody can send."""
    name = "HTTP_AUTHORIZATION" if scheme else "HTTP_X_API_KEY"
    found = take(by_header([Header(), Bearer(), Basic()]), {name: scheme + "," * 1_000_000})
    assert len(found) == 2
    assert found[0][1] == b""


@pytest.mark.parametrize(
    ("carrier", "name"),
    [(Header(), "X-Api-Key"), (Header("fastly-KEY"), "Fastly-Key"), (Basic(), "Authorization")],
    ids=["header", "another", "basic"],
)
def test_a_header_is_named_as_django_spells_it(carrier, name):
    assert header_name(carrier.meta_key) == name
    request = RequestFactory().get("/", headers={carrier.meta_key[5:].replace("_", "-"): "x"})
    assert name in list(request.headers)
