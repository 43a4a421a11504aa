"""What people do in a host, whatever its user model and its log-ins are.

Plain functions of a ``visit.Visit``, as those of ``tour``; a host may leave some out.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable

from tests.hosts.texts import blocks
from tests.hosts.visit import PASSWORD, Visit, same

PAGES = ("docs/log-ins.md", "docs/request-user.md")


def recipe(name: str) -> str:
    """Return the Python that the documentation puts into a file of that name."""
    return "\n".join(text for page in PAGES for file, text in blocks(page) if file == name)


def but(*left_out: str) -> Callable[[Visit], None]:
    """Return all of the steps but those of these names, one after the other."""

    def run(visit: Visit) -> None:
        sign_up(visit, refused="sign_up" in left_out)
        steps = (pages, api, personal_token, commands, service_account, log_in, admin, removal)
        for step in steps:
            if step.__name__ not in left_out:
                step(visit)

    return run


def _refusal(act: Callable[[], object], error: type[Exception]) -> str:
    try:
        act()
    except error as refused:
        return str(refused)
    raise AssertionError("it was not refused")


def pages(visit: Visit) -> None:
    """The pages that list and name people."""
    alice, bob = visit.client(visit.alice), visit.client(visit.bob)
    for page in ("members", "members/invite", "audit", "settings"):
        response = alice.get(f"/dashboard/acme/{page}")
        same(response.status_code, 200, f"{page}: {response.content[-800:]!r}")
    response = bob.get("/dashboard/acme")
    same(response.status_code, 200, f"bob's home: {response.content[-800:]!r}")
    assert str(visit.alice) in response.content.decode(), "it does not say who the admins are"
    same(visit.client(visit.charlie).get("/dashboard/acme/members").status_code, 404, "charlie")


def sign_up(visit: Visit, *, refused: bool = False) -> None:
    """Who is invited makes an account, where an address and a password are all that it needs."""
    from django.core import mail

    from apikeys.services import accounts

    mail.outbox.clear()
    address = "erin@example.org"
    form = {"email": address, "role": "member"}
    response = visit.client(visit.alice).post("/dashboard/acme/members/invite", form)
    same(response.status_code, 302, repr(response.content[-800:]))
    link = re.search(r"http://testserver(/dashboard/invitations/\S+)", mail.outbox[0].body)
    assert link, mail.outbox[0].body
    erin = visit.client()
    page = erin.get(link[1])
    same(page.status_code, 200, repr(page.content[-800:]))
    if not accounts.can_be_made():
        assert "Log in as erin@example.org" in page.content.decode()
        return
    form = {"password": PASSWORD, "again": PASSWORD}
    response = erin.post(link[1], form)
    if refused:
        assert "need more than an address" in response.content.decode() or (
            "phone: This field cannot be blank." in response.content.decode()
        ), repr(response.content[-1500:])
        same(erin.get("/dashboard/acme").status_code, 302, "nobody was logged in")
        return
    said = response.content.decode().partition("form-errors")[2].strip()[:300]
    same((response.status_code, response.headers.get("Location")), (302, "/dashboard/acme"), said)
    same(erin.get("/dashboard/acme").status_code, 200, "the newcomer's home")
    member = visit.acme.memberships.select_related("user").latest("created_at")
    assert accounts.has_address(member.user, address), member


def api(visit: Visit) -> None:
    """People are listed, found by their log-in name, added and removed by the REST API."""
    from apikeys.services.actors import Actor
    from apikeys.services.members import add_member

    alice = visit.client(visit.alice)
    members = "/access/v1/organizations/acme/members"
    listed = alice.get(members).json()["results"]
    names = {row["user"] for row in listed}
    assert {str(visit.alice.get_username()), str(visit.bob.get_username())} <= names, listed
    same(visit.client(visit.bob).get(members).status_code, 403, "bob's look at the list")
    unknown = alice.post(members, {"user": "nobody at all"}, content_type="application/json")
    same((unknown.status_code, unknown.json()["error"]), (400, "user.unknown"), "a stranger")
    # alice manages Globex too, so she knows who is in it.
    charlie = Actor.person(visit.charlie)
    add_member(actor=charlie, organization=visit.globex, user=visit.alice, role="admin")
    body = {"user": str(visit.charlie.get_username()), "role": "member"}
    added = alice.post(members, body, content_type="application/json")
    same((added.status_code, added.json().get("role")), (201, "member"), f"{added.content!r}")
    ended = alice.delete(f"{members}/{added.json()['public_id']}")
    same(ended.status_code, 204, repr(ended.content))


def personal_token(visit: Visit) -> None:
    """A token of a person's own, made by the command."""
    from django.core.management import call_command

    out = io.StringIO()
    arguments = ("--workspace", "acme/development", "--name", "Bob's", "--scope", "notes:read")
    owner = ("--kind", "personal", "--owner", str(visit.bob.get_username()), "--json")
    call_command("create_token", *arguments, *owner, stdout=out)
    made = json.loads(out.getvalue())
    same(visit.get("/notes", made["api_key"]).status_code, 200, "bob's own key")
    page = visit.client(visit.alice).get(f"/dashboard/acme/tokens/{made['token_id']}")
    same(page.status_code, 200, repr(page.content[-800:]))
    assert str(visit.bob.get_username()) in page.content.decode()


def commands(visit: Visit) -> None:
    """Commands that name people; and a saved person, whom signals look at."""
    from django.core.management import CommandError, call_command

    visit.bob.save()
    name = str(visit.bob.get_username())
    call_command("create_organization", "Initech", "--admin", name, stdout=io.StringIO())
    call_command("grant_admin", "globex", name, stdout=io.StringIO())
    same(
        sorted(visit.bob.apikeys_memberships.values_list("organization__slug", "role")),
        [("acme", "member"), ("globex", "admin"), ("initech", "admin")],
        "bob's memberships",
    )
    unknown = _refusal(lambda: call_command("grant_admin", "globex", "nobody"), CommandError)
    same(unknown, "There is no user 'nobody'.", "an unknown name")


def service_account(visit: Visit) -> None:
    """A row stands for a workspace, or a check says what it lacks."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import override_settings

    from apikeys.models import AccessToken, Workspace
    from apikeys.principals import user_of
    from apikeys.services import service_accounts

    said = {**settings.APIKEYS, "AUTOMATION_USER": "apikeys.principals.service_account"}
    with override_settings(APIKEYS=said):
        found = visit.check()
        if service_accounts.problems():
            assert "apikeys.E080" in found, found
            return
        assert "apikeys.E080" not in found, visit.messages
        issued = visit.issue("notes:read")
        same(visit.get("/notes", issued.api_key).status_code, 200, "a key of a service account")
        account = user_of(AccessToken.objects.get(pk=issued.token.pk))
    same(Workspace.objects.get(pk=visit.workspace.pk).service_account, account, "the account")
    assert isinstance(account, get_user_model())
    if account.password is not None:
        same(account.has_usable_password(), False, "a password")


def log_in(visit: Visit) -> None:
    """An admin who is no staff logs in and out on the pages' own."""
    erin = visit.client()
    start = erin.get("/dashboard/acme/tokens")
    assert start.headers["Location"].startswith("/dashboard/log-in?next="), start.headers
    form = {"username": str(visit.alice.get_username()), "password": "wrong"}
    same(erin.post(start.headers["Location"], form).status_code, 200, "a wrong password")
    response = erin.post(start.headers["Location"], {**form, "password": PASSWORD})
    same(
        (response.status_code, response.headers.get("Location")),
        (302, "/dashboard/acme/tokens"),
        f"log-in {response.content[-900:]!r}",
    )
    page = erin.get("/dashboard/acme/tokens")
    same(page.status_code, 200, "the page")
    assert 'action="/dashboard/log-out"' in page.content.decode()
    same(erin.post("/dashboard/log-out").headers.get("Location"), "/dashboard/log-in", "log-out")
    same(erin.get("/dashboard/acme/tokens").status_code, 302, "after log-out")


def admin(visit: Visit) -> None:
    """Tokens and memberships in Django's admin, where the user model works with it."""
    if not hasattr(visit.alice, "is_staff") or not hasattr(visit.alice, "has_module_perms"):
        return
    client = visit.client(visit.superuser())
    for page in ("accesstoken/?q=key", "membership/", "workspace/", "invitation/"):
        response = client.get(f"/admin/apikeys/{page}")
        same(response.status_code, 200, f"{page}: {response.content[-800:]!r}")


def removal(visit: Visit) -> None:
    """People leave an organization, and the site, but for its last admin."""
    from django.core.management import call_command

    from apikeys.models import AccessToken, AuditEvent, Membership
    from apikeys.models.admins import LastAdminError

    alice = visit.client(visit.alice)
    bob = Membership.objects.get(user=visit.bob, organization=visit.acme)
    response = alice.post(f"/dashboard/acme/members/{bob.public_id}/remove")
    same(response.status_code, 302, repr(response.content[-800:]))
    assert all(token.revoked_at for token in AccessToken.objects.filter(owner=visit.bob))
    page = alice.get("/dashboard/acme/audit")
    same(page.status_code, 200, "the audit log")
    assert AuditEvent.objects.filter(action="member.removed").exists()
    assert "grant_admin initech" in _refusal(visit.bob.delete, LastAdminError)
    call_command("grant_admin", "initech", str(visit.alice.get_username()), stdout=io.StringIO())
    gone = visit.bob.pk
    visit.bob.delete()
    same(Membership.objects.filter(user=gone).count(), 0, "what is left of bob")
