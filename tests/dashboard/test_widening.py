"""What a session with an old password check may change on pages: what widens nothing.

Every page that takes a POST stands in the table with its class. A new one without fails.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from apikeys import reauthentication
from apikeys.models import AuditEvent, Membership, Organization, Workspace
from apikeys.services.members import add_member
from apikeys.services.tokens import disable_token
from tests.support.widening import DESK, HOME, patterns

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"

# Pages that take a POST. "asks": always; "free": never; "by effect": when it widens.
PAGES = {
    "confirm": "free",
    "settings": "by effect",
    "settings-name": "free",
    "settings-limits": "by effect",
    "workspace-new": "asks",
    "workspace-rename": "free",
    "workspace-archive": "asks",
    "token-new": "asks",
    "token-edit": "by effect",
    "token-rotate": "asks",
    "token-revoke": "free",
    "tokens-revoke": "asks",
    "token-disable": "free",
    "token-enable": "by effect",
    "token-end-overlap": "free",
    "member-role": "asks",
    "member-remove": "asks",
    "member-invite": "asks",
    "member-add": "asks",
    "leave": "asks",
    "invitation-resend": "asks",
    "invitation-withdraw": "free",
    # Who holds the link reads the mailbox; it is good for one organization that asked for them.
    "invitation": "free",
    # A log-in is a check of the password itself.
    "log-in": "free",
    "log-out": "free",
}
READING = {
    "home",
    "api-keys",
    "organization",
    "tokens",
    "token",
    "workspaces",
    "members",
    "usage",
    "usage-csv",
    "audit",
    "audit-csv",
    "audit-jsonl",
}


@pytest.fixture
def old_page(client: Any, alice: Any, acme: Any) -> Any:
    """The same on pages."""
    client.force_login(alice)
    return _age(client)


def _age(client: Any) -> Any:
    session = client.session
    session[reauthentication.SESSION_KEY] = 1.0
    session.save()
    return client


def test_every_page_that_takes_a_post_has_a_class(
    client: Any, alice: Any, acme: Any, issue: Any
) -> None:
    names = {pattern.name for pattern in patterns("apikeys_dashboard")}
    assert names == set(PAGES) | READING
    client.force_login(alice)
    slugs = {"organization": "acme", "token_id": issue().token.token_id}
    for pattern in patterns("apikeys_dashboard"):
        if pattern.name in READING:
            wanted = re.findall(r"<(?:\w+:)?(\w+)>", str(pattern.pattern))
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
            response = client.post(f"/dashboard/{path}".format(**{k: slugs[k] for k in wanted}))
            assert response.status_code == 405, pattern.name


@pytest.mark.parametrize("name", [n for n, kind in PAGES.items() if kind == "asks"])
def test_a_page_that_always_asks_makes_nothing_in_an_old_session(
    name: str, old_page: Any, things: Any, alice: Any, bob: Any, actor: Any, globex: Any, acme: Any
) -> None:
    # Somebody to add, and another admin, so that alice may leave.
    add_member(actor=actor, organization=globex, user=alice, role="admin")
    Membership.objects.filter(user=bob, organization=acme).update(role="admin")
    values = {
        "organization": "acme",
        "workspace": "production",
        "token_id": things["token"],
        "public_id": things["invitation" if "invitation" in name else "member"],
    }
    pattern = next(each for each in patterns("apikeys_dashboard") if each.name == name)
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], str(pattern.pattern))
    events = AuditEvent.objects.count()
    response = old_page.post(f"/dashboard/{path}", {"token_ids": things["token"]})
    assert response.status_code == 200
    assert 'name="password"' in response.content.decode()
    assert AuditEvent.objects.count() == events


def test_the_policy_page_comes_back_filled_with_a_field_for_the_password(
    old_page: Any, acme: Any
) -> None:
    Organization.objects.update(allowed_networks=[HOME], max_lifetime_days=30)
    wide = {"max_lifetime_days": "60", "allowed_networks": "", "off_list": ""}
    asked = old_page.post("/dashboard/acme/settings", wide)
    form = asked.context["form"]
    assert asked.status_code == 200
    assert list(form.errors) == ["password"]
    assert form["max_lifetime_days"].value() == "60"
    assert 'type="password" name="password"' in asked.content.decode()
    acme.refresh_from_db()
    assert (acme.allowed_networks, acme.max_lifetime_days) == ([HOME], 30)
    wrong = old_page.post("/dashboard/acme/settings", {**wide, "password": "no 31337"})
    assert list(wrong.context["form"].errors) == ["password"]
    assert "31337" not in wrong.content.decode()
    acme.refresh_from_db()
    assert acme.allowed_networks == [HOME]
    saved = old_page.post("/dashboard/acme/settings", {**wide, "password": PASSWORD})
    assert saved.status_code == 302
    acme.refresh_from_db()
    assert (acme.allowed_networks, acme.max_lifetime_days) == ([], 60)


def test_the_policy_page_narrows_without_a_password(old_page: Any, acme: Any) -> None:
    Organization.objects.update(allowed_networks=["127.0.0.0/8"], max_lifetime_days=30)
    narrow = {"max_lifetime_days": "29", "allowed_networks": "127.0.0.1"}
    assert old_page.post("/dashboard/acme/settings", narrow).status_code == 302
    assert old_page.post("/dashboard/acme/settings/name", {"name": "Other"}).status_code == 302
    acme.refresh_from_db()
    assert (acme.allowed_networks, acme.max_lifetime_days, acme.name) == (
        ["127.0.0.1/32"],
        29,
        "Other",
    )


def test_the_page_of_limits_asks_where_a_rate_is_raised(
    old_page: Any, acme: Any, alice: Any
) -> None:
    alice.is_staff = True
    alice.save()
    Organization.objects.update(limits={"read-token": "60/minute", "password": "5/minute"})
    raised = {"rate-read-token": "61/minute", "rate-password": "5/minute"}
    asked = old_page.post("/dashboard/acme/settings/limits", raised)
    form = asked.context["limits_form"]
    assert list(form.errors) == ["/password"]
    assert form["read-token"].value() == "61/minute"
    saved = old_page.post("/dashboard/acme/settings/limits", {**raised, "password": PASSWORD})
    assert saved.status_code == 302
    acme.refresh_from_db()
    assert acme.limits == {"read-token": "61/minute", "password": "5/minute"}
    _age(old_page)
    lowered = {"rate-read-token": "9/minute", "rate-password": "5/minute"}
    assert old_page.post("/dashboard/acme/settings/limits", lowered).status_code == 302


def test_the_page_of_a_token_asks_where_its_networks_widen(old_page: Any, issue: Any) -> None:
    token = issue(allowed_networks=[HOME], name="Fenced").token
    url = f"/dashboard/acme/tokens/{token.token_id}/edit"
    seen = old_page.get(url).context["form"].version
    body = {
        "name": "Fenced no more",
        "description": "",
        "scopes": ["notes:read"],
        "expires_at": "",
        "allowed_networks": "",
        "seen": seen,
    }
    asked = old_page.post(url, body)
    assert asked.status_code == 200
    assert list(asked.context["form"].errors) == ["password"]
    assert asked.context["form"]["name"].value() == "Fenced no more"
    token.refresh_from_db()
    assert (token.name, token.allowed_networks) == ("Fenced", [HOME])
    narrowed = old_page.post(url, {**body, "allowed_networks": DESK})
    assert narrowed.status_code == 302
    token.refresh_from_db()
    assert token.allowed_networks == [DESK]
    seen = old_page.get(url).context["form"].version
    widened = old_page.post(url, {**body, "seen": seen, "password": PASSWORD})
    assert widened.status_code == 302
    token.refresh_from_db()
    assert token.allowed_networks == []


def test_the_button_that_enables_a_token_asks_on_a_page_of_its_own(
    old_page: Any, issue: Any, actor: Any
) -> None:
    token = issue(name="Paused").token
    url = f"/dashboard/acme/tokens/{token.token_id}/enable"
    disable_token(actor=actor, token=token)
    asked = old_page.post(url)
    assert asked.status_code == 200
    assert "Enable Paused" in asked.content.decode()
    assert list(asked.context["form"].errors) == ["password"]
    token.refresh_from_db()
    assert token.disabled_at is not None
    assert old_page.post(url, {"password": "wrong"}).status_code == 200
    token.refresh_from_db()
    assert token.disabled_at is not None
    done = old_page.post(url, {"password": PASSWORD})
    assert (done.status_code, done["Location"]) == (302, f"/dashboard/acme/tokens/{token.token_id}")
    token.refresh_from_db()
    assert token.disabled_at is None
    _age(old_page)
    disabled = old_page.post(f"/dashboard/acme/tokens/{token.token_id}/disable")
    assert disabled.status_code == 302
    token.refresh_from_db()
    assert token.disabled_at is not None


def test_the_button_that_sends_an_invitation_again_asks_on_a_page_of_its_own(
    old_page: Any, things: Any, mailoutbox: Any, django_capture_on_commit_callbacks: Any
) -> None:
    url = f"/dashboard/acme/invitations/{things['invitation']}/resend"
    asked = old_page.post(url)
    assert asked.status_code == 200
    assert "erin@example.org" in asked.content.decode()
    assert list(asked.context["form"].errors) == ["password"]
    assert AuditEvent.objects.filter(action="invitation.resent").count() == 0
    with django_capture_on_commit_callbacks(execute=True):
        assert old_page.post(url, {"password": PASSWORD}).status_code == 302
    assert AuditEvent.objects.filter(action="invitation.resent").count() == 1


def test_a_workspace_is_added_after_the_password(old_page: Any, acme: Any) -> None:
    url = "/dashboard/acme/workspaces/new"
    assert old_page.get(url)["Location"].startswith("/dashboard/confirm?next=")
    body = {"name": "Staging", "environment": "staging", "dialect": "default"}
    asked = old_page.post(url, body)
    assert (asked.status_code, list(asked.context["form"].errors)) == (200, ["password"])
    assert not Workspace.objects.filter(slug="staging").exists()
    assert old_page.post(url, {**body, "password": PASSWORD}).status_code == 302
    assert Workspace.objects.filter(slug="staging").exists()


def test_a_password_that_nobody_asked_for_is_not_looked_at(old_page: Any, acme: Any) -> None:
    old_page.post("/dashboard/acme/settings/name", {"name": "Other", "password": PASSWORD})
    assert not reauthentication.is_recent(old_page.get("/dashboard/acme/settings").wsgi_request)


def test_attempts_that_have_run_out_are_told_on_the_page_that_asked(
    old_page: Any, acme: Any, settings: Any, limits_in_memory: Any
) -> None:
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS": {"log_in": "1/minute"}}
    Organization.objects.update(max_lifetime_days=30)
    wide = {"max_lifetime_days": "", "allowed_networks": "", "password": "wrong"}
    assert old_page.post("/dashboard/acme/settings", wide).status_code == 200
    limited = old_page.post("/dashboard/acme/settings", {**wide, "password": PASSWORD})
    assert limited.status_code == 429
    assert 1 <= int(limited["Retry-After"]) <= 60
    acme.refresh_from_db()
    assert acme.max_lifetime_days == 30
