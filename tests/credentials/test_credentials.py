"""Token text: shapes, checksum, prefixes, the strict grammar, and what is stored of a secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import pickle
import re
import string

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from apikeys.credentials import digests, keys
from apikeys.credentials.carriers import Basic, Bearer, Header, WithheldHeader, by_header, take
from apikeys.credentials.digests import digest, matches
from apikeys.credentials.keys import (
    BASE62,
    HEX,
    Credential,
    KeyShape,
    MalformedCredentialError,
    api_key,
    parse_key,
    parse_pair,
)

STANDARD = KeyShape()
FCMS = KeyShape(8, 32, HEX, checksum=False)
SHAPES = [STANDARD, FCMS]
ONE = {1: "p" * 32}
TWO = {1: "p" * 32, 2: "q" * 32}
TOKEN_ID = "0123456789abcdef"


def pair_of(shape: KeyShape) -> tuple[str, str]:
    token_id = shape.new_id()
    return token_id, shape.new_secret(token_id)


def key_of(shape: KeyShape, prefix: str = "ak_prod") -> str:
    return api_key(prefix, *pair_of(shape))


def parse(raw: str | bytes, prefixes=("ak_prod",), shapes=SHAPES) -> Credential:
    data = raw if isinstance(raw, bytes) else raw.encode()
    return parse_key(data, prefixes=frozenset(prefixes), shapes=shapes)


def test_the_standard_shape_is_16_and_43_base62_characters_and_six_of_checksum():
    token_id, secret = pair_of(STANDARD)
    assert len(token_id) == 16
    assert len(secret) == 43 + 6
    assert set(token_id + secret) <= set(string.ascii_letters + string.digits)
    assert 43 * math.log2(62) > 256


def test_the_shape_of_the_cms_is_8_and_32_hex_digits():
    token_id, secret = pair_of(FCMS)
    assert len(token_id) == 8
    assert len(secret) == 32
    assert set(token_id + secret) <= set("0123456789abcdef")
    key = api_key("fcms", token_id, secret)
    assert parse(key, ["fcms"]) == (token_id, secret, "fcms")


@pytest.mark.parametrize("shape", SHAPES, ids=["base62", "hex"])
def test_every_character_is_drawn_from_the_whole_alphabet(shape):
    seen = "".join(shape.new_id() for _ in range(1500))
    assert set(seen) == set(shape.alphabet)
    assert len({shape.new_secret(TOKEN_ID) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("length", "alphabet"), [(31, HEX), (21, BASE62), (127, "01"), (43, "aaaa"), (1000, "a")]
)
def test_a_secret_under_128_bits_is_no_shape(length, alphabet):
    with pytest.raises(ValueError, match="A secret needs 128 random bits"):
        KeyShape(16, length, alphabet)


@pytest.mark.parametrize(("length", "alphabet"), [(32, HEX), (22, BASE62), (128, "01")])
def test_128_bits_are_enough(length, alphabet):
    assert KeyShape(16, length, alphabet).secret_length == length


@pytest.mark.parametrize("alphabet", ["", "abc_", "ab-c", "äöü", "ab c", "ab\n"])
def test_an_alphabet_is_ascii_letters_and_digits(alphabet):
    with pytest.raises(ValueError, match="alphabet"):
        KeyShape(16, 200, alphabet)


@pytest.mark.parametrize("length", [5, 65])
def test_an_id_that_is_too_short_or_too_long_is_no_shape(length):
    with pytest.raises(ValueError, match="6 to 64"):
        KeyShape(length, 43)


def test_a_shape_knows_its_own_ids():
    assert STANDARD.fits(STANDARD.new_id())
    assert not STANDARD.fits(FCMS.new_id())
    assert not FCMS.fits("0123456g")


def test_the_checksum_is_base62_crc32_over_id_and_secret():
    import zlib

    token_id, secret = pair_of(STANDARD)
    number = zlib.crc32((token_id + secret[:-6]).encode())
    value = 0
    for character in secret[-6:]:
        value = value * 62 + BASE62.index(character)
    assert value == number


@pytest.mark.parametrize("position", [0, 15, 17, 59, 60, 65])
def test_one_changed_character_is_told_offline(position):
    token_id, secret = pair_of(STANDARD)
    pair = f"{token_id}_{secret}"
    changed = "b" if pair[position] == "a" else "a"
    damaged = f"{pair[:position]}{changed}{pair[position + 1 :]}"
    assert parse(f"ak_prod_{pair}").secret == secret
    with pytest.raises(MalformedCredentialError):
        parse(f"ak_prod_{damaged}")


def test_a_prefix_must_be_one_of_those_accepted():
    key = key_of(STANDARD)
    assert parse(key).prefix == "ak_prod"
    for prefixes in (["ak_dev"], ["ak"], ["prod"], ["AK_PROD"], [""], []):
        with pytest.raises(MalformedCredentialError):
            parse(key, prefixes)


def test_an_empty_prefix_leaves_no_leading_underscore():
    token_id, secret = pair_of(STANDARD)
    key = api_key("", token_id, secret)
    assert key == f"{token_id}_{secret}"
    assert parse(key, [""]) == (token_id, secret, "")
    for wrong in (f"_{key}", f"__{key}", f"ak_{key}"):
        with pytest.raises(MalformedCredentialError):
            parse(wrong, [""])


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key + "\n",
        lambda key: "\n" + key,
        lambda key: key + " ",
        lambda key: key + "\x00",
        lambda key: key.replace("_", "-"),
        lambda key: key.upper(),
        lambda key: key.replace("_", "__", 1),
        lambda key: key + "_",
        lambda key: key[:-1],
        lambda key: key + "0",
        lambda key: "🔑" + key,
        lambda key: key[:12] + "é" + key[13:],
        lambda key: key.replace(key[8:24], "０" * 16),  # noqa: RUF001 - digits, though not ASCII
        lambda key: key * 40,
        lambda key: "",
        lambda key: "_",
        lambda key: "__",
        lambda key: "a" * 100_000,
    ],
)
def test_a_key_has_exactly_one_spelling(change):
    key = key_of(STANDARD)
    with pytest.raises(MalformedCredentialError):
        parse(change(key))


def test_the_error_carries_no_part_of_the_text():
    key = key_of(STANDARD)
    with pytest.raises(MalformedCredentialError) as caught:
        parse(key + "x")
    assert key not in str(caught.value)
    assert str(caught.value) in ("shape", "prefix", "too long")


def test_a_pair_is_parsed_like_a_key_and_has_no_prefix():
    token_id, secret = pair_of(STANDARD)
    parsed = parse_pair(token_id.encode(), secret.encode(), shapes=SHAPES)
    assert parsed == (token_id, secret, None)
    for wrong in ((b"", b""), (b"x" * 300, b""), (token_id.encode(), secret[:-1].encode())):
        with pytest.raises(MalformedCredentialError):
            parse_pair(*wrong, shapes=SHAPES)


def test_neither_a_credential_nor_its_parts_show_the_secret():
    token_id, secret = pair_of(STANDARD)
    credential = Credential(token_id, secret, "ak_prod")
    for shown in (repr(credential), str(credential), f"{credential}", f"{credential!r}"):
        assert token_id in shown
        assert secret not in shown


@hypothesis(max_examples=300, deadline=None)
@given(
    prefix=st.from_regex(r"[a-z]{1,8}(_[a-z]{1,8})?", fullmatch=True) | st.just(""),
    shape=st.builds(
        KeyShape,
        st.integers(6, 64),
        st.integers(128, 150),
        st.sampled_from([BASE62, HEX, "01", "ab"]),
        st.booleans(),
    ),
)
def test_what_is_made_is_parsed_back(prefix, shape):
    token_id, secret = pair_of(shape)
    key = api_key(prefix, token_id, secret)
    if len(key) <= keys.LONGEST_KEY:
        assert parse(key, [prefix], [shape]) == (token_id, secret, prefix)
    else:
        with pytest.raises(MalformedCredentialError):
            parse(key, [prefix], [shape])


@hypothesis(max_examples=2000, deadline=None)
@given(raw=st.binary(max_size=400) | st.from_regex(rb"ak_prod_[0-9a-z]{16}_[0-9a-z]{49}"))
@example(raw=b"ak_prod_")
@example(raw=b"\xff" * 80)
def test_junk_is_refused_and_never_anything_else(raw):
    with pytest.raises(MalformedCredentialError):
        parse(raw)


@hypothesis(max_examples=1000, deadline=None)
@given(value=st.text(max_size=300), carrier=st.sampled_from([Header(), Bearer(), Basic()]))
@example(value="\ud800", carrier=Basic())
@example(value="Basic \ud800", carrier=Basic())
@example(value="Basic YTpi=", carrier=Basic())
@example(value="Basic YT!pi", carrier=Basic())
@example(value="Bearer \x00", carrier=Bearer())
@example(value="bAsIc ====", carrier=Basic())
def test_any_header_is_malformed_or_no_credential(value, carrier):
    meta = {"HTTP_AUTHORIZATION": value, "HTTP_X_API_KEY": value}
    for _, raw in take(by_header([carrier]), meta):
        with pytest.raises(MalformedCredentialError):
            carrier.parse(raw, prefixes=frozenset({"ak_prod"}), shapes=SHAPES)


@pytest.mark.parametrize("padding", ["=", "==", " ", "\n", "*"])
def test_base64_has_one_spelling(padding):
    token_id, secret = pair_of(FCMS)
    good = base64.b64encode(f"{token_id}:{secret}".encode()).decode()
    parsed = Basic().parse(good.encode(), prefixes=[], shapes=SHAPES)
    assert parsed == (token_id, secret, None)
    for wrong in (good + padding, padding + good, good.rstrip("=")[:-1]):
        with pytest.raises(MalformedCredentialError):
            Basic().parse(wrong.encode(), prefixes=[], shapes=SHAPES)


def test_unused_bits_of_base64_are_no_second_spelling():
    token_id, secret = pair_of(FCMS)
    good = base64.b64encode(f"{token_id}:{secret}".encode()).decode()
    assert good.endswith("=")
    stem, last = good.rstrip("=")[:-1], good.rstrip("=")[-1]
    letters = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    other = letters[letters.index(last) + 1]
    assert base64.b64decode(stem + other + "=") == base64.b64decode(good)
    with pytest.raises(MalformedCredentialError):
        Basic().parse((stem + other + "=").encode(), prefixes=[], shapes=SHAPES)


@pytest.mark.parametrize(
    "name",
    ["", "Cookie", "HOST", "Authorization", "X-Forwarded-For", "Sec-Key", "Origin", "a b", "a_b"],
)
def test_a_header_that_means_something_else_can_not_carry_keys(name):
    with pytest.raises(ValueError, match="can't be the header of an API key"):
        Header(name)


def test_a_carrier_is_called_as_documentation_calls_it():
    carriers = (Header(), Header("Fastly-Key"), Bearer(), Basic())
    assert [c.label for c in carriers] == ["X-API-Key", "Fastly-Key", "Bearer", "Basic"]


def test_a_withheld_header_is_read_again_and_shows_nothing():
    meta = {"HTTP_X_API_KEY": "top-secret", "HTTP_AUTHORIZATION": "basic c2VjcmV0"}
    both = [(Header(), b"top-secret"), (Basic(), b"c2VjcmV0")]
    assert take(by_header([Header(), Bearer(), Basic()]), meta) == both
    assert re.fullmatch(r"\*\*\*[0-9a-f]{32}", meta["HTTP_X_API_KEY"])
    assert re.fullmatch(r"Basic \*\*\*[0-9a-f]{32}", meta["HTTP_AUTHORIZATION"])
    assert take(by_header([Header(), Bearer(), Basic()]), meta) == both
    assert take(by_header([Bearer()]), meta) == []
    assert isinstance(meta["HTTP_X_API_KEY"], WithheldHeader)
    assert pickle.loads(pickle.dumps(meta)) == {key: str(value) for key, value in meta.items()}
    for shown in (pickle.dumps(meta), repr(meta).encode(), json.dumps(meta).encode()):
        for secret in (b"secret", b"c2VjcmV0"):
            assert secret not in shown


def test_a_header_that_was_sent_twice_brings_two_credentials():
    meta = {"HTTP_AUTHORIZATION": "Bearer one,Bearer two", "HTTP_X_API_KEY": "three, four"}
    assert take(by_header([Header(), Bearer()]), meta) == [
        (Header(), b"three"),
        (Header(), b" four"),
        (Bearer(), b"one"),
        (Bearer(), b"Bearer two"),
    ]
    assert "one" not in str(meta)
    assert "three" not in str(meta)


def test_without_peppers_the_digest_is_plain_sha256_bound_to_the_id():
    expected = hashlib.sha256(f"{TOKEN_ID}:secret".encode()).hexdigest()
    assert digest(TOKEN_ID, "secret", {}) == f"sha256$${expected}"


def test_with_peppers_it_is_an_hmac_under_the_newest():
    message = f"{TOKEN_ID}:secret".encode()
    expected = hmac.new(TWO[2].encode(), message, "sha256").hexdigest()
    assert digest(TOKEN_ID, "secret", TWO) == f"hmac-sha256$2${expected}"


def test_earlier_peppers_verify_and_the_newest_signs():
    old, new = digest(TOKEN_ID, "secret", ONE), digest(TOKEN_ID, "secret", TWO)
    assert old != new
    assert matches(TOKEN_ID, "secret", old, TWO)
    assert matches(TOKEN_ID, "secret", new, TWO)
    assert matches(TOKEN_ID, "secret", digest(TOKEN_ID, "secret", {}), TWO)
    assert not matches(TOKEN_ID, "secreu", old, TWO)


def test_a_digest_whose_pepper_is_gone_matches_nothing():
    stored = digest(TOKEN_ID, "secret", TWO)
    assert not matches(TOKEN_ID, "secret", stored, ONE)
    assert not matches(TOKEN_ID, "secret", stored, {})
    forged = digest(TOKEN_ID, "secret", {2: "missing pepper"})
    assert not matches(TOKEN_ID, "secret", forged, ONE)


@pytest.mark.parametrize("peppers", [{}, ONE, TWO], ids=["none", "one", "two"])
def test_a_digest_moved_to_another_row_matches_nothing(peppers):
    stored = digest(TOKEN_ID, "secret", peppers)
    assert matches(TOKEN_ID, "secret", stored, peppers)
    assert not matches("fedcba9876543210", "secret", stored, peppers)


@pytest.mark.parametrize("peppers", [{}, ONE, TWO], ids=["none", "one", "two"])
def test_a_digest_is_no_secret(peppers):
    stored = digest(TOKEN_ID, "secret", peppers)
    assert not any(
        matches(TOKEN_ID, presented, stored, peppers)
        for presented in (stored, stored.rpartition("$")[2], f"{TOKEN_ID}:secret", "")
    )


@pytest.mark.parametrize(
    "stored", ["", "$", "hmac-sha256", "hmac-sha256$", "hmac-sha256$x$00", "sha256$$é", "md5$$0"]
)
def test_a_damaged_digest_matches_nothing(stored):
    assert not matches(TOKEN_ID, "secret", stored, ONE)
    assert digests.pepper_version(stored) is None


def test_a_digest_tells_which_pepper_it_needs():
    assert digests.pepper_version(digest(TOKEN_ID, "secret", TWO)) == 2
    assert digests.pepper_version(digest(TOKEN_ID, "secret", {})) is None
