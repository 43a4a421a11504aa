"""What hides keys and what leaves other schemes alone judge a Bearer text alike."""

from __future__ import annotations

from typing import Any

import pytest

from apikeys.access.foreign import carries_key
from apikeys.credentials.carriers import Bearer
from apikeys.credentials.hiding import WITHHELD
from apikeys.hiding import hide_keys_wsgi
from apikeys.recognition import may_be_key
from tests.credentials import test_hiding
from tests.credentials.test_hiding import OTHERS, OURS, dialects_of_a_host

__all__ = ["dialects_of_a_host"]

BEARER = "Bearer "
KEYS = {name: value for name, (_key, value) in OURS.items() if value.startswith(BEARER)}
NONE = {name: value for name, value in OTHERS.items() if value.startswith(BEARER)}


def is_hidden(value: str) -> bool:
    seen: list[dict[str, Any]] = []
    application = hide_keys_wsgi(lambda environ, start: seen.append(environ) or [])  # type: ignore[func-returns-value]
    application({"HTTP_AUTHORIZATION": value}, None)  # type: ignore[arg-type]
    return WITHHELD in seen[0]


@pytest.mark.parametrize("name", KEYS)
def test_what_is_hidden_is_judged_as_a_key(name: str) -> None:
    assert (is_hidden(KEYS[name]), carries_key({"HTTP_AUTHORIZATION": KEYS[name]})) == (True, True)


@pytest.mark.parametrize("name", NONE)
def test_what_is_left_visible_is_left_to_others(name: str) -> None:
    found = (is_hidden(NONE[name]), carries_key({"HTTP_AUTHORIZATION": NONE[name]}))
    assert found == (False, False)


def test_a_long_token_of_others_is_no_key() -> None:
    for token in (test_hiding.JWT * 800, "YII" + "Ab0+/" * 20_000):
        assert len(token) > 65_536
        assert not may_be_key(Bearer(), token.encode())
        assert not may_be_key(None, f"Negotiate {token}".encode())


def test_a_key_far_behind_is_found() -> None:
    assert may_be_key(Bearer(), b"{" + b" " * 70_000 + test_hiding.KEY.encode() + b"}")
