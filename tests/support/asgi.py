"""Ask an ASGI application as a server would."""

from __future__ import annotations

from typing import Any

from asgiref.testing import ApplicationCommunicator


def http_scope(headers: dict[str, str], *, method: str = "GET", **more: Any) -> dict[str, Any]:
    """Return the scope of a request over HTTPS from 127.0.0.1."""
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", b"testserver"), *pairs],
        "client": ["127.0.0.1", 1],
        "server": ("testserver", "443"),
        **more,
    }


async def ask(app: Any, scope: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return the message that begins the answer, and the body."""
    communicator = ApplicationCommunicator(app, scope)
    await communicator.send_input({"type": "http.request", "body": b""})
    start = await communicator.receive_output()
    body = await communicator.receive_output()
    return start, body["body"]


async def empty(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers 200 and nothing."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
