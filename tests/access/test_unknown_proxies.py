"""The log's hint where a list of networks refuses what may be a proxy that nobody has named."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from rest_framework.test import APIClient

from apikeys.access import proxy_hints
from apikeys.asgi import AccessTokenRequired
from tests.support import apis
from tests.support.asgi import ask, empty, http_scope

pytestmark = [pytest.mark.urls("tests.support.apis"), pytest.mark.django_db]

CLIENT = "198.51.100.7"
PROXY = "172.16.0.5"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that the test moves; nothing has been said yet."""
    now = [1000.0]
    monkeypatch.setattr(proxy_hints, "_told_at", {})
    monkeypatch.setattr(proxy_hints, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def hints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.message for r in caplog.records if r.message.startswith("address refused")]


def hint(address: str) -> str:
    return (
        f"address refused: X-Forwarded-For from {address}, which is not in TRUSTED_PROXIES. If "
        "that is a proxy of yours, and no client that wrote the header itself, add it to "
        'APIKEYS["TRUSTED_PROXIES"].'
    )


def status(key: str, remote: str, forwarded: str | None) -> int:
    meta = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    meta |= {"REMOTE_ADDR": remote, "HTTP_X_API_KEY": key}
    return int(APIClient().get("/protected", **meta).status_code)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("trusted", "remote", "forwarded", "said"),
    [
        ([], PROXY, CLIENT, PROXY),
        (["10.0.0.0/8", "unix"], PROXY, CLIENT, PROXY),
        ([], f"::ffff:{PROXY}", "junk\nof a client", PROXY),
        # A second proxy before the trusted one.
        (["10.0.0.0/8"], "10.0.0.1", f"{CLIENT}, {PROXY}", PROXY),
        (["10.0.0.0/8"], "10.0.0.1", f"{CLIENT}, {PROXY}, 10.0.0.2", PROXY),
        (["unix"], "", f"{CLIENT}, {PROXY}", PROXY),
        # No proxy but ours has sent the header.
        ([], PROXY, None, None),
        (["10.0.0.0/8"], "10.0.0.1", PROXY, None),
        (["10.0.0.0/8"], "10.0.0.1", f" {PROXY}:4711 , 10.0.0.2", None),
    ],
)
def test_a_key_refused_for_its_address_says_who_sent_the_header(
    settings: Any,
    issue: Any,
    caplog: pytest.LogCaptureFixture,
    trusted: list[str],
    remote: str,
    forwarded: str | None,
    said: str | None,
) -> None:
    apis.say(settings, TRUSTED_PROXIES=trusted, REQUIRE_HTTPS=False)
    key = issue(allowed_networks=[CLIENT]).api_key
    assert status(key, remote, forwarded) == 401
    assert hints(caplog) == ([] if said is None else [hint(said)])


def test_it_is_said_once_a_minute(
    settings: Any, issue: Any, caplog: pytest.LogCaptureFixture, clock: list[float]
) -> None:
    apis.say(settings, TRUSTED_PROXIES=[], REQUIRE_HTTPS=False)
    key = issue(allowed_networks=[CLIENT]).api_key
    for seconds, lines in ((0, 1), (59, 1), (1, 2)):
        clock[0] += seconds
        assert [status(key, PROXY, CLIENT) for _ in range(3)] == [401, 401, 401]
        assert hints(caplog) == [hint(PROXY)] * lines


@pytest.mark.usefixtures("clock")
def test_other_refusals_and_keys_that_are_let_in_say_nothing(
    settings: Any, issue: Any, caplog: pytest.LogCaptureFixture
) -> None:
    apis.say(settings, TRUSTED_PROXIES=[], REQUIRE_HTTPS=False)
    assert status("ak_prod_bad", PROXY, CLIENT) == 401
    assert status(issue().api_key, PROXY, CLIENT) == 200
    assert status(issue(allowed_networks=[PROXY]).api_key, PROXY, CLIENT) == 200
    assert hints(caplog) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("clock")
def test_it_is_said_by_asgi_too(
    settings: Any, issue: Any, caplog: pytest.LogCaptureFixture
) -> None:
    apis.say(settings, TRUSTED_PROXIES=[])
    key = issue(allowed_networks=[CLIENT], scopes=["notes:read"]).api_key
    scope = http_scope({"X-API-Key": key, "X-Forwarded-For": CLIENT}, client=[PROXY, 4711])
    app = AccessTokenRequired(empty, "notes:read")
    assert async_to_sync(ask)(app, scope)[0]["status"] == 401
    assert hints(caplog) == [hint(PROXY)]
