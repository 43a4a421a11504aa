"""Tests in Chromium against a live server; every page is watched for what must never happen.

Left out, with a reason, where there is no Chromium (``CHROMIUM_PATH``, then the usual names).
A console error, a CSP report, an exception in a script or a request to another host fails the
test, whatever it was about.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from wsgiref.handlers import BaseHandler

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request
from pytest_django.live_server_helper import LiveServer

# Playwright's event loop runs in the test's thread, where Django refuses the ORM otherwise.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
CHROMIUM = os.environ.get("CHROMIUM_PATH") or next(filter(None, map(shutil.which, NAMES)), None)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            # The live server is another thread: it sees only what is committed.
            item.add_marker(pytest.mark.django_db(transaction=True))
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no browser: Chromium was not found"))


@pytest.fixture(scope="session")
def base_url() -> None:
    """Nothing for the whole run: each test has a server of its own."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": ARGUMENTS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_context_args,
        "viewport": {"width": 1280, "height": 800},
        "locale": "en-US",
        "timezone_id": "UTC",
        "permissions": ["clipboard-read", "clipboard-write"],
    }


@pytest.fixture
def live_server(
    transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LiveServer]:
    """A server of this test's own over plain HTTP; `localhost` counts as a secure origin."""
    # wsgiref takes a variable of this name for the server's own word, as CGI has it.
    monkeypatch.delitem(BaseHandler.os_environ, "HTTPS", raising=False)
    settings.SECURE_SSL_REDIRECT = False
    settings.SESSION_COOKIE_SECURE = False
    settings.CSRF_COOKIE_SECURE = False
    settings.APIKEYS = {**settings.APIKEYS, "REQUIRE_HTTPS": False}
    server = LiveServer("localhost")
    yield server
    server.stop()


class Watch:
    """Notes what must never happen on a page."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.problems: list[str] = []
        self.visited: set[str] = set()

    def over(self, context: BrowserContext) -> BrowserContext:
        """Watch every page of the context, those opened later too."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self.problems.append(f"exception: {error.error}"))
        context.on("request", self._request)
        return context

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium reports a 4xx page itself as an error; a missing image or script is one.
        page = message.text.startswith("Failed to load resource: the server responded with")
        if page and message.location["url"] in self.visited:
            return
        if message.type in ("error", "warning"):
            self.problems.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if request.is_navigation_request():
            self.visited.add(request.url)
        parts = urlsplit(request.url)
        if parts.scheme in ("data", "blob"):
            return
        if f"{parts.scheme}://{parts.netloc}" != self.origin:
            self.problems.append(f"request to another host: {request.url}")


@pytest.fixture
def watch(live_server: LiveServer) -> Iterator[Watch]:
    """The watch over this test's pages; a test may take out a problem that it expects."""
    watch = Watch(live_server.url)
    yield watch
    assert watch.problems == []


@pytest.fixture
def new_context(
    new_context: Callable[..., BrowserContext], live_server: LiveServer, watch: Watch
) -> Callable[..., BrowserContext]:
    """Make a browser context whose addresses start at the live server."""

    def make(**options: Any) -> BrowserContext:
        context = watch.over(new_context(base_url=live_server.url, **options))
        context.set_default_timeout(10_000)
        return context

    return make


@pytest.fixture
def without_scripts(new_context: Callable[..., BrowserContext]) -> BrowserContext:
    """A browser with JavaScript switched off."""
    return new_context(java_script_enabled=False)


@pytest.fixture
def log_in(live_server: LiveServer) -> Callable[[BrowserContext, Any], None]:
    """Log a user in without going through the page."""

    def go(context: BrowserContext, user: Any) -> None:
        client = Client()
        client.force_login(user)
        session = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])

    return go


@pytest.fixture
def assert_accessible() -> Callable[[Page], None]:
    """Check the page as it is now: axe in both themes, wide and narrow, and no sideways scroll."""

    def check(page: Page) -> None:
        # Without its stylesheets a page is as wide as it likes.
        page.wait_for_load_state("load")
        before = page.viewport_size
        for theme in ("light", "dark"):
            for width in (320, 768, 1280):
                page.set_viewport_size({"width": width, "height": 800})
                page.emulate_media(color_scheme=theme)
                where = f"{page.url} at {width} px, {theme}"
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{where}: {wide} px wide"
                if width == 768:
                    continue
                found = Axe().run(page, options={"runOnly": RULES})
                assert found.violations_count == 0, f"{where}\n{found.generate_report()}"
        page.emulate_media(color_scheme="light")
        if before is not None:
            page.set_viewport_size(before)

    return check
