"""The documentation in a browser: the index, and Swagger UI under the policy."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.project


def test_the_index_is_accessible_and_leads_to_a_page_that_can_be_tried(
    page, issue, assert_accessible
):
    issued = issue()
    page.set_default_timeout(60_000)  # Swagger UI is large, and takes its time on a busy machine
    page.goto("/access/v1/docs")
    assert page.get_by_role("heading", level=1).inner_text() == "API docs"
    assert_accessible(page)
    page.get_by_role("link", name="Try Access tokens").click()
    page.locator("#operations-token-token_read").wait_for()
    page.get_by_role("button", name="Authorize").click()
    dialog = page.locator(".dialog-ux")
    scheme = dialog.locator(".auth-container", has_text="defaultX-API-Key")
    scheme.locator("input").fill(issued.api_key)
    scheme.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close").first.click()
    page.locator("#operations-token-token_read .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".live-responses-table")
    answer.get_by_text(issued.token.token_id).first.wait_for()
    stored = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert issued.secret not in stored


def test_every_document_is_shown(page):
    page.set_default_timeout(60_000)
    for name in ("default", "tools-fast", "freefiletools", "fastpix", "fastcms", "fastly"):
        page.goto(f"/access/v1/docs/{name}")
        page.locator(".opblock").first.wait_for()


def test_the_index_needs_no_javascript(without_scripts):
    page = without_scripts.new_page()
    page.goto("/access/v1/docs")
    assert page.get_by_role("cell", name="/convert/conversions", exact=True).is_visible()
