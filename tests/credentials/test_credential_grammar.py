"""The edges of the strict grammar: what is one character off is no credential, nor looked up."""

from __future__ import annotations

import base64

import pytest

from apikeys.credentials.carriers import Header, by_header, take
from apikeys.credentials.digests import matches, pepper_version
from apikeys.credentials.keys import (
    LONGEST_KEY,
    Credential,
    KeyShape,
    MalformedCredentialError,
    parse_key,
    parse_pair,
)

SHAPE = KeyShape()
PLAIN = KeyShape(8, 32, "0123456789abcdef", checksum=False)


@pytest.mark.parametrize("shape", [SHAPE, PLAIN])
@pytest.mark.parametrize("by", [1, -1])
def test_a_separator_that_stands_one_character_off_makes_no_credential(shape, by):
    token_id = shape.new_id()
    text = token_id + shape.new_secret(token_id)
    where = len(token_id) + by
    with pytest.raises(MalformedCredentialError, match="shape"):
        parse_pair(text[:where].encode(), text[where:].encode(), shapes=[shape])
    with pytest.raises(MalformedCredentialError, match="shape"):
        parse_key(f"ak_{text[:where]}_{text[where:]}".encode(), prefixes={"ak"}, shapes=[shape])
    right = parse_pair(token_id.encode(), text[len(token_id) :].encode(), shapes=[shape])
    assert right == Credential(token_id, text[len(token_id) :])


@pytest.mark.django_db
@pytest.mark.urls("tests.support.apis")
@pytest.mark.parametrize("by", [1, -1])
def test_a_separator_that_stands_one_off_is_never_looked_up(
    api, issue, by, django_assert_num_queries
):
    issued = issue()
    text = issued.token.token_id + issued.secret
    where = len(issued.token.token_id) + by
    pair = base64.b64encode(f"{text[:where]}:{text[where:]}".encode()).decode()
    with django_assert_num_queries(0):
        answer = api.get("/protected", headers={"Authorization": f"Basic {pair}"})
    assert answer.status_code == 401


@pytest.mark.django_db
@pytest.mark.urls("tests.support.apis")
@pytest.mark.parametrize("name", ["X-API-Key", "Authorization"])
def test_a_header_sent_twice_and_joined_is_ambiguous_even_when_both_are_good(api, issue, name):
    key = issue().api_key
    scheme = "Bearer " if name == "Authorization" else ""
    once = api.get("/protected", headers={name: f"{scheme}{key}"})
    twice = api.get("/protected", headers={name: f"{scheme}{key},{key}"})
    assert (once.status_code, twice.status_code) == (200, 400)
    assert twice.json()["error"] == "api_key.ambiguous"


@pytest.mark.parametrize(("value", "parts"), [("aXb", 1), ("a,b", 2), ("a,", 2), (",", 2)])
def test_a_comma_and_nothing_else_tells_two_credentials_from_one(value, parts):
    found = take(by_header([Header("X-API-Key")]), {"HTTP_X_API_KEY": value})
    assert len(found) == parts
    assert b",".join(raw for _, raw in found) == value.encode()


def test_the_longest_key_is_read_and_a_longer_one_is_not():
    for length, why in ((LONGEST_KEY, "parts"), (LONGEST_KEY + 1, "too long")):
        with pytest.raises(MalformedCredentialError, match=why):
            parse_key(b"x" * length, prefixes={""}, shapes=[SHAPE])
    for length, why in ((LONGEST_KEY, "shape"), (LONGEST_KEY + 1, "too long")):
        with pytest.raises(MalformedCredentialError, match=why):
            parse_pair(b"x" * 16, b"x" * (length - 16), shapes=[SHAPE])


def test_a_credential_is_shown_without_its_secret():
    shown = repr(Credential("0123456789abcdef", "hush", "ak_prod"))
    assert shown == "Credential(token_id='0123456789abcdef', secret=***, prefix='ak_prod')"


def test_a_shape_is_shown_by_what_was_said_of_it():
    assert repr(PLAIN) == (
        "KeyShape(id_length=8, secret_length=32, alphabet='0123456789abcdef', checksum=False)"
    )
    assert SHAPE.checksum is True


@pytest.mark.parametrize("version", [1, 42, 999_999_999])
def test_the_version_of_a_pepper_has_up_to_nine_digits(version):
    assert pepper_version(f"hmac-sha256${version}$aa") == version
    assert pepper_version(f"hmac-sha256${version}0000000000$aa") is None
    assert pepper_version("sha256$$aa") is None


@pytest.mark.parametrize("stored", ["", "hmac-sha256$7$aa", "sha256$$aa", "ä"])
def test_a_damaged_digest_matches_nothing(stored):
    assert not matches("0123456789abcdef", "hush", stored, {1: "p" * 32})
