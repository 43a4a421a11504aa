"""What several tests of requests use."""

from __future__ import annotations

from typing import Any

import pytest
from django.test.client import AsyncClientHandler, ClientHandler

from apikeys.hiding import hide_keys_asgi, hide_keys_wsgi
from tests.support import asgi


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put what hides keys around what Django's test clients and the bare face ask."""
    sync, on_loop, bare = ClientHandler.__call__, AsyncClientHandler.__call__, asgi.ask

    def ask(self: Any, environ: dict[str, Any]) -> Any:
        return hide_keys_wsgi(lambda environ, start: sync(self, environ))(environ, None)  # type: ignore

    async def aask(self: Any, scope: dict[str, Any]) -> Any:
        answers: list[Any] = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            answers.append(await on_loop(self, scope))

        await hide_keys_asgi(application)(scope, None, None)  # type: ignore[arg-type]
        return answers[0]

    async def ask_bare(app: Any, scope: Any) -> Any:
        return await bare(hide_keys_asgi(app), scope)

    monkeypatch.setattr(ClientHandler, "__call__", ask)
    monkeypatch.setattr(AsyncClientHandler, "__call__", aask)
    monkeypatch.setattr(asgi, "ask", ask_bare)
