"""Callers of the management API: sessions of the cast, and tokens that may manage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from wsgiref.handlers import BaseHandler

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from apikeys import reauthentication
from apikeys.scopes import MANAGE


class Caller(APIClient):
    """A client over HTTPS below one organization's address."""

    organization = "acme"

    def generic(self, *args: Any, secure: bool = True, **kwargs: Any) -> Any:
        return super().generic(*args, secure=secure, **kwargs)

    def call(self, method: str, path: str = "", body: Any = None, **headers: Any) -> Any:
        """Send JSON to ``/access/v1/organizations/<organization>/<path>``."""
        url = f"/access/v1/organizations/{self.organization}{path and '/'}{path}"
        data = b"" if body is None else json.dumps(body)
        return self.generic(method.upper(), url, data, content_type="application/json", **headers)


@pytest.fixture
def logged_in():
    """Log a person in, with a password checked a moment ago."""

    def log_in(user: Any, *, checked: bool = True) -> Caller:
        caller = Caller()
        caller.force_login(user)
        session = caller.session
        moment = timezone.now().timestamp() - (0 if checked else 3600)
        session[reauthentication.SESSION_KEY] = moment
        session.save()
        return caller

    return log_in


@pytest.fixture
def session(alice, acme, logged_in):
    """Alice, admin of Acme."""
    return logged_in(alice)


@pytest.fixture
def managing(issue):
    """A token of Acme's production workspace that may manage tokens."""
    issued = issue(scopes=[MANAGE, "notes:read", "notes:write"], name="Manager")
    caller = Caller()
    caller.issued = issued
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.api_key}")
    return caller


@pytest.fixture
def server(
    transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LiveServer]:
    """A running server over plain HTTP, for clients that are programs of their own."""
    # wsgiref takes a variable of this name for the server's own word, as CGI has it.
    monkeypatch.delitem(BaseHandler.os_environ, "HTTPS", raising=False)
    settings.SECURE_SSL_REDIRECT = False
    settings.APIKEYS = {**settings.APIKEYS, "REQUIRE_HTTPS": False}
    running = LiveServer("127.0.0.1")
    yield running
    running.stop()
