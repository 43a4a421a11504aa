"""Sign-up, log-in, the password again, password change and error pages, as a person sees them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session

from apikeys.models import Organization
from apikeys.reauthentication import SESSION_KEY

pytestmark = pytest.mark.project

PASSWORD = "correct horse battery staple"


def sign_up(page):
    page.goto("/")
    page.locator("main").get_by_role("link", name="Sign up", exact=True).click()
    page.get_by_label("E-mail address").fill("dora@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password confirmation").fill(PASSWORD)
    page.get_by_label("Organization").fill("Initech")
    if page.get_by_role("radio").count():
        page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Sign up").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_somebody_signs_up_logs_out_and_logs_in_again(new_context, scripts):
    page = new_context(java_script_enabled=scripts).new_page()
    sign_up(page)
    page.wait_for_url("**/dashboard/initech**")
    assert Organization.objects.get().slug == "initech"
    page.locator("summary", has_text="You: ").click()
    page.get_by_role("button", name="Log out").click()
    page.locator("main").get_by_role("link", name="Log in").click()
    page.get_by_label("E-mail address").fill("DORA@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/dashboard/initech**")


def test_a_wrong_form_says_so_beside_the_field_and_leads_there(page, alice, assert_accessible):
    page.goto("/accounts/sign-up/")
    assert_accessible(page)
    page.get_by_label("E-mail address").fill("alice@example.org")
    page.get_by_label("Password", exact=True).fill("12345678")
    page.get_by_label("Password confirmation").fill("12345678")
    page.get_by_label("Organization").fill("Initech")
    if page.get_by_role("radio").count():
        page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Sign up").click()
    alert = page.get_by_role("alert")
    assert "Somebody has this e-mail address already." in alert.inner_text()
    assert page.get_by_label("E-mail address").get_attribute("aria-invalid") == "true"
    assert page.get_by_label("Organization").input_value() == "Initech"
    assert_accessible(page)
    alert.get_by_role("link", name="E-mail address").click()
    assert page.evaluate("document.activeElement.name") == "email"


def test_log_in_and_its_mistakes_are_accessible(page, alice, assert_accessible):
    page.goto("/accounts/login/")
    assert_accessible(page)
    page.get_by_label("E-mail address").fill("alice@example.org")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    assert "correct e-mail address and password" in page.get_by_role("alert").inner_text()
    assert_accessible(page)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_the_password_is_asked_for_again(
    new_context, log_in, alice, acme, scripts, assert_accessible
):
    context = new_context(java_script_enabled=scripts)
    log_in(context, alice)
    session = Session.objects.get()
    stored = session.get_decoded()
    stored[SESSION_KEY] -= timedelta(minutes=16).total_seconds()
    session.session_data = Session.objects.encode(stored)
    session.save()
    page = context.new_page()
    page.goto("/dashboard/confirm?next=/dashboard/acme")
    if scripts:
        assert_accessible(page)
    page.get_by_label("Your password").fill("wrong")
    page.get_by_role("button", name="Continue").click()
    assert "This is not your password." in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Your password").input_value() == ""
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/dashboard/acme**")


def test_a_password_is_changed(page, context, log_in, alice, acme, assert_accessible):
    log_in(context, alice)
    page.goto("/dashboard/acme")
    page.locator("summary", has_text="You: ").click()
    page.get_by_role("link", name="Change password").click()
    assert_accessible(page)
    page.get_by_label("Old password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("another good passphrase")
    page.get_by_label("New password confirmation").fill("another good passphrase")
    page.get_by_role("button", name="Change password").click()
    page.get_by_role("heading", name="Password changed").wait_for()
    assert_accessible(page)
    alice.refresh_from_db()
    assert alice.check_password("another good passphrase")


def test_error_pages_have_the_look(page, context, log_in, bob, acme, assert_accessible):
    page.goto("/nowhere")
    assert page.get_by_role("heading", level=1).inner_text() == "Not found"
    assert_accessible(page)
    log_in(context, bob)
    response = page.goto("/dashboard/acme/members")
    assert response.status == 403
    assert "alice@example.org" in page.locator("main").inner_text()
    assert_accessible(page)


def test_a_page_whose_form_has_lost_its_cookie_says_what_to_do(page, context):
    page.goto("/accounts/login/")
    context.clear_cookies()
    page.get_by_label("E-mail address").fill("alice@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    assert page.get_by_role("heading", level=1).inner_text() == "This form has expired"


def test_the_start_page_is_accessible(page, context, log_in, alice, assert_accessible):
    page.goto("/")
    assert_accessible(page)
    log_in(context, alice)
    page.goto("/")
    page.get_by_role("link", name="Open the dashboard").wait_for()
    assert_accessible(page)


def test_the_django_admin_works_under_the_pages_policy(page, context, log_in, make_user):
    log_in(context, make_user("root@example.org", is_staff=True, is_superuser=True))
    for address in ("/admin/", "/admin/accounts/user/", "/admin/accounts/user/add/"):
        assert page.goto(address).status == 200
