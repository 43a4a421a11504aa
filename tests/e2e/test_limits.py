"""The organization's own rates in a browser: who changes them, who reads them."""

from __future__ import annotations

from apikeys.models import Organization


def test_the_operator_s_people_mend_a_bad_rate_and_others_read_it(
    page, context, new_context, log_in, alice, bob, acme, assert_accessible
):
    acme.memberships.filter(user=bob).update(role="admin")
    alice.is_staff = True
    alice.save()
    log_in(context, alice)
    page.goto("/dashboard/acme/settings")
    assert_accessible(page)
    page.get_by_label("read-token").fill("often")
    page.get_by_role("button", name="Save limits").click()
    page.get_by_role("link", name="read-token").click()
    assert page.evaluate("document.activeElement.name") == "rate-read-token"
    assert_accessible(page)
    page.get_by_label("read-token").fill("7/minute")
    page.get_by_role("button", name="Save limits").click()
    page.get_by_text("The limits were saved.").wait_for()
    assert Organization.objects.get().limits == {"read-token": "7/minute"}
    theirs = new_context()
    log_in(theirs, bob)
    other = theirs.new_page()
    other.goto("/dashboard/acme/settings")
    assert other.get_by_text("Only the operator of this site can change these").is_visible()
    assert other.get_by_role("cell", name="7/minute").is_visible()
    assert other.get_by_role("button", name="Save limits").count() == 0
    assert_accessible(other)
