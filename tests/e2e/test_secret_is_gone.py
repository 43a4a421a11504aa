"""A secret that was shown is nowhere afterwards: the canary is looked for wherever it could be."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import BrowserContext, Error, Page

from apikeys.activity import usage
from apikeys.models import AccessToken

STORES = """async () => JSON.stringify([
    {...localStorage}, {...sessionStorage}, history.state, window.name, document.cookie,
    await indexedDB.databases(), await caches.keys(),
])"""


@pytest.fixture
def nowhere(caplog: pytest.LogCaptureFixture) -> Callable[..., None]:
    """Look for the canary in the page, the browser's stores, the log and every column."""
    caplog.set_level(logging.DEBUG)

    def look(page: Page, canary: str, *, shown: bool = False) -> None:
        for opened in page.context.pages:
            html = opened.content()
            assert (canary in html) == (shown and opened is page)
            assert canary not in opened.url
            if not is_browsers_own(opened):
                assert canary not in opened.evaluate(STORES)
        assert canary not in repr(page.context.cookies())
        assert canary not in repr(page.context.storage_state())
        assert canary not in caplog.text
        usage.flush()
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names(cursor):
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
                assert canary not in repr(cursor.fetchall()), table

    return look


def generate(page: Page) -> str:
    """Generate a token by the form and return its secret, the canary."""
    page.goto("/dashboard/acme/tokens")
    page.goto("/dashboard/acme/tokens/new")
    page.get_by_label("Name", exact=True).fill("Canary")
    page.get_by_label("Development").check()
    page.get_by_role("button", name="Generate access token").click()
    page.get_by_role("heading", name="Token “Canary” generated").wait_for()
    canary = page.locator("[data-secret]").first.inner_text()
    assert re.fullmatch(r"[0-9A-Za-z]{49}", canary)
    return canary


def is_browsers_own(page: Page) -> bool:
    """Tell whether Chromium shows a page of its own, which asks to send a form again."""
    return page.url.startswith("chrome-error:")


def travel(page: Page, step: Callable[[], Any]) -> None:
    """Go through the history; a page that must be sent again is an error of the browser's."""
    try:
        step()
    except Error as error:
        assert "ERR_CACHE_MISS" in str(error)  # noqa: PT017
        page.wait_for_url(re.compile("^chrome-error:"))


def out_of_history(page: Page, canary: str, nowhere: Callable[..., None]) -> None:
    """Leave by Done, then go back, forward and reload, and log out."""
    page.get_by_role("button", name="Done").click()
    page.get_by_role("heading", name="Canary Active").wait_for()
    nowhere(page, canary)
    for step in (page.go_back, page.go_back, page.go_forward, page.go_forward, page.reload):
        travel(page, step)
        nowhere(page, canary)
    for step in (page.go_back, page.reload, page.go_forward):
        travel(page, step)
        nowhere(page, canary)
    page.goto("/dashboard/acme/tokens")
    page.locator("summary", has_text="alice@example.org").click()
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Log out").wait_for(state="detached")
    nowhere(page, canary)
    for step in (page.go_back, page.go_back, page.reload):
        travel(page, step)
        nowhere(page, canary)
    assert AccessToken.objects.count() == 1


@pytest.fixture
def expects_resubmission(watch: Any) -> Any:
    """Chromium itself reports the page that it would have to send again; nothing else passes."""
    yield
    watch.problems[:] = [text for text in watch.problems if "ERR_CACHE_MISS" not in text]


@pytest.mark.usefixtures("expects_resubmission")
def test_after_copying_and_leaving_the_secret_is_nowhere(context, log_in, alice, acme, nowhere):
    log_in(context, alice)
    page = context.new_page()
    canary = generate(page)
    nowhere(page, canary, shown=True)
    page.get_by_role("button", name="Copy the secret key").click()
    page.locator("#status", has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == canary
    nowhere(page, canary, shown=True)
    out_of_history(page, canary, nowhere)


@pytest.mark.usefixtures("expects_resubmission")
def test_after_downloading_and_leaving_the_secret_is_nowhere(context, log_in, alice, acme, nowhere):
    log_in(context, alice)
    page = context.new_page()
    canary = generate(page)
    with page.expect_download():
        page.get_by_role("link", name="Download .env").click()
    nowhere(page, canary, shown=True)
    out_of_history(page, canary, nowhere)


@pytest.mark.usefixtures("expects_resubmission")
def test_without_scripts_the_secret_is_nowhere_after_leaving(
    without_scripts: BrowserContext, log_in, alice, acme, nowhere
):
    log_in(without_scripts, alice)
    page = without_scripts.new_page()
    canary = generate(page)
    with page.expect_download():
        page.get_by_role("link", name="Download .env").click()
    nowhere(page, canary, shown=True)
    page.get_by_label("I have stored the secret").check()
    out_of_history(page, canary, nowhere)


@pytest.mark.usefixtures("expects_resubmission")
def test_reloading_the_page_that_shows_it_sends_the_form_again_and_shows_it_no_more(
    context, log_in, alice, acme, nowhere
):
    log_in(context, alice)
    page = context.new_page()
    canary = generate(page)
    page.get_by_label("I have stored the secret").check()
    page.reload()
    page.get_by_role("heading", name="This form was sent before").wait_for()
    nowhere(page, canary)
    page.get_by_role("link", name="Open Canary").click()
    page.get_by_role("heading", name="Canary Active").wait_for()
    nowhere(page, canary)
    assert AccessToken.objects.count() == 1


def test_leaving_before_it_is_stored_asks_first(context, log_in, alice, acme):
    log_in(context, alice)
    page = context.new_page()
    generate(page)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.get_by_label("I have stored the secret").focus()
    page.keyboard.press("Tab")
    page.goto("/dashboard/acme/tokens")
    assert asked == ["beforeunload"]
