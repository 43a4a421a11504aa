"""A key in a text is found however it was pasted, and nothing else is taken for one."""

from __future__ import annotations

import base64
import logging
import time
from urllib.parse import quote

import pytest

from apikeys import dialects, pasted, visible
from apikeys.credentials.keys import HEX, KeyShape

ID = "0123456789ABCDef"
SHAPE = KeyShape()
SECRET = SHAPE.new_secret(ID)
KEY = f"ak_prod_{ID}_{SECRET}"
HEX_ID = "a1b2c3d4"
HEX_SECRET = "0123456789abcdef0123456789abcdef"
HEX_KEY = f"fcms_{HEX_ID}_{HEX_SECRET}"
FASTCMS = {"fastcms": "project.demo.fastcms.dialect.FastCMS"}


@pytest.fixture(autouse=True)
def _two_dialects(settings):
    settings.APIKEYS = {**settings.APIKEYS, "DIALECTS": FASTCMS}


def wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def basic(token_id: str, secret: str) -> str:
    return base64.b64encode(f"{token_id}:{secret}".encode()).decode()


FORMS = {
    "as it is": KEY,
    "another environment's": f"ak_dev_{ID}_{SECRET}",
    "another site's prefix": f"sk_live_{ID}_{SECRET}",
    "without its prefix": f"{ID}_{SECRET}",
    "the pair of Basic": f"{ID}:{SECRET}",
    "in blanks": f"  {KEY}\t",
    "in quotes": f'"{KEY}"',
    "in curly quotes": f"“{KEY}”",
    "a header": f"X-API-Key: {KEY}",
    "bearer": f"Authorization: Bearer {KEY}",
    "basic": f"Authorization: Basic {basic(ID, SECRET)}",
    "basic alone": basic(ID, SECRET),
    "basic without padding": basic(ID, SECRET).rstrip("="),
    "curl": f"curl --user {ID}:{SECRET} https://api.example.org/",
    "a URL": f"https://{ID}:{SECRET}@api.example.org/",
    "a variable": f"API_KEY={KEY}",
    "JSON": f'{{"api_key": "{KEY}"}}',
    "percent": quote(KEY).replace("_", "%5F"),
    "percent twice": quote(KEY.replace("_", "%5F")),
    "percent Basic": f"{ID}%3A{SECRET}",
    "full-width": wide(KEY),
    "full-width underscores": KEY.replace("_", "\uff3f"),
    "a line break in the secret": f"{KEY[:50]}\r\n{KEY[50:]}",
    "a line break in the id": f"{KEY[:12]}\n{KEY[12:]}",
    "quoted in an answer": f"> {KEY[:40]}\n> {KEY[40:]}",
    "quoted-printable": f"{KEY[:60]}=\r\n{KEY[60:]}",
    "a break without prefix": f"{ID}_{SECRET[:20]} {SECRET[20:]}",
    "a break in base64": f"Basic {basic(ID, SECRET)[:30]}\n {basic(ID, SECRET)[30:]}",
    "invisible characters": KEY.replace("_", "_\u200b"),
    "Markdown": KEY.replace("_", "\\_"),
    "HTML": KEY.replace("_", "&#95;"),
    "a capital from a phone": "A" + KEY[1:],
    "mistyped": KEY[:-3] + "000",
    "cut off": KEY[:-1],
    "half of it": KEY[:45],
    "with more behind": KEY + "xyz",
    "a file of variables": f"ACCESS_TOKEN_ID={ID}\nACCESS_TOKEN_SECRET={SECRET}\n",
    "two cells": f"{ID}\t{SECRET}",
    "a user's name and the key in base64": basic("alice", KEY),
    "the key as the name in base64": basic(KEY, ""),
    "the key as the password in base64": basic("", KEY),
    "the key alone in base64": base64.b64encode(KEY.encode()).decode(),
    "base64 in a path": f"/tokens/{basic(ID, SECRET)}/x",
    "a hyphen and a line break": f"{KEY[:50]}-\r\n{KEY[50:]}",
    "a zero-padded reference": KEY.replace("_", "&#" + "0" * 5_000 + "95;"),
    "marks without end around it": "a" + "\u0301\u0327" * 9_000 + wide(KEY),
    "a path": f"/dashboard/acme/tokens/{KEY}?q=1",
}
HEX_FORMS = {
    "as it is": HEX_KEY,
    "capitals": HEX_KEY.upper(),
    "without its prefix": f"{HEX_ID}_{HEX_SECRET}",
    "the pair": f"{HEX_ID}:{HEX_SECRET}",
    "basic": basic(HEX_ID, HEX_SECRET),
    "wrapped": f"{HEX_KEY[:20]}\n{HEX_KEY[20:]}",
    "cut off": HEX_KEY[:-2],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_cut_to_its_id(form):
    found = pasted.cut(FORMS[form])
    assert found.token_id == ID
    assert SECRET[:10] not in found.text
    assert SECRET[-10:-3] not in found.text
    assert pasted.cut(found.text).text == found.text


@pytest.mark.parametrize("form", HEX_FORMS)
def test_a_key_of_another_shape_is_cut_to_its_id(form):
    found = pasted.cut(HEX_FORMS[form])
    assert found.token_id == HEX_ID
    assert HEX_SECRET[:10] not in found.text.lower()
    assert HEX_SECRET[-10:-2] not in found.text.lower()


def test_the_words_around_a_key_stay():
    assert pasted.cut(f"leaked {KEY} in a log") == (f"leaked ak_prod_{ID} in a log", ID)
    assert pasted.cut(f"-u {ID}:{SECRET} -v") == (f"-u {ID} -v", ID)


def test_of_several_keys_none_stays():
    other = SHAPE.new_secret("fedcba9876543210")
    found = pasted.cut(f"{KEY} and fedcba9876543210:{other} {basic(ID, SECRET)}")
    assert found == (f"ak_prod_{ID} and fedcba9876543210 {ID}", ID)


def test_a_secret_alone_is_withheld_though_it_names_nobody():
    assert pasted.cut(SECRET) == ("***", "")
    assert pasted.cut(f"x {HEX_SECRET}") == ("x ***", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CI deploy",
        "CI_deploy",
        "_zzz-no-such",
        "100 % of_it",
        "deploy_to_production_server",
        "productionserver_backup",
        ID,
        f"ak_prod_{ID}",
        f"fcms_{HEX_ID}_****",
        "550e8400-e29b-41d4-a716-446655440000",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "2026-11-29T19:03:56.123456+00:00",
        "MjAyNi0xMS0yOVQxOTowMzo1Ni4xMjM0NTYrMDA6MDAgMDEyMzQ1Njc4OUFCQ0RlZg==",
        "Used by integration_tests of the deployment pipeline in the staging environment of all",
        "café ☕",
        "a&b%20c",
    ],
)
def test_what_is_no_key_stays_as_it_is(text):
    assert pasted.cut(text) == (text, "")
    assert pasted.cut(text, sure=True) == (text, "")


def test_where_a_text_is_kept_only_what_is_certain_is_cut():
    legit = "integrationtests_withaverylongdescription"
    assert pasted.cut(legit, sure=True).text == legit
    assert pasted.cut("md5 0123456789abcdef0123456789abcdef", sure=True).token_id == ""
    for text in (KEY, f"{ID}:{SECRET}", basic(ID, SECRET), f"{KEY[:50]}\n{KEY[50:]}", HEX_KEY):
        assert SECRET[-10:] not in pasted.cut(text, sure=True).text
        assert HEX_SECRET not in pasted.cut(text, sure=True).text


def test_a_log_keeps_what_may_be_something_else_than_a_secret():
    trace = f"trace {HEX_SECRET}"
    assert pasted.without_secrets(trace) == trace
    assert pasted.without_secrets(f"GET /x?q={KEY}") == f"GET /x?q=ak_prod_{ID}"


@pytest.mark.parametrize(
    "part",
    [f"{SECRET} {ID} ", f"{KEY} ", f"{ID} ", f"{SECRET} "],
    ids=["secrets and ids", "keys", "ids", "secrets"],
)
def test_a_long_text_is_compared_no_more_often_than_its_length_asks(part, monkeypatch):
    fits = KeyShape.fits
    compared = 0

    def counted(self, token_id):
        nonlocal compared
        compared += 1
        return fits(self, token_id)

    monkeypatch.setattr(KeyShape, "fits", counted)
    counts = []
    for length in (4_096, 65_536):
        compared = 0
        pasted.cut((part * length)[:length], sure=True)
        counts.append(compared)
    # Sixteen times as long: 256 times as many where each secret is tried with each id.
    assert counts[1] <= 20 * max(counts[0], 1)


def test_what_a_dialect_says_of_its_keys_decides(settings):
    own = "tests.texts.test_pasted.Own"
    key = "zz_ABCDEF_" + "0123456789abcdef" * 2 + "0"
    assert pasted.cut(key).token_id == ""
    settings.APIKEYS = {**settings.APIKEYS, "DIALECTS": {"own": own}}
    assert pasted.cut(key) == ("zz_ABCDEF", "ABCDEF")
    assert pasted.cut(f"old_{HEX_ID}_{HEX_SECRET}") == (f"old_{HEX_ID}", HEX_ID)


class Own(dialects.Dialect):
    prefixes = {"production": "zz"}
    earlier_prefixes = frozenset({"old"})
    key_shape = KeyShape(6, 33, checksum=False)
    earlier_key_shapes = (KeyShape(8, 32, HEX, checksum=False),)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        (ID, ID),
        (ID[:4], ID[:4]),
        (f"ak_prod_{ID[:4]}", ID[:4]),
        (f" AK_PROD_{ID}_ ", ID),
        (f"fcms_{HEX_ID}_****", HEX_ID),
        ("CI_deploy", ""),
        ("_x", ""),
        ("ak_prod_", ""),
        ("CI deploy", ""),
        ("é", ""),
        ("%", ""),
        ("", ""),
    ],
)
def test_the_beginning_of_an_id_is_told_from_a_name(text, start):
    assert pasted.id_start(text) == start


def test_a_line_of_a_log_holds_no_key():
    def shown(message, *args):
        record = logging.LogRecord("x", logging.WARNING, "", 0, message, args, None)
        assert pasted.NoSecrets().filter(record)
        return record.getMessage()

    assert shown("Not Found: %s", f"/tokens/{KEY}") == f"Not Found: /tokens/ak_prod_{ID}"
    assert shown(f'"GET /?q={quote(KEY)} HTTP/1.1" 302') == f'"GET /?q=ak_prod_{ID} HTTP/1.1" 302'
    assert shown("%s of %s", 1, 2) == "1 of 2"
    record = logging.LogRecord("x", logging.WARNING, "", 0, "%s %s", (1,), None)
    assert pasted.NoSecrets().filter(record), "the handler says what is wrong with it"


ENDLESS = {
    "marks": "a" + "\u0301\u0327" * 32_000,
    "marks from half-width Kana": "a" + "\uff9e\u0316" * 32_000,
    "ligatures": "\ufdfa" * 65_000,
    "a number": "&#" + "9" * 65_000,
    "zeros": "&#" + "0" * 65_000,
    "percent": "%26%23" + "9" * 65_000,
    "a hexadecimal number": "&#x" + "9" * 65_000,
    "underscores": "_" * 65_000 + "x",
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_no_text_keeps_a_thread_busy_or_raises(kind):
    text = ENDLESS[kind]
    started = time.thread_time()
    pasted.cut(text)
    pasted.cut(text, sure=True)
    pasted.id_start(text)
    visible.compared(text)
    assert time.thread_time() - started < 5, "seconds of this thread; it was a minute or more"


@pytest.mark.parametrize("text", ["/api/demo/notes", "/access/v1/organizations/acme/tokens"])
def test_what_can_hold_no_key_is_not_read_again(text, monkeypatch):
    monkeypatch.setattr(pasted, "_cut_once", None)
    assert pasted.cut(text) == (text, "")


def test_a_line_that_cannot_be_read_is_withheld_and_raises_nothing(monkeypatch):
    def broken(text, **_):
        raise ValueError(text)

    record = logging.LogRecord("x", logging.WARNING, "a.py", 7, "%s %s", (KEY,), None)
    assert pasted.NoSecrets().filter(record)
    assert record.getMessage() == "line of a.py:7 withheld: TypeError"
    monkeypatch.setattr(pasted, "without_secrets", broken)
    record = logging.LogRecord("x", logging.WARNING, "a.py", 7, "at %s", (KEY,), None)
    assert pasted.NoSecrets().filter(record)
    assert record.getMessage() == "line of a.py:7 withheld: ValueError"
