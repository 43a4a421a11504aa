"""URLconfs made for one test, and what they are looked at with."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from django.urls import clear_script_prefix, clear_url_caches, include, path
from django.utils import translation

API = include("apikeys.api.urls")
PAGES = include("dashboard.urls")
LOG_IN = path("log-in", lambda request: None, name="login")


@pytest.fixture
def urlconf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Make a URLconf of these patterns; return its dotted path."""

    def make(name: str, *patterns: Any) -> str:
        module = ModuleType(name)
        module.urlpatterns = list(patterns)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)
        return name

    yield make
    clear_url_caches()
    clear_script_prefix()
    translation.deactivate()


@pytest.fixture
def asked(client: Any, alice: Any, issue: Any) -> Callable[..., str]:
    """Return the address that alice's page of a new token names, which has one in all languages."""
    client.force_login(alice)
    token = issue().token

    def ask(page: str = "/pages", **environment: str) -> str:
        text = client.get(f"{page}/acme/tokens/{token.token_id}", **environment).content.decode()
        codes = "".join(re.findall(r"(?s)<pre[^>]*><code>(.*?)</code>", text))
        found = set(re.findall(r"https?://[^\s\\&]+", codes))
        assert len(found) == 1, f"{found} in {text[-3000:]}"
        return found.pop()

    ask.client = client  # type: ignore[attr-defined]
    return ask
