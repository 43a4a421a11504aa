"""The members pages: who may, the last admin, what a removal ends, leaving."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from apikeys.models import AccessToken, AuditEvent, Invitation, Membership, Organization
from apikeys.models.tokens import Kind
from apikeys.services.actors import Actor
from apikeys.services.members import add_member, change_role
from apikeys.services.organizations import create_organization

pytestmark = pytest.mark.django_db

MEMBERS = "/dashboard/acme/members"
LEAVE = "/dashboard/acme/leave"
PASSWORD = "correct horse battery staple"


def page_of(organization: Organization, user: Any, action: str) -> str:
    membership = Membership.objects.get(organization=organization, user=user)
    return f"{MEMBERS}/{membership.public_id}/{action}"


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


@pytest.fixture
def personal(issue: Any, bob: Any) -> Any:
    """Bob's own token in production."""
    return issue(name="Bob's laptop", kind=Kind.PERSONAL, owner=bob).token


@pytest.fixture
def second_admin(acme: Organization, bob: Any, actor: Actor) -> Any:
    """Bob, made an admin."""
    membership = Membership.objects.get(organization=acme, user=bob)
    change_role(actor=actor, membership=membership, role="admin")
    return bob


def test_the_list_shows_everybody_with_role_and_live_personal_tokens(
    client: Any, alice: Any, bob: Any, issue: Any, personal: Any
) -> None:
    issue(name="Gone", kind=Kind.PERSONAL, owner=bob)
    AccessToken.objects.filter(name="Gone").update(revoked_at=timezone.now(), revoked_by="tests")
    issue(name="Robot")
    client.force_login(alice)
    rows = client.get(MEMBERS).context["rows"]
    assert [(row.email, row.person.role, row.person.live_tokens) for row in rows] == [
        ("alice@example.org", "admin", 0),
        ("bob@example.org", "member", 1),
    ]


def test_tokens_in_another_organization_are_not_counted(
    client: Any, alice: Any, bob: Any, globex: Any, issue: Any, actor: Actor
) -> None:
    add_member(actor=actor, organization=globex, user=bob, role="member")
    issue(workspace=globex.workspaces.first(), kind=Kind.PERSONAL, owner=bob)
    client.force_login(alice)
    rows = client.get(MEMBERS).context["rows"]
    assert [row.person.live_tokens for row in rows] == [0, 0]


def test_the_list_takes_as_many_queries_for_thirty_members_as_for_two(
    client: Any, alice: Any, bob: Any, acme: Any, actor: Actor, make_user: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.force_login(alice)
    client.get(MEMBERS)
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(MEMBERS)
    for number in range(30):
        user = make_user(f"user{number}@example.org")
        add_member(actor=actor, organization=acme, user=user)
    with CaptureQueriesContext(connection) as many:
        client.get(MEMBERS)
    assert len(many) == len(few) <= 9


def test_a_long_list_has_pages(
    client: Any, alice: Any, acme: Any, actor: Actor, make_user: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("dashboard.views.members.PAGE_SIZE", 2)
    for number in range(4):
        add_member(actor=actor, organization=acme, user=make_user(f"user{number}@example.org"))
    client.force_login(alice)
    first, last = client.get(MEMBERS), client.get(f"{MEMBERS}?page=3")
    assert [row.email for row in first.context["rows"]] == [
        "alice@example.org",
        "user0@example.org",
    ]
    assert (first.context["previous"], first.context["next"]) == ("", "page=2")
    assert [row.email for row in last.context["rows"]] == ["user3@example.org"]
    assert (last.context["previous"], last.context["next"]) == ("page=2", "")


@pytest.mark.parametrize("action", ["", "role", "remove"])
def test_members_get_403_outsiders_404_strangers_the_log_in(
    action: str, client: Any, acme: Any, bob: Any, charlie: Any, alice: Any
) -> None:
    path = page_of(acme, alice, action) if action else MEMBERS
    assert client.get(path)["Location"].startswith("/accounts/login/")
    client.force_login(charlie)
    assert client.get(path).status_code == 404
    client.force_login(bob)
    response = client.get(path)
    assert response.status_code == 403
    assert "alice@example.org" in response.content.decode()
    if action:
        assert client.post(path, {"role": "member"}).status_code == 403
    assert Membership.objects.get(organization=acme, user=alice).role == "admin"


def test_a_member_of_another_organization_is_no_member_here(
    client: Any, alice: Any, acme: Any, globex: Any, charlie: Any
) -> None:
    client.force_login(alice)
    path = page_of(globex, charlie, "remove")
    assert client.get(path).status_code == 404
    assert client.post(path).status_code == 404
    assert Membership.objects.filter(organization=globex, user=charlie).exists()


def test_a_role_is_changed_and_audited_once(client: Any, alice: Any, bob: Any, acme: Any) -> None:
    client.force_login(alice)
    response = client.post(page_of(acme, bob, "role"), {"role": "admin"})
    assert (response.status_code, response["Location"]) == (302, MEMBERS)
    assert Membership.objects.get(organization=acme, user=bob).role == "admin"
    assert actions().count("member.role_changed") == 1
    assert "bob@example.org is an admin now." in client.get(MEMBERS).content.decode()


def test_an_unknown_role_is_no_role(client: Any, alice: Any, bob: Any, acme: Any) -> None:
    client.force_login(alice)
    response = client.post(page_of(acme, bob, "role"), {"role": "owner"})
    assert response.status_code == 200
    assert "role" in response.context["form"].errors
    assert Membership.objects.get(organization=acme, user=bob).role == "member"


def test_who_gives_up_their_own_admin_role_lands_on_the_start_page(
    client: Any, alice: Any, acme: Any, second_admin: Any
) -> None:
    client.force_login(alice)
    path = page_of(acme, alice, "role")
    assert "own role" in client.get(path).content.decode()
    response = client.post(path, {"role": "member"})
    assert response["Location"] == "/dashboard/acme"
    assert client.get(MEMBERS).status_code == 403


def test_the_last_admin_is_protected_by_page_and_server(
    client: Any, alice: Any, bob: Any, acme: Any
) -> None:
    client.force_login(alice)
    listed = client.get(MEMBERS).content.decode()
    assert "Last admin: make somebody else an admin first." in listed
    assert page_of(acme, alice, "role") not in listed
    for path, data in ((page_of(acme, alice, "role"), {"role": "member"}), (LEAVE, {})):
        shown = client.get(path).content.decode()
        assert "make somebody else an admin first" in shown
        assert "disabled" in shown
        refused = client.post(path, data)
        assert refused.status_code == 409
        assert refused.context["form"].has_error("__all__", "member.last_admin")
        assert "This is the last admin." in refused.content.decode()
    assert Membership.objects.get(organization=acme, user=alice).role == "admin"
    assert "member.role_changed" not in actions()


def test_an_inactive_admin_does_not_count_as_another_one(
    client: Any, alice: Any, acme: Any, second_admin: Any
) -> None:
    second_admin.is_active = False
    second_admin.save()
    client.force_login(alice)
    rows = client.get(MEMBERS).context["rows"]
    assert [row.is_last_admin for row in rows] == [True, False]
    assert client.post(page_of(acme, alice, "role"), {"role": "member"}).status_code == 409
    assert client.post(page_of(acme, second_admin, "remove")).status_code == 302


def test_the_removal_page_shows_what_goes_and_what_stays(
    client: Any, alice: Any, acme: Any, second_admin: Any, personal: Any, issue: Any
) -> None:
    bob = second_admin
    issue(name="Robot of Bob", actor=Actor.person(bob))
    issue(name="Robot of alice", actor=Actor.person(alice))
    Invitation.objects.create(
        organization=acme,
        email="friend@example.org",
        invited_by=bob,
        expires_at=timezone.now() + timedelta(days=1),
    )
    client.force_login(alice)
    response = client.get(page_of(acme, bob, "remove"))
    text = response.content.decode()
    assert list(response.context["tokens"]) == [personal]
    assert response.context["kept"] == 1
    assert personal.token_id in text
    assert "friend@example.org" in text
    assert "1 automation token made by this person keeps working" in text
    assert AccessToken.objects.get(pk=personal.pk).revoked_at is None


def test_removing_revokes_personal_tokens_only_and_takes_invitations_back(
    client: Any, alice: Any, acme: Any, second_admin: Any, personal: Any, issue: Any, api: Any
) -> None:
    robot = issue(name="Robot", actor=Actor.person(second_admin))
    client.force_login(alice)
    response = client.post(page_of(acme, second_admin, "remove"))
    assert (response.status_code, response["Location"]) == (302, MEMBERS)
    assert not Membership.objects.filter(organization=acme, user=second_admin).exists()
    personal.refresh_from_db()
    assert personal.revoked_at is not None
    assert (personal.revoked_by, personal.revoke_reason) == ("alice@example.org", "Member removed")
    robot.token.refresh_from_db()
    assert robot.token.revoked_at is None
    assert api.key(robot).get("/api/demo/notes").status_code == 200
    assert actions()[-2:] == ["token.revoked", "member.removed"]
    assert AuditEvent.objects.latest("pk").details == {"revoked_tokens": [personal.token_id]}


def test_a_removed_person_finds_nothing_and_coming_back_revives_nothing(
    client: Any, alice: Any, acme: Any, bob: Any, personal: Any, actor: Actor
) -> None:
    client.force_login(alice)
    client.post(page_of(acme, bob, "remove"))
    client.force_login(bob)
    assert client.get("/dashboard/acme").status_code == 404
    add_member(actor=actor, organization=acme, user=bob)
    personal.refresh_from_db()
    assert personal.revoked_at is not None


def test_a_failing_removal_changes_nothing(
    client: Any, alice: Any, acme: Any, bob: Any, personal: Any, monkeypatch: Any
) -> None:
    def fail(self: Membership) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Membership, "delete", fail)
    client.force_login(alice)
    with pytest.raises(ZeroDivisionError):
        client.post(page_of(acme, bob, "remove"))
    personal.refresh_from_db()
    assert personal.revoked_at is None
    assert "token.revoked" not in actions()


def test_removing_oneself_means_leaving(
    client: Any, alice: Any, acme: Any, second_admin: Any
) -> None:
    client.force_login(alice)
    path = page_of(acme, alice, "remove")
    assert client.post(path)["Location"] == LEAVE
    assert Membership.objects.filter(organization=acme, user=alice).exists()


def test_a_member_leaves_with_their_personal_tokens(
    client: Any, acme: Any, bob: Any, personal: Any
) -> None:
    client.force_login(bob)
    assert "/dashboard/acme/leave" in client.get("/dashboard/acme").content.decode()
    assert personal.token_id in client.get(LEAVE).content.decode()
    assert client.post(LEAVE)["Location"] == "/dashboard/"
    assert not Membership.objects.filter(organization=acme, user=bob).exists()
    personal.refresh_from_db()
    assert personal.revoke_reason == "Member left"
    assert actions()[-1] == "member.left"


def test_an_outsider_has_nothing_to_leave(
    client: Any, acme: Any, charlie: Any, globex: Any
) -> None:
    client.force_login(charlie)
    assert client.get(LEAVE).status_code == 404
    assert client.post(LEAVE).status_code == 404
    assert Membership.objects.filter(user=charlie).count() == 1


@pytest.mark.parametrize(("action", "data"), [("role", {"role": "admin"}), ("remove", {})])
def test_sensitive_changes_ask_for_the_password_again(
    action: str, data: dict[str, str], client: Any, alice: Any, acme: Any, bob: Any
) -> None:
    client.force_login(alice)
    path = page_of(acme, bob, action)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert client.get(path)["Location"].startswith("/dashboard/confirm?next=")
        asked = client.post(path, data)
        assert asked.status_code == 200
        assert "password" in asked.context["form"].fields
        assert Membership.objects.get(organization=acme, user=bob).role == "member"
        wrong = client.post(path, {**data, "password": "wrong"})
        assert "This is not your password." in wrong.content.decode()
        assert Membership.objects.get(organization=acme, user=bob).role == "member"
        done = client.post(path, {**data, "password": PASSWORD})
        assert done["Location"] == MEMBERS
    found = Membership.objects.filter(organization=acme, user=bob).first()
    assert (found is None) if action == "remove" else (found is not None and found.is_admin)


def test_only_people_of_organizations_one_manages_can_be_added_at_once(
    client: Any, alice: Any, acme: Any, globex: Any, charlie: Any, make_user: Any, actor: Actor
) -> None:
    labs = create_organization(actor=actor, name="Labs", slug="labs", admin=alice)
    known, stranger = make_user("known@example.org"), make_user("stranger@example.org")
    add_member(actor=actor, organization=labs, user=known)
    add_member(actor=actor, organization=globex, user=stranger)
    add_member(actor=actor, organization=globex, user=alice)
    client.force_login(alice)
    text = client.get(f"{MEMBERS}/invite").content.decode()
    assert "known@example.org" in text
    assert "stranger@example.org" not in text
    assert "charlie@example.org" not in text
    for user, organization, status in ((stranger, globex, 200), (known, labs, 302)):
        membership = Membership.objects.get(organization=organization, user=user)
        response = client.post(f"{MEMBERS}/add", {"person": membership.public_id, "role": "member"})
        assert response.status_code == status
    assert set(acme.memberships.values_list("user", flat=True)) == {alice.pk, known.pk}


def test_adding_gives_members_nothing(client: Any, acme: Any, bob: Any, alice: Any) -> None:
    client.force_login(bob)
    person = Membership.objects.get(organization=acme, user=alice).public_id
    response = client.post(f"{MEMBERS}/add", {"person": person, "role": "admin"})
    assert response.status_code == 403


def test_too_many_wrong_passwords_answer_429_with_the_time_to_wait(
    client: Any, alice: Any, acme: Any, bob: Any
) -> None:
    client.force_login(alice)
    path = page_of(acme, bob, "role")
    data = {"role": "admin", "password": "wrong"}
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        answers = [client.post(path, data) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert answers[-1]["Retry-After"] == "1"
        assert client.post(path, {**data, "password": PASSWORD}).status_code == 429
    assert Membership.objects.get(organization=acme, user=bob).role == "member"


@pytest.mark.parametrize(("action", "data"), [("role", {"role": "admin"}), ("remove", {})])
def test_who_lost_the_role_while_the_page_was_open_is_refused_by_the_service(
    action: str, data: Any, client: Any, alice: Any, acme: Any, bob: Any, monkeypatch: Any
) -> None:
    client.force_login(alice)
    monkeypatch.setattr("dashboard.views.members.actor_of", lambda request: Actor.person(bob))
    response = client.post(page_of(acme, bob, action), data)
    assert response.status_code == 403
    assert response.context["form"].has_error("__all__", "organization.admin_required")
    assert Membership.objects.get(organization=acme, user=bob).role == "member"
