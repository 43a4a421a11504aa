"""People and workspaces in a browser: joining through a link, removals, the policy."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from apikeys.models import AccessToken, Invitation, Membership, Workspace
from apikeys.models.tokens import Kind
from apikeys.services.actors import Actor
from apikeys.services.members import add_member
from apikeys.services.organizations import create_organization
from apikeys.services.workspaces import create_workspace

PASSWORD = "another horse, another battery"


def link_in(message) -> str:
    found = re.search(r"https?://\S+/invitations/\S+", message.body)
    assert found is not None
    return found[0]


def invite(page, email: str, role: str = "Member") -> str:
    """Invite as the page's admin; return the address in the mail."""
    page.goto("/dashboard/acme/members")
    page.get_by_role("link", name="Add member").click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("radio", name=re.compile(f"^{role}:")).first.check()
    page.get_by_role("button", name="Send invitation").click()
    page.get_by_text(f"An invitation is on its way to {email}.").wait_for()
    return link_in(mail.outbox[-1])


def test_somebody_new_joins_through_the_link_and_sees_the_start_page(
    page, context, new_context, log_in, alice, acme, assert_accessible
):
    log_in(context, alice)
    link = invite(page, "dave@example.org")
    assert_accessible(page)
    theirs = new_context().new_page()
    theirs.goto(link)
    assert theirs.get_by_role("heading", level=1).inner_text() == "Join Acme"
    assert_accessible(theirs)
    theirs.get_by_label("Password", exact=True).fill("short")
    theirs.get_by_label("The same password again").fill("short")
    theirs.get_by_role("button", name="Create account and join").click()
    theirs.get_by_text("Please check what you entered").wait_for()
    assert_accessible(theirs)
    theirs.get_by_label("Password", exact=True).fill(PASSWORD)
    theirs.get_by_label("The same password again").fill(PASSWORD)
    theirs.get_by_role("button", name="Create account and join").click()
    theirs.wait_for_url("**/dashboard/acme")
    assert theirs.get_by_text("You are in Acme now.").is_visible()
    assert theirs.get_by_role("listitem").get_by_text("alice@example.org").is_visible()
    assert theirs.get_by_text("Org settings").count() == 0
    assert Membership.objects.get(user__email="dave@example.org").role == "member"
    # They log in with what they chose.
    theirs.context.clear_cookies()
    theirs.goto("/accounts/login/?next=/dashboard/acme")
    theirs.locator("[name=username]").fill("dave@example.org")
    theirs.locator("[name=password]").fill(PASSWORD)
    theirs.get_by_role("button", name="Log in").click()
    theirs.wait_for_url("**/dashboard/acme")
    # A second time the link only says that it was used.
    theirs.goto(link)
    assert theirs.get_by_role("heading", level=1).inner_text() == "This invitation was used"
    assert_accessible(theirs)


def test_somebody_with_an_account_joins_without_javascript(
    page, context, without_scripts, log_in, alice, acme, make_user
):
    make_user("dave@example.org", PASSWORD)
    log_in(context, alice)
    link = invite(page, "dave@example.org", "Admin")
    theirs = without_scripts.new_page()
    theirs.goto(link)
    theirs.get_by_role("main").get_by_role("link", name="Log in").click()
    theirs.locator("[name=username]").fill("dave@example.org")
    theirs.locator("[name=password]").fill(PASSWORD)
    theirs.get_by_role("main").get_by_role("button", name="Log in").click()
    theirs.get_by_role("button", name="Accept invitation").click()
    theirs.wait_for_url("**/dashboard/acme/tokens")
    assert Membership.objects.get(user__email="dave@example.org").is_admin


def test_an_invitation_for_another_address_says_so(
    page, context, log_in, alice, acme, new_context, make_user, assert_accessible
):
    log_in(context, alice)
    link = invite(page, "dave@example.org")
    other = new_context()
    log_in(other, make_user("eve@example.org"))
    theirs = other.new_page()
    theirs.goto(link)
    assert theirs.get_by_text("you are logged in as eve@example.org").is_visible()
    assert_accessible(theirs)
    theirs.goto(link[:-1])
    assert theirs.get_by_role("heading", level=1).inner_text() == "This link does not work"
    assert_accessible(theirs)


@pytest.fixture
def leaving(acme, bob, issue, alice, actor):
    """Bob with two personal tokens, an automation token and an open invitation."""
    for name in ("Laptop", "Phone"):
        issue(name=name, kind=Kind.PERSONAL, owner=bob)
    Membership.objects.filter(user=bob).update(role="admin")
    issue(name="Nightly export", actor=Actor.person(bob))
    Invitation.objects.create(
        organization=acme,
        email="friend@example.org",
        invited_by=bob,
        expires_at=timezone.now() + timedelta(days=7),
    )
    return Membership.objects.get(organization=acme, user=bob)


def test_a_removal_shows_what_ends_and_does_it(
    page, context, log_in, alice, acme, leaving, assert_accessible
):
    log_in(context, alice)
    page.goto("/dashboard/acme/members")
    assert_accessible(page)
    page.get_by_role("link", name="Remove bob@example.org").click()
    for text in ("Laptop", "Phone", "friend@example.org"):
        assert page.get_by_text(text).is_visible()
    assert page.get_by_text("1 automation token made by this person keeps working").is_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Remove member").click()
    page.get_by_text("bob@example.org was removed.").wait_for()
    live = AccessToken.objects.live().values_list("name", flat=True)
    assert list(live) == ["Nightly export"]
    page.goto("/dashboard/acme/members")
    assert page.get_by_text("Last admin: make somebody else an admin first.").is_visible()
    assert page.get_by_role("button", name="Leave").is_disabled()
    assert_accessible(page)


def test_a_role_is_changed_by_keyboard(page, context, log_in, alice, acme, bob, assert_accessible):
    log_in(context, alice)
    page.goto("/dashboard/acme/members")
    page.get_by_role("link", name="Change role of bob@example.org").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Role of bob@example.org").wait_for()
    assert_accessible(page)
    page.get_by_role("radio", name=re.compile("^Member:")).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("bob@example.org is an admin now.").wait_for()
    assert Membership.objects.get(user=bob).is_admin


def test_the_last_admin_reads_why_nothing_can_be_done(
    page, context, log_in, alice, acme, assert_accessible
):
    log_in(context, alice)
    person = Membership.objects.get(user=alice)
    for path in (f"members/{person.public_id}/role", "leave"):
        page.goto(f"/dashboard/acme/{path}")
        assert page.get_by_text("You are the last admin who can log in.").is_visible()
        assert page.locator("form .actions button").is_disabled()
        assert_accessible(page)


def test_a_workspace_is_created_and_archived_once_its_name_is_typed(
    page, context, log_in, alice, acme, issue, assert_accessible
):
    issue(name="Nightly export")
    log_in(context, alice)
    page.goto("/dashboard/acme/workspaces")
    assert_accessible(page)
    page.get_by_role("link", name="New workspace").click()
    assert_accessible(page)
    page.get_by_label("Name").fill("Staging EU")
    page.get_by_role("radio", name="Staging").check()
    page.get_by_role("button", name="Create workspace").click()
    page.get_by_text("Workspace Staging EU was created.").wait_for()
    page.get_by_role("link", name="Rename Staging EU").click()
    assert_accessible(page)
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name="Archive Production").click()
    assert page.get_by_text("Nightly export").is_visible()
    button = page.get_by_role("button", name="Archive workspace")
    assert button.is_disabled()
    assert_accessible(page)
    page.get_by_label("Type the workspace's name to confirm").fill("Production")
    button.click()
    page.get_by_text("Workspace Production is archived.").wait_for()
    assert Workspace.objects.get(slug="production").archived_at is not None
    page.get_by_text("1 archived workspace").click()
    assert_accessible(page)


def test_the_policy_warns_of_the_own_address(page, context, log_in, alice, acme, assert_accessible):
    acme.limits = {"read-token": "60/minute"}
    acme.save()
    log_in(context, alice)
    page.goto("/dashboard/acme/settings")
    assert_accessible(page)
    page.get_by_label("Allowed networks for all tokens").fill("203.0.113.7/24")
    page.get_by_role("button", name="Save policy").click()
    page.get_by_text("is not on this list").first.wait_for()
    assert_accessible(page)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Save policy").click()
    page.get_by_text("The policy was saved.").wait_for()
    assert page.get_by_text("203.0.113.7/24 was saved as 203.0.113.0/24.").is_visible()
    acme.refresh_from_db()
    assert acme.allowed_networks == ["203.0.113.0/24", "127.0.0.1/32"]
    assert_accessible(page)


def test_people_known_from_elsewhere_are_offered(
    page, context, log_in, alice, acme, make_user, actor, assert_accessible
):
    labs = create_organization(actor=actor, name="Labs", slug="labs", admin=alice)
    create_workspace(
        actor=actor, organization=labs, name="Extra", environment="staging", dialect="default"
    )
    add_member(actor=actor, organization=labs, user=make_user("known@example.org"))
    log_in(context, alice)
    page.goto("/dashboard/acme/members/invite")
    assert_accessible(page)
    page.get_by_label("Person").select_option(index=1)
    page.get_by_role("button", name="Add person").click()
    page.get_by_text("known@example.org was added.").wait_for()
