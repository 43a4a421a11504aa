"""The start page as a stranger reads it: the examples, their tabs, and the way to sign up."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.project


def test_the_start_page_is_accessible_in_both_themes(
    page, context, log_in, alice, acme, assert_accessible
):
    page.goto("/")
    assert page.get_by_role("heading", level=2, name="Fastly").is_visible()
    assert_accessible(page)
    log_in(context, alice)
    page.goto("/")
    page.get_by_role("link", name="Open the dashboard").wait_for()
    assert_accessible(page)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_stranger_reads_an_example_and_signs_up_for_its_api(new_context, live_server, scripts):
    page = new_context(java_script_enabled=scripts).new_page()
    page.goto("/")
    system = page.get_by_role("region", name="Tools.FAST")
    tabs = system.get_by_role("group", name="Language of “Convert a photo”")
    assert (
        f'curl -sS -X POST "{live_server.url}/convert"' in tabs.locator("pre:visible").inner_text()
    )
    tabs.get_by_text("PowerShell", exact=True).click()
    assert "Invoke-RestMethod -Method Post" in tabs.locator("pre:visible").inner_text()
    page.get_by_role("link", name="Sign up for this API (FastPix)").click()
    page.wait_for_url("**/accounts/sign-up/?api=fastpix")
    assert page.get_by_role("radio", name="FastPix").is_checked()


def test_an_example_is_copied_as_it_is_shown(page):
    page.goto("/")
    page.get_by_role("button", name="Copy “List your services” in curl").click()
    page.locator("#status", has_text="Copied").wait_for()
    shown = page.locator("#fastly pre").first.text_content()
    assert "Fastly-Key: YOUR_API_KEY" in shown
    assert page.evaluate("navigator.clipboard.readText()") == shown


def test_the_keyboard_changes_the_language(page):
    page.goto("/")
    page.locator("#fastpix-create-sh").focus()
    page.keyboard.press("ArrowRight")
    assert "fetch(" in page.locator("#fastpix pre:visible").inner_text()
