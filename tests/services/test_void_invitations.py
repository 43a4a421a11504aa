"""An invitation is worth what its sender is: void once that person is no active admin here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from apikeys.models import AuditEvent, Invitation, Membership
from apikeys.services import invitations
from apikeys.services.actors import Actor
from apikeys.services.errors import Conflict
from apikeys.services.members import add_member

PASSWORD = "a long enough pass phrase"
DAVE = "dave@example.org"


@pytest.fixture
def bob_sent(bob: Any, acme: Any) -> Invitation:
    """What bob, an admin of Acme besides alice, sent to a mailbox."""
    Membership.objects.filter(user=bob, organization=acme).update(role="admin")
    return send(Actor.person(bob), acme)


def send(actor: Actor, organization: Any, email: str = DAVE) -> Invitation:
    return invitations.invite(
        actor=actor, organization=organization, email=email, role="admin", page_url=str
    )


def refused(work: Callable[[], Any]) -> str:
    with pytest.raises(Conflict) as caught:
        work()
    return caught.value.code


def accepted(link: str) -> Any:
    return invitations.sign_up_and_accept(link=link, password=PASSWORD)


def deactivate_by_update(bob: Any, **_: Any) -> None:
    get_user_model().objects.filter(pk=bob.pk).update(is_active=False)


def deactivate_by_save(bob: Any, **_: Any) -> None:
    bob.is_active = False
    bob.save()


def delete_in_code(bob: Any, **_: Any) -> None:
    bob.delete()


def demote_by_update(bob: Any, acme: Any, **_: Any) -> None:
    Membership.objects.filter(user=bob, organization=acme).update(role="member")


def demote_by_save(bob: Any, acme: Any, **_: Any) -> None:
    membership = Membership.objects.get(user=bob, organization=acme)
    membership.role = "member"
    membership.save()


def remove_by_sql(bob: Any, acme: Any, **_: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM apikeys_membership WHERE user_id = %s", [bob.pk])


def remove_and_manage_another(bob: Any, acme: Any, globex: Any, actor: Actor) -> None:
    remove_by_sql(bob, acme)
    add_member(actor=actor, organization=globex, user=bob, role="admin")


DEPARTURES = [
    deactivate_by_update,
    deactivate_by_save,
    delete_in_code,
    demote_by_update,
    demote_by_save,
    remove_by_sql,
    remove_and_manage_another,
]
# A deletion in code ends the membership by the service, which withdraws.
CODES = {delete_in_code: "invitation.withdrawn"}


@pytest.mark.parametrize("leave", DEPARTURES, ids=lambda leave: leave.__name__)
def test_a_link_is_dead_once_its_sender_is_gone_by_whatever_code(
    leave: Any, bob_sent: Invitation, bob: Any, acme: Any, globex: Any, actor: Actor, make_user: Any
) -> None:
    link = invitations.link_of(bob_sent)
    assert invitations.read_link(link) == bob_sent
    leave(bob=bob, acme=acme, globex=globex, actor=actor)
    code = CODES.get(leave, "invitation.void")
    assert refused(lambda: invitations.read_link(link)) == code
    assert refused(lambda: accepted(link)) == code
    dave = make_user(DAVE)
    accept = lambda: invitations.accept_invitation(actor=Actor.person(dave), link=link)  # noqa: E731
    assert refused(accept) == code
    assert not Membership.objects.filter(user=dave).exists()
    assert Invitation.objects.get().state == code.removeprefix("invitation.")


def test_an_invitation_of_an_admin_who_stays_or_of_the_system_is_good(
    bob_sent: Invitation, acme: Any, actor: Actor
) -> None:
    assert accepted(invitations.link_of(bob_sent)).get_username() == DAVE
    by_system = send(actor, acme, "erin@example.org")
    assert (by_system.state, by_system.inviter_kind, by_system.inviter) == (
        "open",
        "system",
        "tests",
    )
    assert accepted(invitations.link_of(by_system)).get_username() == "erin@example.org"


def test_an_inviter_who_is_active_again_stands_for_the_invitation_again(
    bob_sent: Invitation, bob: Any
) -> None:
    deactivate_by_save(bob)
    assert Invitation.objects.get().state == "void"
    bob.is_active = True
    bob.save()
    assert Invitation.objects.get().state == "open"


def test_the_sender_stays_known_after_the_account_is_gone(
    bob_sent: Invitation, bob: Any, acme: Any
) -> None:
    pk = str(bob.pk)
    bob.delete()
    row = Invitation.objects.get()
    assert row.invited_by is None
    assert (row.inviter_kind, row.inviter_id, row.inviter) == ("user", pk, "bob@example.org")
    assert row.state == "withdrawn"
    event = AuditEvent.objects.filter(action="invitation.withdrawn").get()
    assert (event.target_label, event.actor_label) == (DAVE, "user deleted")


def test_a_void_one_is_not_resent_and_makes_place_for_a_new_one(
    bob_sent: Invitation, bob: Any, alice: Any, acme: Any
) -> None:
    deactivate_by_update(bob)
    link = invitations.link_of(bob_sent)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        resend = lambda: invitations.resend_invitation(  # noqa: E731
            actor=Actor.person(alice), invitation=bob_sent, page_url=str
        )
        assert refused(resend) == "invitation.void"
        new = send(Actor.person(alice), acme)
        assert (new.state, new.inviter) == ("open", "alice@example.org")
        assert refused(lambda: invitations.read_link(link)) == "invitation.withdrawn"


def test_resending_passes_on_who_answers_for_it(bob_sent: Invitation, bob: Any, alice: Any) -> None:
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        sent = invitations.resend_invitation(
            actor=Actor.person(alice), invitation=bob_sent, page_url=str
        )
    assert (sent.inviter_id, sent.inviter) == (str(alice.pk), "alice@example.org")
    deactivate_by_update(bob)
    assert Invitation.objects.get().state == "open"


def test_the_sender_is_asked_again_between_reading_and_accepting(
    bob_sent: Invitation, bob: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look says open; the second is under the lock of the organization."""
    look, looks = invitations.read_link, []

    def read_link(link: str) -> Invitation:
        found = look(link)
        looks.append(found)
        if len(looks) == 1:
            deactivate_by_update(bob)
        return found

    monkeypatch.setattr(invitations, "read_link", read_link)
    assert refused(lambda: accepted(invitations.link_of(bob_sent))) == "invitation.void"
    assert not get_user_model().objects.filter(email=DAVE).exists()


def test_a_row_that_names_nobody_is_void(acme: Any) -> None:
    end = timezone.now() + timedelta(days=1)
    row = acme.invitations.create(email=DAVE, expires_at=end)
    assert (row.state, row.inviter) == ("void", "")
    row.inviter_kind = "system"
    assert row.state == "open"


def test_a_list_asks_for_all_senders_in_its_one_query(
    bob_sent: Invitation, bob: Any, alice: Any, acme: Any, django_assert_num_queries: Any
) -> None:
    send(Actor.person(alice), acme, "erin@example.org")
    demote_by_update(bob, acme)
    with django_assert_num_queries(1):
        rows = list(Invitation.objects.unanswered().with_inviters().order_by("pk"))
        assert [row.state for row in rows] == ["void", "open"]


@pytest.mark.parametrize("stays", [False, True])
def test_page_and_api_show_a_void_one_as_what_it_is(
    stays: bool, bob_sent: Invitation, bob: Any, alice: Any, client: Any, api: Any
) -> None:
    if not stays:
        deactivate_by_update(bob)
    client.force_login(alice)
    page = client.get("/dashboard/acme/members").content.decode()
    assert ("no active admin any more; invite anew" in page) is not stays
    assert ("/resend" in page) is stays
    assert "/withdraw" in page
    assert "bob@example.org" in page
    api.force_login(alice)
    [row] = api.get("/access/v1/organizations/acme/invitations").json()["results"]
    assert (row["state"], row["invited_by"]) == ("open" if stays else "void", "bob@example.org")
    answer = api.post(f"/access/v1/organizations/acme/invitations/{row['public_id']}/resend")
    code = "invitation.just_sent" if stays else "invitation.void"
    assert (answer.status_code, answer.json()["error"]) == (409, code)
    client.logout()
    link = invitations.link_of(bob_sent)
    opened = client.get(f"/dashboard/invitations/{link}")
    assert opened.status_code == (200 if stays else 410)
    assert ("This invitation is no longer valid" in opened.content.decode()) is not stays
