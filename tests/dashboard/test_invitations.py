"""Inviting by page and the page that the mailed link opens."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core import mail
from django.utils import timezone

from apikeys.models import AuditEvent, Invitation, Membership, Organization
from apikeys.models.organizations import InvitationState
from apikeys.services import accounts
from apikeys.services import invitations as services
from apikeys.services.members import remove_member

pytestmark = pytest.mark.django_db

INVITE = "/dashboard/acme/members/invite"
MEMBERS = "/dashboard/acme/members"
PASSWORD = "correct horse battery staple"
CHOSEN = "another horse, another battery"


@pytest.fixture
def invite(client: Any, alice: Any, acme: Any, django_capture_on_commit_callbacks: Any) -> Any:
    """Invite through alice's page; return the path in the mail. Leaves nobody logged in."""

    def make(email: str = "dave@example.org", role: str = "member") -> str:
        client.force_login(alice)
        with django_capture_on_commit_callbacks(execute=True):
            response = client.post(INVITE, {"email": email, "role": role})
        assert response.status_code == 302
        client.logout()
        found = re.search(r"https://testserver(/\S+)", mail.outbox[-1].body)
        assert found is not None
        return found[1]

    return make


def test_an_admin_invites_and_the_list_shows_it(client: Any, invite: Any, alice: Any) -> None:
    path = invite("dave@example.org", "admin")
    assert path == f"/dashboard/invitations/{path.rsplit('/', 1)[1]}"
    client.force_login(alice)
    text = client.get(MEMBERS).content.decode()
    invitation = Invitation.objects.get()
    assert (invitation.email, invitation.role, invitation.invited_by) == (
        "dave@example.org",
        "admin",
        alice,
    )
    assert f"{invitation.public_id}/withdraw" in text
    assert path.rsplit(":", 1)[1] not in text


@pytest.mark.parametrize(("who", "status"), [("bob", 403), ("charlie", 404)])
def test_nobody_else_invites_resends_or_withdraws(
    who: str, status: int, client: Any, invite: Any, request: pytest.FixtureRequest
) -> None:
    invite()
    invitation = Invitation.objects.get()
    client.force_login(request.getfixturevalue(who))
    assert client.get(INVITE).status_code == status
    assert client.post(INVITE, {"email": "x@example.org", "role": "member"}).status_code == status
    for action in ("resend", "withdraw"):
        path = f"/dashboard/acme/invitations/{invitation.public_id}/{action}"
        assert client.post(path).status_code == status
    assert Invitation.objects.get().state is InvitationState.OPEN
    assert len(mail.outbox) == 1


def test_the_page_answers_alike_whether_the_address_has_an_account(
    client: Any, alice: Any, acme: Any, charlie: Any
) -> None:
    client.force_login(alice)
    answers = []
    for email in ("charlie@example.org", "nobody@example.org"):
        response = client.post(INVITE, {"email": email, "role": "member"}, follow=True)
        text = response.content.decode().replace(email, "X")
        assert "An invitation is on its way to X." in text
        invitation = Invitation.objects.get(email=email)
        text = text.replace(str(invitation.public_id), "ID")
        text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"|<time.*?</time>', "", text)
        answers.append((response.status_code, text))
        services.withdraw_invitation(actor=services.Actor.person(alice), invitation=invitation)
    assert answers[0] == answers[1]


def test_errors_keep_what_was_typed_and_write_nothing(client: Any, alice: Any, bob: Any) -> None:
    client.force_login(alice)
    for email, role in (("dave", "admin"), ("", "member"), ("BOB@example.org", "admin")):
        response = client.post(INVITE, {"email": email, "role": role})
        assert response.status_code == 200
        assert response.context["form"].has_error("email")
        assert response.context["form"]["email"].value() == email
        assert response.context["form"]["role"].value() == role
    assert not Invitation.objects.exists()


def test_a_second_invitation_to_the_address_is_a_conflict(
    client: Any, alice: Any, invite: Any
) -> None:
    invite("dave@example.org")
    client.force_login(alice)
    response = client.post(INVITE, {"email": "DAVE@example.org", "role": "admin"})
    assert response.status_code == 409
    assert response.context["form"].has_error("email", "invitation.open")
    assert Invitation.objects.count() == 1


def test_inviting_asks_for_the_password_again(client: Any, alice: Any, acme: Any) -> None:
    client.force_login(alice)
    data = {"email": "dave@example.org", "role": "admin"}
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert client.get(INVITE)["Location"].startswith("/dashboard/confirm?next=")
        asked = client.post(INVITE, data)
        assert "password" in asked.context["form"].fields
        assert asked.context["form"]["email"].value() == "dave@example.org"
        assert not Invitation.objects.exists()
        assert client.post(INVITE, {**data, "password": PASSWORD}).status_code == 302
    assert Invitation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_page_says_so_where_the_mail_could_not_be_sent(
    client: Any, alice: Any, acme: Any, monkeypatch: Any
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> int:
        raise ConnectionRefusedError("no mail here")

    monkeypatch.setattr(mail.EmailMessage, "send", refuse)
    client.force_login(alice)
    told = "The invitation stands, but its mail to dave@example.org could not be sent."
    asked = {"email": "dave@example.org", "role": "member"}
    shown = client.post(INVITE, asked, follow=True).content.decode()
    assert told in shown
    assert "on its way" not in shown
    again = f"/dashboard/acme/invitations/{Invitation.objects.get().public_id}/resend"
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert told in client.post(again, follow=True).content.decode()


def test_resend_and_withdraw_by_post_alone(client: Any, alice: Any, invite: Any) -> None:
    invite()
    invitation = Invitation.objects.get()
    base = f"/dashboard/acme/invitations/{invitation.public_id}"
    client.force_login(alice)
    for action in ("resend", "withdraw"):
        assert client.get(f"{base}/{action}").status_code == 405
    early = client.post(f"{base}/resend", follow=True).content.decode()
    assert "Wait five minutes to resend it." in early
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        again = client.post(f"{base}/resend", follow=True).content.decode()
    assert "A new link is on its way to dave@example.org." in again
    gone = client.post(f"{base}/withdraw", follow=True).content.decode()
    assert "The invitation of dave@example.org was withdrawn." in gone
    assert (
        "This invitation was withdrawn by the organization."
        in client.post(f"{base}/withdraw", follow=True).content.decode()
    )
    assert Invitation.objects.get().state is InvitationState.WITHDRAWN


def test_another_organization_s_invitation_is_not_found(
    client: Any, invite: Any, charlie: Any, globex: Any
) -> None:
    invite()
    invitation = Invitation.objects.get()
    client.force_login(charlie)
    path = f"/dashboard/globex/invitations/{invitation.public_id}/withdraw"
    assert client.post(path).status_code == 404
    assert Invitation.objects.get().state is InvitationState.OPEN


def test_opening_the_link_changes_nothing(client: Any, invite: Any, make_user: Any) -> None:
    path = invite()
    before = AuditEvent.objects.count()
    assert client.get(path).status_code == 200
    client.force_login(make_user("dave@example.org"))
    assert client.get(path).status_code == 200
    assert client.head(path).status_code == 200
    assert Invitation.objects.get().state is InvitationState.OPEN
    assert AuditEvent.objects.count() == before
    assert Membership.objects.count() == 1


def test_the_invited_account_accepts_and_lands_on_the_start_page(
    client: Any, invite: Any, make_user: Any, acme: Organization
) -> None:
    path = invite("Dave@Example.org", "member")
    dave = make_user("dave@example.org")
    client.force_login(dave)
    response = client.post(path, follow=True)
    assert response.redirect_chain == [("/dashboard/acme", 302)]
    assert "You are in Acme now." in response.content.decode()
    assert "alice@example.org" in response.content.decode()
    assert Membership.objects.get(organization=acme, user=dave).role == "member"


def test_another_account_is_turned_away_and_told_which_address_it_is_for(
    client: Any, invite: Any, charlie: Any
) -> None:
    path = invite("dave@example.org")
    client.force_login(charlie)
    for response in (client.get(path), client.post(path)):
        assert response.status_code == 403
        text = response.content.decode()
        assert "It was sent to dave@example.org; you are logged in as charlie@example.org." in text
    assert not Membership.objects.filter(user=charlie).exists()


def test_a_new_person_signs_up_through_the_link(client: Any, invite: Any, acme: Any) -> None:
    path = invite("dave@example.org", "admin")
    shown = client.get(path)
    assert shown.status_code == 200
    assert shown["Cache-Control"] == "no-store, private"
    assert 'value="dave@example.org" readonly' in shown.content.decode()
    response = client.post(path, {"password": CHOSEN, "again": CHOSEN, "email": "eve@example.org"})
    assert response["Location"] == "/dashboard/acme"
    user = get_user_model()._default_manager.get(pk=client.session["_auth_user_id"])
    assert user.get_username() == "dave@example.org"
    assert Membership.objects.get(organization=acme, user=user).role == "admin"
    # The password was chosen a moment ago.
    assert client.get(INVITE).status_code == 200
    assert CHOSEN not in str(client.session.items())


@pytest.mark.parametrize(
    ("password", "again", "field"),
    [("p4ssw0r", "p4ssw0r", "password"), (CHOSEN, "typo", "again"), ("", "", "password")],
)
def test_a_password_that_will_not_do_makes_nothing_and_is_not_echoed(
    password: str, again: str, field: str, client: Any, invite: Any
) -> None:
    path = invite()
    response = client.post(path, {"password": password, "again": again})
    assert response.status_code == 200
    assert response.context["form"].has_error(field)
    assert not password or password not in response.content.decode()
    assert get_user_model()._default_manager.count() == 1
    assert Invitation.objects.get().state is InvitationState.OPEN
    assert "_auth_user_id" not in client.session


def test_an_existing_account_must_log_in_and_keeps_its_password(
    client: Any, invite: Any, make_user: Any
) -> None:
    dave = make_user("dave@example.org")
    path = invite("DAVE@example.org")
    shown = client.get(path)
    assert shown.status_code == 200
    assert f"/accounts/login/?{urlencode({'next': path})}" in shown.content.decode()
    assert "form" not in shown.context
    refused = client.post(path, {"password": CHOSEN, "again": CHOSEN})
    assert refused.status_code == 409
    assert "_auth_user_id" not in client.session
    dave.refresh_from_db()
    assert dave.check_password(PASSWORD)
    assert not Membership.objects.filter(user=dave).exists()


def test_an_account_made_between_form_and_post_is_not_taken_over(
    client: Any, invite: Any, make_user: Any, monkeypatch: Any
) -> None:
    path = invite("dave@example.org")
    dave = make_user("dave@example.org")
    real = accounts.exists
    answers = [False]
    monkeypatch.setattr(accounts, "exists", lambda e: answers.pop() if answers else real(e))
    refused = client.post(path, {"password": CHOSEN, "again": CHOSEN})
    assert refused.status_code == 409
    assert refused.context["form"].has_error("__all__", "invitation.account_exists")
    dave.refresh_from_db()
    assert dave.check_password(PASSWORD)
    assert "_auth_user_id" not in client.session


def test_a_site_whose_accounts_need_more_offers_the_log_in_only(
    client: Any, invite: Any, monkeypatch: Any
) -> None:
    path = invite()
    monkeypatch.setattr(get_user_model(), "REQUIRED_FIELDS", ["birthday"])
    assert "form" not in client.get(path).context
    assert client.post(path, {"password": CHOSEN, "again": CHOSEN}).status_code == 409
    assert get_user_model()._default_manager.count() == 1


def test_used_expired_withdrawn_and_tampered_links_say_so(
    client: Any, invite: Any, alice: Any, make_user: Any, actor: Any
) -> None:
    path = invite("dave@example.org")
    dave = make_user("dave@example.org")
    invitation = Invitation.objects.get()
    cases = []

    def look(label: str, where: str) -> None:
        for user in (None, dave):
            client.logout()
            if user is not None:
                client.force_login(user)
            for method in (client.get, client.post):
                response = method(where)
                heading = re.search(r"<h1>(.*?)</h1>", response.content.decode())
                assert heading is not None
                cases.append((label, response.status_code, heading[1]))

    look("tampered", path[:-1])
    look("nonsense", "/dashboard/invitations/x")
    with time_machine.travel(invitation.expires_at + timedelta(seconds=1)):
        look("expired", path)
    client.force_login(dave)
    client.post(path)
    remove_member(actor=actor, membership=Membership.objects.get(user=dave))
    look("used", path)
    withdrawn = invite("dave@example.org")
    services.withdraw_invitation(actor=actor, invitation=Invitation.objects.unanswered().get())
    look("withdrawn", withdrawn)
    assert set(cases) == {
        ("tampered", 404, "This link does not work"),
        ("nonsense", 404, "This link does not work"),
        ("expired", 410, "This invitation has expired"),
        ("used", 410, "This invitation was used"),
        ("withdrawn", 410, "This invitation was withdrawn"),
    }
    assert len(cases) == 20
    assert not Membership.objects.filter(user=dave).exists()


def test_a_member_by_another_way_reads_that_they_are_in_already(
    client: Any, invite: Any, make_user: Any, acme: Any
) -> None:
    path = invite("dave@example.org")
    dave = make_user("dave@example.org")
    Membership.objects.create(organization=acme, user=dave)
    client.force_login(dave)
    response = client.post(path)
    assert response.status_code == 409
    assert "You are a member already." in response.content.decode()


def test_an_organization_can_not_take_the_address_of_a_page(actor: Any, alice: Any) -> None:
    from apikeys.services.errors import Invalid
    from apikeys.services.organizations import create_organization

    made = create_organization(actor=actor, name="Invitations", admin=alice)
    assert made.slug == "invitations-2"
    with pytest.raises(Invalid) as refused:
        create_organization(actor=actor, name="X", slug="confirm", admin=alice)
    assert refused.value.code == "slug.taken"
