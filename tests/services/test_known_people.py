"""Who can be added without an invitation, and that asking tells nothing about accounts."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from apikeys.models import Membership, Organization, people
from apikeys.services.actors import Actor
from apikeys.services.errors import Invalid
from apikeys.services.members import add_member, known_people, known_user
from apikeys.services.organizations import create_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def labs(alice: Any, actor: Actor, make_user: Any) -> Organization:
    """Another organization of alice's, with three people: one is inactive."""
    made = create_organization(actor=actor, name="Labs", slug="labs", admin=alice)
    for email, active in (("kim@example.org", True), ("off@example.org", False)):
        user = make_user(email, is_active=active)
        add_member(actor=actor, organization=made, user=user)
    return made


def names(actor: Actor, organization: Organization) -> list[str]:
    people = known_people(actor=actor, organization=organization)
    return [membership.user.get_username() for membership in people]


def test_admins_know_active_people_of_their_other_organizations(
    acme: Any, labs: Any, globex: Any, alice: Any
) -> None:
    assert names(Actor.person(alice), acme) == ["kim@example.org"]
    assert set(names(Actor.person(alice), globex)) == {"alice@example.org", "kim@example.org"}


def test_who_a_user_model_works_out_to_be_inactive_is_not_offered(
    acme: Any, labs: Any, alice: Any, make_user: Any, actor: Actor, monkeypatch: Any
) -> None:
    add_member(actor=actor, organization=labs, user=make_user("gone@example.org"))
    gone = property(
        lambda user: user.get_username() != "gone@example.org", lambda user, value: None
    )
    monkeypatch.setattr(get_user_model(), "is_active", gone)
    monkeypatch.setattr(people, "declared_activity", people.declared_activity.__wrapped__)
    assert names(Actor.person(alice), acme) == ["kim@example.org", "off@example.org"]
    with pytest.raises(Invalid):
        known_user(actor=Actor.person(alice), organization=acme, name="gone@example.org")


def test_members_know_nobody(acme: Any, labs: Any, bob: Any, actor: Actor) -> None:
    add_member(actor=actor, organization=labs, user=bob)
    assert names(Actor.person(bob), labs) == []


def test_an_unknown_and_an_existing_stranger_get_one_answer(
    acme: Any, labs: Any, alice: Any, charlie: Any
) -> None:
    answers = set()
    for name in ("charlie@example.org", "nobody@example.org", "off@example.org", ""):
        with pytest.raises(Invalid) as refused:
            known_user(actor=Actor.person(alice), organization=acme, name=name)
        answers.add((refused.value.code, refused.value.message, refused.value.field))
    assert {(code, field) for code, _, field in answers} == {("user.unknown", "user")}
    assert len(answers) == 1
    found = known_user(actor=Actor.person(alice), organization=acme, name="KIM@example.org")
    assert found.get_username() == "kim@example.org"


def test_the_api_adds_known_people_and_answers_alike_for_the_others(
    client: Any, acme: Any, labs: Any, alice: Any, bob: Any, charlie: Any
) -> None:
    client.force_login(alice)

    def add(name: str) -> Any:
        return client.post(
            "/access/v1/organizations/acme/members",
            {"user": name, "role": "member"},
            content_type="application/json",
        )

    stranger, nobody = add("charlie@example.org"), add("nobody@example.org")
    assert stranger.status_code == nobody.status_code == 400
    assert stranger.json() == nobody.json()
    assert stranger.json()["error"] == "user.unknown"
    assert add("kim@example.org").status_code == 201
    assert add("bob@example.org").json()["error"] == "member.exists"
    members = Membership.objects.filter(organization=acme)
    assert sorted(m.user.get_username() for m in members.select_related("user")) == [
        "alice@example.org",
        "bob@example.org",
        "kim@example.org",
    ]


def test_a_member_learns_nothing_from_the_api(
    client: Any, acme: Any, bob: Any, charlie: Any
) -> None:
    client.force_login(bob)
    answers = [
        client.post(
            "/access/v1/organizations/acme/members",
            {"user": name, "role": "admin"},
            content_type="application/json",
        )
        for name in ("charlie@example.org", "nobody@example.org")
    ]
    assert answers[0].status_code == answers[1].status_code
    assert answers[0].status_code in (400, 403)
    assert answers[0].json() == answers[1].json()
    assert not Membership.objects.filter(organization=acme, user=charlie).exists()
