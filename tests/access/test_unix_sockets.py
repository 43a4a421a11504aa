"""Requests through a Unix socket and its proxy: addresses, HTTPS, buckets, lines of the log."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from rest_framework.test import APIClient

from apikeys.access import proxy_hints
from apikeys.activity import usage
from apikeys.asgi import AccessTokenRequired
from apikeys.models import RefusalCounter
from tests.support import apis
from tests.support.asgi import ask, empty, http_scope

pytestmark = [pytest.mark.urls("tests.support.apis"), pytest.mark.django_db(transaction=True)]

# As gunicorn passes on what the proxy has set; the client itself wrote 6.6.6.6.
SOCKET = {
    "REMOTE_ADDR": "",
    "HTTP_X_FORWARDED_FOR": "6.6.6.6, 198.51.100.7",
    "HTTP_X_FORWARDED_PROTO": "https",
}


@pytest.fixture(autouse=True)
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_hints, "_told_at", {})


def status(key: str, **meta: str) -> int:
    answer = APIClient().get("/protected", headers={"X-API-Key": key}, **{**SOCKET, **meta})
    return int(answer.status_code)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.message for r in caplog.records if r.message.startswith("address unknown")]


def buckets() -> list[str]:
    usage.flush()
    return sorted(row.address for row in RefusalCounter.objects.all() for _ in range(row.count))


def test_networks_https_and_buckets_go_by_what_the_trusted_proxy_says(
    settings: Any, issue: Any, caplog: pytest.LogCaptureFixture
) -> None:
    apis.say(settings, TRUSTED_PROXIES=["unix"], REQUIRE_HTTPS=True)
    listed = issue(allowed_networks=["198.51.100.7/32"])
    elsewhere = issue(allowed_networks=["6.6.6.6/32"])
    assert status(listed.api_key) == 200
    assert status(elsewhere.api_key) == 401
    assert status(listed.api_key, HTTP_X_FORWARDED_FOR="198.51.100.7, 198.51.100.8") == 401
    assert status(listed.api_key, HTTP_X_FORWARDED_PROTO="http") == 403
    assert buckets() == ["198.51.100.7", "198.51.100.7", "198.51.100.8"]
    listed.token.refresh_from_db()
    assert listed.token.last_used_address == "198.51.100.7"
    assert told(caplog) == []


@pytest.mark.parametrize("trusted", [[], ["127.0.0.0/8"]])
def test_without_the_word_nobody_is_believed_and_the_log_says_it(
    settings: Any, issue: Any, caplog: pytest.LogCaptureFixture, trusted: list[str]
) -> None:
    apis.say(settings, TRUSTED_PROXIES=trusted, REQUIRE_HTTPS=True)
    listed = issue(allowed_networks=["198.51.100.7/32"])
    assert status(listed.api_key) == 401
    assert status(issue().api_key) == 403
    assert buckets() == ["unknown", "unknown"]
    assert told(caplog) == [
        "address unknown: requests come through a Unix socket. Let the proxy before it set "
        'X-Forwarded-For, and add "unix" to APIKEYS["TRUSTED_PROXIES"].'
    ]


@pytest.mark.parametrize(
    ("trusted", "meta", "line"),
    [
        (
            "10.0.0.0/8",
            {"REMOTE_ADDR": "10.0.0.1"},
            "no X-Forwarded-For from the trusted proxy 10.0.0.1. Let it set that header, and the "
            "server hand it on (waitress: --no-clear-untrusted-proxy-headers).",
        ),
        (
            "unix",
            {"REMOTE_ADDR": "localhost"},
            "no X-Forwarded-For from the trusted proxy at the Unix socket. Let it set that header, "
            "and the server hand it on (waitress: --no-clear-untrusted-proxy-headers).",
        ),
        (
            "10.0.0.0/8",
            {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "10.0.0.2"},
            "X-Forwarded-For from the trusted proxy 10.0.0.1 names no client.",
        ),
    ],
)
def test_a_trusted_proxy_that_names_nobody_is_said_once_a_minute(
    settings: Any,
    issue: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    trusted: str,
    meta: dict[str, str],
    line: str,
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(proxy_hints, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    apis.say(settings, TRUSTED_PROXIES=[trusted], REQUIRE_HTTPS=False)
    key = issue(allowed_networks=["198.51.100.7/32"]).api_key
    for seconds, lines in ((0, 1), (59, 1), (1, 2)):
        clock[0] += seconds
        for _ in range(3):
            answer = APIClient().get("/protected", headers={"X-API-Key": key}, **meta)
            assert answer.status_code == 401
        assert told(caplog) == [f"address unknown: {line}"] * lines


def test_a_stranger_who_is_no_proxy_is_no_line(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    apis.say(settings, TRUSTED_PROXIES=["10.0.0.0/8", "unix"])
    for remote in ("203.0.113.7", "junk"):
        assert APIClient().get("/protected", REMOTE_ADDR=remote).status_code == 401
    assert told(caplog) == []


# The scope of uvicorn, and of hypercorn and daphne, behind a Unix socket.
@pytest.mark.parametrize("server", [("/run/a.sock", None), None])
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_asgi_behind_a_socket(settings: Any, issue: Any, server: Any, kind: str) -> None:
    apis.say(settings, TRUSTED_PROXIES=["unix"], REQUIRE_HTTPS=True)
    key = issue(allowed_networks=["198.51.100.7/32"], scopes=["notes:read"]).api_key
    app = AccessTokenRequired(empty, "notes:read")

    def asked(**headers: str) -> int:
        said = {"X-Forwarded-For": "6.6.6.6, 198.51.100.7", "X-Forwarded-Proto": "https", **headers}
        scope = http_scope({"X-API-Key": key, **said}, client=None, server=server)
        scope["scheme"] = "http" if kind == "http" else "ws"
        scope["extensions"] = {"websocket.http.response": {}}
        return int(async_to_sync(ask)(app, {**scope, "type": kind})[0]["status"])

    assert asked() == 200
    assert asked(**{"X-Forwarded-For": "198.51.100.7, 198.51.100.8"}) == 401
    assert asked(**{"X-Forwarded-Proto": "http"}) == 403


@pytest.mark.parametrize(("scheme", "status"), [("wss", 200), ("ws", 403), ("https", 200)])
def test_a_websocket_over_tls_is_secure(
    settings: Any, issue: Any, scheme: str, status: int
) -> None:
    apis.say(settings, REQUIRE_HTTPS=True)
    scope = http_scope({"X-API-Key": issue(scopes=["notes:read"]).api_key}, scheme=scheme)
    scope |= {"type": "websocket", "extensions": {"websocket.http.response": {}}}
    app = AccessTokenRequired(empty, "notes:read")
    assert async_to_sync(ask)(app, scope)[0]["status"] == status
