"""The ASGI face: WebSockets, in Channels itself too, and what an inner application sees."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.testing import WebsocketCommunicator
from django.urls import path

from apikeys.activity import usage
from apikeys.asgi import AccessTokenRequired, with_lifespan
from apikeys.limits import Limit
from apikeys.models import RefusalCounter, UsageCounter
from tests.support import apis
from tests.support.asgi import ask, empty, http_scope

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("limits_in_memory"),
]


class Echo(AsyncWebsocketConsumer):
    """Says who is there."""

    async def connect(self) -> None:
        await self.accept()
        await self.send(self.scope["auth"].token_id)

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(f"{text_data} {self.scope['user'].pk}")


def channels(**asked: Any) -> Any:
    consumer: Any = Echo.as_asgi()
    socket = AccessTokenRequired(URLRouter([path("notes/", consumer)]), "notes:read", **asked)
    return ProtocolTypeRouter({"websocket": socket})


def headers(key: str | None) -> list[tuple[bytes, bytes]]:
    return [] if key is None else [(b"x-api-key", key.encode())]


async def connect(app: Any, key: str | None, *, scheme: str = "wss") -> tuple[bool, Any, str]:
    """Return whether the socket was accepted, the code or subprotocol, and the first text."""
    socket = WebsocketCommunicator(app, "/notes/", headers=headers(key))
    socket.scope["scheme"] = scheme
    socket.scope["client"] = ["127.0.0.1", 1]
    connected, code = await socket.connect()
    text = await socket.receive_from() if connected else ""
    if connected:
        await socket.send_to("hello")
        text = f"{text} {await socket.receive_from()}"
    await socket.disconnect()
    return connected, code, text


def test_a_key_with_the_scope_opens_a_websocket_of_channels(issue: Any) -> None:
    issued = issue()
    token_id = issued.token.token_id
    found = async_to_sync(connect)(channels(), issued.api_key)
    assert found == (True, None, f"{token_id} hello token:{token_id}")
    usage.flush()
    assert [(row.outcome, row.count) for row in UsageCounter.objects.all()] == [("success", 1)]


@pytest.mark.parametrize(
    ("kind", "scheme", "code"),
    [
        ("none", "wss", 4401),
        ("bad", "wss", 4401),
        ("without the scope", "wss", 4403),
        ("good", "ws", 4403),
    ],
)
def test_who_may_not_come_in_is_told_by_the_code(
    issue: Any, kind: str, scheme: str, code: int
) -> None:
    key = {
        "none": None,
        "bad": "ak_prod_bad",
        "without the scope": issue(scopes=[]).api_key,
        "good": issue().api_key,
    }[kind]
    assert async_to_sync(connect)(channels(), key, scheme=scheme) == (False, code, "")
    usage.flush()
    assert RefusalCounter.objects.count() == 1


def test_the_second_of_one_a_minute_is_closed_with_4429(issue: Any) -> None:
    issued, app = issue(), channels(limits=[Limit("1/minute")])
    assert async_to_sync(connect)(app, issued.api_key)[0] is True
    assert async_to_sync(connect)(app, issued.api_key)[:2] == (False, 4429)


async def handshake(app: Any, extensions: dict[str, Any]) -> list[dict[str, Any]]:
    scope = {
        "type": "websocket",
        "scheme": "wss",
        "path": "/notes/",
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
        "client": ["127.0.0.1", 1],
        "subprotocols": [],
        "extensions": extensions,
    }
    communicator = ApplicationCommunicator(app, scope)
    await communicator.send_input({"type": "websocket.connect"})
    found = [await communicator.receive_output()]
    if found[0]["type"] != "websocket.close":
        found.append(await communicator.receive_output())
    await communicator.wait()
    return found


def test_a_server_that_can_answer_the_handshake_is_given_the_refusal_itself(db: None) -> None:
    start, body = async_to_sync(handshake)(channels(), {"websocket.http.response": {}})
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
    told = dict(start["headers"])
    assert told[b"www-authenticate"].startswith(b"ApiKey realm=")
    assert told[b"cache-control"] == b"no-store"
    assert body["type"] == "websocket.http.response.body"
    assert b'"api_key.missing"' in body["body"]
    assert async_to_sync(handshake)(channels(), {}) == [{"type": "websocket.close", "code": 4401}]


def test_the_inner_application_is_shown_no_secret(issue: Any) -> None:
    issued, seen = issue(), []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    scope = http_scope({})
    secret = (b"Authorization", f"Bearer {issued.api_key}".encode())
    scope["headers"] = [secret, (b"x-other", b"1")]
    start, _body = async_to_sync(ask)(AccessTokenRequired(inner, "notes:read"), scope)
    [found] = seen
    assert found["headers"] == [(b"Authorization", b"***"), (b"x-other", b"1")]
    assert issued.secret not in repr(found)
    assert found["auth"] == issued.token
    assert dict(start["headers"])[b"cache-control"] == b"private"
    assert issued.secret in str(scope["headers"])  # the server's own scope is its own


def test_what_an_inner_application_says_to_caches_stands(issue: Any) -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        said = [(b"Vary", b"Accept"), (b"vary", b"Cookie"), (b"cache-control", b"max-age=5")]
        await send({"type": "http.response.start", "status": 200, "headers": said})
        await send({"type": "http.response.body", "body": b""})

    scope = http_scope({"X-API-Key": issue().api_key})
    told = async_to_sync(ask)(AccessTokenRequired(inner, "notes:read"), scope)[0]["headers"]
    assert (b"vary", b"Accept, Cookie, X-API-Key, Authorization") in told
    assert (b"cache-control", b"max-age=5") in told
    assert len(told) == 2


def test_what_is_no_request_passes() -> None:
    seen = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async_to_sync(AccessTokenRequired(inner))({"type": "lifespan"}, None, None)
    assert seen == ["lifespan"]


def test_an_unknown_dialect_is_a_fault_and_lets_nobody_in(settings: Any) -> None:
    apis.say(settings, DIALECTS={})
    with pytest.raises(Exception, match="has no dialect 'cms'"):
        async_to_sync(connect)(channels(dialect="cms"), None)


@pytest.mark.django_db(transaction=True)
def test_what_was_counted_is_written_when_the_server_stops(issue: Any) -> None:
    sent: list[dict[str, Any]] = []
    app = AccessTokenRequired(empty, "notes:read")
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    served = with_lifespan(app)
    assert async_to_sync(ask)(served, http_scope({"X-API-Key": issue().api_key}))[1] == b""
    assert UsageCounter.objects.count() == 0
    async_to_sync(served)({"type": "lifespan"}, receive, send)
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert [row.outcome for row in UsageCounter.objects.all()] == ["success"]


async def hear(app: Any, *events: str) -> list[str]:
    """Return what an application says to these lifespan events."""
    sent: list[str] = []
    messages = iter([{"type": f"lifespan.{event}"} for event in events])

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message["type"].removeprefix("lifespan."))

    await with_lifespan(app)({"type": "lifespan"}, receive, send)
    return sent


@pytest.mark.django_db(transaction=True)
def test_an_application_with_a_lifespan_of_its_own_keeps_it(issue: Any) -> None:
    said = []

    async def own(scope: Any, receive: Any, send: Any) -> None:
        for event in ("startup", "shutdown"):
            said.append((await receive())["type"])
            said.append(await UsageCounter.objects.acount())
            await send({"type": f"lifespan.{event}.complete"})
            said.append(await UsageCounter.objects.acount())

    app = AccessTokenRequired(empty, "notes:read")
    async_to_sync(ask)(app, http_scope({"X-API-Key": issue().api_key}))
    sent = async_to_sync(hear)(own, "startup", "shutdown")
    assert sent == ["startup.complete", "shutdown.complete"]
    assert said == ["lifespan.startup", 0, 0, "lifespan.shutdown", 0, 1]


def test_an_application_that_cannot_start_says_so_itself() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed"})
        raise KeyError("settings")

    with pytest.raises(KeyError):
        async_to_sync(hear)(broken, "startup")


@pytest.mark.parametrize("hears_first", [True, False])
def test_an_application_that_knows_no_lifespan_is_answered_for(db: Any, hears_first: bool) -> None:
    async def django(scope: Any, receive: Any, send: Any) -> None:
        if hears_first:
            await receive()
        raise ValueError("only HTTP")

    async def silent(scope: Any, receive: Any, send: Any) -> None:
        if hears_first:
            await receive()

    for app in (django, silent):
        sent = async_to_sync(hear)(app, "startup", "shutdown")
        assert sent == ["startup.complete", "shutdown.complete"]


def test_a_request_that_its_client_leaves_is_counted(issue: Any) -> None:
    async def leave(app: Any, scope: Any) -> None:
        task = asyncio.ensure_future(app(scope, None, None))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        started.set()
        await asyncio.sleep(60)

    started = asyncio.Event()
    app = AccessTokenRequired(waiting, "notes:read")
    async_to_sync(leave)(app, http_scope({"X-API-Key": issue().api_key}))
    usage.flush()
    assert [row.outcome for row in UsageCounter.objects.all()] == ["client_error"]


def test_a_fault_in_counting_does_not_hide_that_a_client_has_left(
    issue: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any) -> None:
        raise KeyError("counting")

    async def leaving(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr("apikeys.access.finish", fail)
    app = AccessTokenRequired(leaving, "notes:read")

    async def ask_and_leave() -> str:
        try:
            await app(http_scope({"X-API-Key": key}), None, None)
        except asyncio.CancelledError:
            return "left"
        return "stayed"

    key = issue().api_key
    assert async_to_sync(ask_and_leave)() == "left"
    assert "after a request to /" in caplog.text
