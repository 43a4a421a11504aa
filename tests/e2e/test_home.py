"""The way into the dashboard, as a person sees it."""

from __future__ import annotations

import pytest


@pytest.fixture
def initech(alice, actor):
    """A second organization of alice's."""
    from apikeys.services.organizations import create_organization

    return create_organization(actor=actor, name="Initech Media Services", admin=alice)


def test_somebody_in_two_organizations_chooses_one_and_switches(
    page, context, log_in, alice, acme, initech, assert_accessible
):
    log_in(context, alice)
    page.goto("/dashboard/")
    assert page.get_by_role("heading", level=1).inner_text() == "Your organizations"
    assert_accessible(page)
    page.get_by_role("link", name="Acme").click()
    assert "/dashboard/acme" in page.url
    page.locator("summary", has_text="Organization: ").click()
    page.get_by_role("link", name="Initech Media Services").click()
    assert "/dashboard/initech-media-services" in page.url


def test_a_members_start_page_says_who_the_admins_are(
    page, context, log_in, bob, acme, assert_accessible
):
    log_in(context, bob)
    page.goto("/dashboard/")
    assert page.url.endswith("/dashboard/acme")
    assert page.get_by_role("listitem").get_by_text("alice@example.org").is_visible()
    assert page.get_by_text("Org settings").count() == 0
    assert_accessible(page)


def test_the_keyboard_reaches_the_content_first_and_closes_menus(page, context, log_in, bob, acme):
    log_in(context, bob)
    page.goto("/dashboard/acme")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    menu = page.locator("details.menu").first
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    assert menu.get_attribute("open") is not None
    page.keyboard.press("Escape")
    assert menu.get_attribute("open") is None


def test_the_start_page_works_without_javascript(without_scripts, log_in, bob, acme):
    log_in(without_scripts, bob)
    page = without_scripts.new_page()
    page.goto("/dashboard/acme")
    page.locator("summary", has_text="You: ").click()
    page.get_by_role("button", name="Log out").click()
    page.goto("/dashboard/acme")
    assert "/accounts/login/" in page.url


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_on_a_phone_the_sections_are_a_menu(new_context, log_in, alice, acme, scripts):
    context = new_context(java_script_enabled=scripts)
    log_in(context, alice)
    page = context.new_page()
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto("/dashboard/acme/members")
    link = page.get_by_role("navigation", name="Org settings").get_by_role("link", name="Policy")
    assert not link.is_visible()
    page.locator("nav summary", has_text="Org settings").click()
    link.click()
    page.wait_for_url("**/dashboard/acme/settings")


def test_open_menus_are_accessible(page, context, log_in, alice, acme, assert_accessible):
    log_in(context, alice)
    page.goto("/dashboard/acme/members")
    for summary in page.locator("summary").all():
        summary.evaluate("summary => { summary.parentElement.open = true }")
    assert_accessible(page)


def test_choosing_a_workspace_narrows_the_page_and_goes_back_with_back(
    page, context, log_in, alice, acme
):
    log_in(context, alice)
    page.goto("/dashboard/acme/usage")
    page.locator("summary", has_text="Workspace: ").click()
    page.locator(".menu").get_by_role("link", name="Production").click()
    page.wait_for_url("**/dashboard/acme/usage?workspace=production")
    assert "Production" in page.locator("summary", has_text="Workspace: ").inner_text()
    page.go_back()
    assert "All workspaces" in page.locator("summary", has_text="Workspace: ").inner_text()
