"""Keys are hidden before anybody reads headers; what belongs to others is left as it is."""

from __future__ import annotations

import base64
import copy
import json
import pickle
from typing import Any

import pytest

from apikeys.credentials.carriers import Basic, Bearer, Header, by_header, header_name, take
from apikeys.credentials.hiding import WITHHELD, Keys, give_back
from apikeys.credentials.keys import HEX, KeyShape, Mistyped, api_key
from apikeys.dialects import Dialect
from apikeys.recognition import may_be_key
from tests.support.apis import say

SHAPE = KeyShape()
SHORT = KeyShape(8, 32, HEX, checksum=False)
CARRIERS = (Header("X-API-Key"), Header("Fastly-Key"), Bearer(), Basic())
KEYS = Keys(CARRIERS, may_be_key)
TOKEN_ID = SHAPE.new_id()
SECRET = SHAPE.new_secret(TOKEN_ID)
KEY = api_key("ak_prod", TOKEN_ID, SECRET)
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.Qk9CQk9CQk9CQk9C_Qk9CQk9CQk9CQk9CQk9CQk9C"


class Short(Dialect):
    """Keys without a prefix, of a short shape without a checksum."""

    carriers = (Header("Fastly-Key"), Bearer(), Basic())
    prefixes = {"production": ""}
    key_shape = SHORT


@pytest.fixture(autouse=True)
def dialects_of_a_host(settings: Any) -> None:
    say(settings, DIALECTS={"short": f"{__name__}.Short"})


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def claims(key: str) -> str:
    return base64.urlsafe_b64encode(json.dumps({"key": key}).encode()).decode().rstrip("=")


OURS = {
    "a header of its own": ("HTTP_X_API_KEY", KEY),
    "another dialect's header": ("HTTP_FASTLY_KEY", KEY),
    "what is no key, in a header of ours": ("HTTP_X_API_KEY", "hunter2"),
    "Bearer": ("HTTP_AUTHORIZATION", f"Bearer {KEY}"),
    "Bearer in other case, with blanks": ("HTTP_AUTHORIZATION", f" bearer  {KEY} "),
    "Bearer cut off": ("HTTP_AUTHORIZATION", f"Bearer {KEY[:-9]}"),
    "Bearer without a prefix": ("HTTP_AUTHORIZATION", f"Bearer {TOKEN_ID}_{SECRET}"),
    "Bearer mistyped, without a prefix": (
        "HTTP_AUTHORIZATION",
        f"Bearer {TOKEN_ID}_{SECRET[1:]}x",
    ),
    "Bearer sent twice": ("HTTP_AUTHORIZATION", f"Bearer {KEY},Bearer {KEY}"),
    "Bearer in quotes": ("HTTP_AUTHORIZATION", f'Bearer "{KEY}"'),
    "Bearer in quotes, mistyped": (
        "HTTP_AUTHORIZATION",
        f'Bearer "ak_prod_{TOKEN_ID}_{SECRET[:5]}-{SECRET[6:]}"',
    ),
    "Bearer in another case": ("HTTP_AUTHORIZATION", f"Bearer AK_PROD_{TOKEN_ID}_{SECRET}"),
    "Bearer behind a name": ("HTTP_AUTHORIZATION", f"Bearer apikey={KEY}"),
    "Bearer percent-encoded": ("HTTP_AUTHORIZATION", f"Bearer %20{KEY}"),
    "Bearer percent-encoded whole": ("HTTP_AUTHORIZATION", f"Bearer %22{KEY}%22"),
    "Bearer of id and secret": ("HTTP_AUTHORIZATION", f"Bearer {TOKEN_ID}:{SECRET}"),
    "Bearer of id and secret, mistyped": (
        "HTTP_AUTHORIZATION",
        f'Bearer "{TOKEN_ID}:{SECRET[1:]}x"',
    ),
    "Bearer of what is Basic": (
        "HTTP_AUTHORIZATION",
        basic(TOKEN_ID, SECRET).replace("Basic", "Bearer"),
    ),
    "Bearer of JSON": ("HTTP_AUTHORIZATION", f'Bearer {{"api_key": "{KEY}"}}'),
    "Bearer of JSON with the parts": (
        "HTTP_AUTHORIZATION",
        json.dumps({"id": TOKEN_ID, "secret": SECRET}).join(["Bearer ", ""]),
    ),
    "Bearer of a JWT and a key": ("HTTP_AUTHORIZATION", f"Bearer {JWT} {KEY}"),
    "Bearer said twice": ("HTTP_AUTHORIZATION", f"Bearer Bearer {KEY}"),
    "a key behind a scheme that no dialect knows": ("HTTP_AUTHORIZATION", f"Token {KEY}"),
    "a key without a scheme": ("HTTP_AUTHORIZATION", KEY),
    "a scheme in quotes": ("HTTP_AUTHORIZATION", f'"Bearer {KEY}"'),
    "Basic": ("HTTP_AUTHORIZATION", basic(TOKEN_ID, SECRET)),
    "Basic with a key as the name": ("HTTP_AUTHORIZATION", basic(KEY, "")),
    "Basic with a key as the password": ("HTTP_AUTHORIZATION", basic("x", KEY)),
    "Basic with the prefix": ("HTTP_AUTHORIZATION", basic(f"ak_prod_{TOKEN_ID}", SECRET)),
    "Basic that nobody has encoded": ("HTTP_AUTHORIZATION", f"Basic {TOKEN_ID}:{SECRET}"),
    "Basic with a bare key": ("HTTP_AUTHORIZATION", f"Basic {KEY}"),
    "Basic mistyped": ("HTTP_AUTHORIZATION", basic(TOKEN_ID, SECRET[1:] + "x")),
    "Basic with a mistake in its base64": (
        "HTTP_AUTHORIZATION",
        basic(TOKEN_ID, SECRET).replace("=", "")[:-2] + "!",
    ),
    "Basic cut off": ("HTTP_AUTHORIZATION", basic(TOKEN_ID, SECRET)[:-7]),
    "Basic of a short shape": ("HTTP_AUTHORIZATION", basic("deadbeef", "0" * 32)),
}
OTHERS = {
    "a JWT": f"Bearer {JWT}",
    "a JWT that says a key": f"Bearer eyJhbGciOiJub25lIn0.{claims(KEY)}.x_y",
    "a JWT behind a scheme that no dialect knows": f"JWT {JWT}",
    "an opaque token": "Bearer mF_9.B5f-4.1JqM",
    "a person's password": basic("alice@example.org", "correct horse battery staple"),
    "a name as long as an id": basic("a" * 16, "correct horse battery staple"),
    "broken base64 of a person's": basic("alice@example.org", "battery staple") + "!",
    "a scheme that no dialect knows": "Digest username=alice",
    "an opaque token of letters": "Bearer 9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b",
    "an opaque token with a prefix of its own": "Bearer ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "a token of a bot": "Bearer 110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
    "a JWT with a prefix of ours inside": f"Bearer {JWT}-ak_prod_x",
    "a token behind a scheme that no dialect knows": "Token 9944b09199c62bcf9418ad846dd0e4bb",
    "a name that begins like a key": basic("ak_prod_reader", "correct horse"),
    "a signature": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request",
    "no scheme": "whatever",
    "nothing": "",
}


def spellings() -> set[str]:
    return {SECRET, SECRET[:20], base64.b64encode(f"{TOKEN_ID}:{SECRET}".encode()).decode()}


def shown(value: object) -> str:
    return f"{value!r} {value} {pickle.dumps(value)!r}"


@pytest.mark.parametrize("name", OURS)
def test_a_key_is_hidden_and_can_be_given_back(name: str) -> None:
    meta_key, value = OURS[name]
    plain, hidden = {meta_key: value}, {meta_key: value, "REQUEST_METHOD": "GET"}
    KEYS.hide_in(hidden)
    assert hidden["REQUEST_METHOD"] == "GET"
    assert type(hidden[meta_key]) is str
    assert "***" in hidden[meta_key]
    assert hidden[WITHHELD][meta_key].raw == value.strip().encode()  # type: ignore[index]
    text = shown(hidden) + json.dumps(hidden)
    assert not [each for each in {*spellings(), "hunter2"} if each in text]
    headers = by_header(CARRIERS)
    give_back(hidden[WITHHELD], hidden)
    assert take(headers, hidden) == take(headers, plain)
    assert not [each for each in {*spellings(), "hunter2"} if each in shown(hidden)]


@pytest.mark.parametrize("name", OURS)
def test_a_key_is_hidden_in_a_copy_of_a_scope_and_can_be_given_back(name: str) -> None:
    meta_key, value = OURS[name]
    header = header_name(meta_key).lower().encode()
    scope = {"type": "http", "headers": [(b"host", b"x"), (header, value.encode())]}
    found = KEYS.hidden_in(scope)
    assert scope["headers"] == [(b"host", b"x"), (header, value.encode())]
    assert (found["type"], found["headers"][0]) == ("http", (b"host", b"x"))
    assert not [each for each in spellings() if each in shown(found)]
    text = found["headers"][1][1]
    assert type(text) is bytes
    meta = {meta_key: text.decode()}
    give_back(found[WITHHELD], meta)
    headers = by_header(CARRIERS)
    assert take(headers, meta) == take(headers, {meta_key: value})


@pytest.mark.parametrize("name", OTHERS)
def test_what_other_authenticators_need_stays(name: str) -> None:
    environ = {"HTTP_AUTHORIZATION": OTHERS[name], "HTTP_COOKIE": KEY}
    KEYS.hide_in(environ)
    assert environ == {"HTTP_AUTHORIZATION": OTHERS[name], "HTTP_COOKIE": KEY}
    assert type(environ["HTTP_AUTHORIZATION"]) is str
    scope = {"headers": [(b"authorization", OTHERS[name].encode()), (b"cookie", KEY.encode())]}
    assert KEYS.hidden_in(scope) is scope


def test_bearer_and_basic_are_left_alone_where_no_dialect_reads_them() -> None:
    keys = Keys((Header("X-API-Key"),), may_be_key)
    environ = {"HTTP_AUTHORIZATION": f"Bearer {KEY}"}
    keys.hide_in(environ)
    assert environ == {"HTTP_AUTHORIZATION": f"Bearer {KEY}"}


def test_a_copied_environ_still_brings_the_key() -> None:
    environ = {"HTTP_X_API_KEY": KEY}
    KEYS.hide_in(environ)
    headers = by_header(CARRIERS)
    for copied in (dict(environ), copy.copy(environ), copy.deepcopy(environ)):
        give_back(copied[WITHHELD], copied)  # type: ignore[arg-type]
        assert take(headers, copied) == [(CARRIERS[0], KEY.encode())]


def test_what_somebody_has_put_there_since_is_not_overwritten() -> None:
    environ = {"HTTP_X_API_KEY": KEY}
    KEYS.hide_in(environ)
    environ["HTTP_X_API_KEY"] = "another"
    give_back(environ[WITHHELD], environ)  # type: ignore[arg-type]
    assert environ["HTTP_X_API_KEY"] == "another"


def test_two_headers_that_a_server_joins_count_as_two_credentials() -> None:
    pair = [(b"x-api-key", KEY.encode()), (b"X-API-Key", KEY.encode())]
    found = KEYS.hidden_in({"headers": pair})
    meta = {"HTTP_X_API_KEY": ",".join(value.decode() for _name, value in found["headers"])}
    give_back(found[WITHHELD], meta)
    assert len(take(by_header(CARRIERS), meta)) == 2
    assert SECRET not in shown(meta)


def test_a_mistyped_shape_forgives_one_sign_of_the_secret() -> None:
    alike = Mistyped.of(SHAPE)
    wrong = SECRET[:-1] + ("a" if SECRET[-1] != "a" else "b")
    assert (SHAPE.match(TOKEN_ID, SECRET), SHAPE.match(TOKEN_ID, wrong)) == (True, False)
    assert (alike.match(TOKEN_ID, SECRET), alike.match(TOKEN_ID, wrong)) == (True, True)
    assert not alike.match(TOKEN_ID, SECRET[:-1])
    assert not alike.match(TOKEN_ID[:-1], SECRET)
    assert alike.match(TOKEN_ID, SECRET[:-1] + "-")
    assert not alike.match(TOKEN_ID, SECRET[:-2] + "--")
    assert not alike.match(TOKEN_ID[:-1] + "-", SECRET)
    hexadecimal = Mistyped.of(SHORT)
    assert hexadecimal.match("deadbeef", "0" * 31 + "x")
    assert not hexadecimal.match("deadbeef", "0" * 30 + "xy")
