"""Access tokens before any ASGI application, HTTP and WebSocket: Channels, Starlette, your own.

Knows no rule: ``apikeys.access`` judges the credential.
"""

from __future__ import annotations

import logging
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, Unpack

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import HttpResponse

from apikeys import access, pasted
from apikeys.access import Access, Endpoint, Incoming
from apikeys.access.caching import tell
from apikeys.access.endpoint import Asking
from apikeys.access.finishing import ABANDONED, waits
from apikeys.activity import servers, usage
from apikeys.logs import printable

__all__ = ["AccessTokenRequired", "with_lifespan"]

logger = logging.getLogger("apikeys.requests")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# Frameworks type these three differently.
App = Callable[[Any, Any, Any], Awaitable[None]]

_DENIAL: Final = "websocket.http.response"
_SWITCHING: Final = 101
_CLOSE: Final = 4000
_TOLD: Final = ("vary", "cache-control")


class AccessTokenRequired:
    """An ASGI application that lets requests with a token through to another one.

    The inner application finds ``scope["auth"]`` (the token), ``scope["user"]`` (its owner or
    principal) and ``scope["apikeys"]`` (all that is known). The secret is in its scope no more.

    A WebSocket is not accepted: it is closed with 4000 and the HTTP status (4401, 4403, 4429), or
    where the server can do that, its handshake is answered with the refusal itself.

    Args:
        app: the application behind it.
        scopes, asked: as ``access_token_required``.
    """

    def __init__(self, app: App, *scopes: Any, **asked: Unpack[Asking]) -> None:
        self.app = app
        self.endpoint = Endpoint.of(*scopes, **asked)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] not in ("http", "websocket"):
            raise ValueError(f"Nobody can be let in to a scope of type {scope['type']!r}.")
        incoming = Incoming.from_scope(scope)
        state = await access.acheck(incoming, self.endpoint, alone=True)
        # From here on no variable holds the secret: error reporters print those of every frame.
        source: Any = incoming.source
        scope = {**scope, "headers": source.scope["headers"]}
        told = _Told(state, send)
        if not state.allowed:
            await _refuse(scope, state, receive, told)
            return
        known = {"apikeys": state, "auth": state.token, "user": state.user}
        try:
            await self.app({**scope, **known}, receive, told)
        except CancelledError:
            told.abandon()
            raise
        except Exception:
            await told.finish(500)  # the server answers
            raise


def with_lifespan(app: App) -> App:
    """Return an application that has what was counted written when the server stops.

    A server such as uvicorn ends by the signal that it was sent, and Python's own hooks for the
    end of a process do not run then; its lifespan events come before. An application that knows
    them gets them as ever; for one that does not, as Django's, they are answered.

    Args:
        app: the application of the site; nothing stands before the one that is returned.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        servers.lifespan_began()
        lifespan = _Lifespan(receive, send)
        try:
            await app(scope, lifespan.receive, lifespan.send)
        except Exception:
            if lifespan.answered:
                await sync_to_async(_write_what_was_counted, thread_sensitive=False)()
                raise
        if not lifespan.answered:
            await lifespan.answer()

    return application


class _Lifespan:
    """Carries lifespan events to an application, and has counts written before it says its last."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.heard = ""
        self.answered = False

    async def receive(self) -> Message:
        message = await self._receive()
        self.heard = message["type"]
        return message

    async def send(self, message: Message) -> None:
        if not message["type"].startswith("lifespan."):
            raise ValueError(f"{message['type']!r} is no answer to lifespan events.")
        self.answered = True
        if message["type"].startswith("lifespan.shutdown."):
            await sync_to_async(_write_what_was_counted, thread_sensitive=False)()
        await self._send(message)

    async def answer(self) -> None:
        """Answer in the place of an application that has not, to the end."""
        if not self.heard:
            await self.receive()
        while self.heard != "lifespan.shutdown":
            await self.send({"type": "lifespan.startup.complete"})
            await self.receive()
        await self.send({"type": "lifespan.shutdown.complete"})


def _write_what_was_counted() -> None:
    try:
        usage.close()
    finally:
        connections.close_all()  # of this thread, which nobody else uses


class _Told:
    """Sends what an application answers, and counts the request when the answer begins."""

    def __init__(self, state: Access, send: Send) -> None:
        self.state = state
        self.send = send
        self.finished = False

    async def __call__(self, message: Message) -> None:
        status = _status_of(message)
        if status is not None and not self.finished:
            limits = await self.finish(status)
            if message["type"].endswith("response.start"):
                message = {**message, "headers": self._headers(message, limits)}
        await self.send(message)

    async def finish(self, status: int) -> Mapping[str, str]:
        """Count the request once; return the headers of its limits. Breaks no answer."""
        if self.finished:
            return {}
        if waits(self.state):
            return await sync_to_async(self._count)(status)
        return self._count(status)

    def _count(self, status: int) -> Mapping[str, str]:
        self.finished = True
        try:
            return access.finish(self.state, status)
        except Exception:
            path = printable(pasted.without_secrets(self.state.incoming.path))
            logger.exception("after a request to %s", path)
            return {}

    def abandon(self) -> None:
        """Count a request whose client has left, without waiting for anything."""
        if not self.finished and not waits(self.state):
            self._count(ABANDONED)

    def _headers(self, message: Message, limits: Any) -> list[tuple[bytes, bytes]]:
        present = list(message.get("headers", ()))
        response = HttpResponse()
        response.status_code = message["status"]  # whatever the application says
        for name, value in present:
            if (key := name.decode("latin-1").lower()) in _TOLD:
                said = [response.headers[key]] if key in response.headers else []
                response.headers[key] = ", ".join([*said, value.decode("latin-1")])
        tell(self.state, response)
        kept = [pair for pair in present if pair[0].decode("latin-1").lower() not in _TOLD]
        written = {name: response.headers[name] for name in _TOLD if name in response.headers}
        return kept + [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in {**written, **limits}.items()
        ]


def _status_of(message: Message) -> int | None:
    """Return the HTTP status by which a message ends what is asked of us; None for others."""
    match message["type"]:
        case "http.response.start" | "websocket.http.response.start":
            return int(message["status"])
        case "websocket.accept":
            return _SWITCHING
        case "websocket.close":
            return 403  # before it was accepted, that is what a server answers
    return None


async def _refuse(scope: Scope, state: Access, receive: Receive, send: _Told) -> None:
    status, headers, body = access.answer(state)
    if scope["type"] == "websocket":
        await receive()
        if _DENIAL not in (scope.get("extensions") or {}):
            await send.finish(status)
            await send.send({"type": "websocket.close", "code": _CLOSE + status})
            return
    kind = _DENIAL if scope["type"] == "websocket" else "http.response"
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": f"{kind}.start", "status": status, "headers": pairs})
    await send({"type": f"{kind}.body", "body": body})
