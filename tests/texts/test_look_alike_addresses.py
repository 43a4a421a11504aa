"""An address that only looks like another takes nobody's place and is meant by nobody."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from apikeys import emails, guessing
from apikeys.models import Membership
from apikeys.services import accounts
from apikeys.services.errors import Invalid
from apikeys.services.invitations import invite
from apikeys.services.members import add_member, known_user

pytestmark = pytest.mark.django_db

LOCAL = {
    "Kelvin": "\u212aate",
    "long s": "\u017fam",
    "full-width": "\uff4bate",
    "dotless i": "l\u0131sa",
    "dotted I": "L\u0130SA",
    "sharp s": "stra\u00df",
    "invisible": "ka\u200bte",
    "soft hyphen": "ka\u00adte",
    "ligature": "\ufb01ona",
}


@pytest.mark.parametrize("local", LOCAL.values(), ids=LOCAL)
def test_a_look_alike_has_no_form_of_its_own(local):
    with pytest.raises(ValueError, match="plain letters"):
        emails.canonical(f"{local}@example.org")


@pytest.mark.parametrize(
    ("typed", "one"),
    [
        (" Kate@Example.ORG ", "Kate@example.org"),
        ("kate@\uff45xample.org", "kate@example.org"),
        ("kate@mu\u0308ller.example", "kate@m\u00fcller.example"),
        ("kate@example\u212a.org", "kate@examplek.org"),
        ("kate@xn--mller-kva.example", "kate@m\u00fcller.example"),
        ("kate@XN--MLLER-KVA.example", "kate@m\u00fcller.example"),
        ("kate@xn--strae-oqa.example", "kate@xn--strae-oqa.example"),
        ("kate@xn--.example", "kate@xn--.example"),
        ("root", "root"),
        ("Root", "Root"),
        ("jos\u00e9@example.org", "jos\u00e9@example.org"),
    ],
)
def test_a_domain_has_one_form(typed, one):
    assert emails.canonical(typed) == one


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("kate@example.org", "KATE@Example.org", True),
        ("kate@example.org", "\u212aate@example.org", False),
        ("kate@m\u00fcller.example", "Kate@xn--mller-kva.example", True),
        ("kate@m\u00fcller.example", "sam@xn--mller-kva.example", False),
        ("xn--mller-kva", "m\u00fcller", False),
        ("sam@example.org", "\u017fam@example.org", False),
        ("jos\u00e9@example.org", "jose\u0301@example.org", False),
        ("jos\u00e9@example.org", "JOS\u00c9@example.org", False),
        ("", "", False),
    ],
)
def test_only_the_case_of_a_to_z_makes_no_difference(one, other, same):
    assert emails.same(one, other) is same


@pytest.fixture
def look_alike(make_user):
    """An account from before such addresses were refused."""
    return make_user("\u212aate@example.org")


@pytest.mark.project  # the stock user folds its name (NFKC) when it is made
def test_a_command_means_nobody_who_only_looks_like_it(acme, look_alike):
    with pytest.raises(CommandError, match="There is no user"):
        call_command("grant_admin", "acme", "kate@example.org")
    assert not Membership.objects.filter(user=look_alike).exists()
    call_command("grant_admin", "acme", "\u212aate@example.org")
    assert Membership.objects.filter(user=look_alike, role="admin").exists()


@pytest.mark.project
def test_a_command_finds_the_plain_one_in_any_case(acme, make_user):
    kate = make_user("kate@example.org")
    call_command("grant_admin", "acme", "KATE@example.org")
    assert Membership.objects.filter(user=kate, role="admin").exists()
    with pytest.raises(CommandError):
        call_command("grant_admin", "acme", "\u212aate@example.org")


@pytest.mark.project
def test_the_users_manager_means_exactly_the_address(look_alike, make_user):
    users = get_user_model().objects
    with pytest.raises(get_user_model().DoesNotExist):
        users.get_by_natural_key("kate@example.org")
    assert users.get_by_natural_key("\u212aate@example.org") == look_alike
    sam = make_user("sam@example.org")
    assert users.get_by_natural_key("SAM@example.org") == sam
    for typed in ("\u017fam@example.org", None, ""):
        with pytest.raises(get_user_model().DoesNotExist):
            users.get_by_natural_key(typed)


@pytest.mark.project  # the stock user folds its name (NFKC) when it is made
def test_an_address_is_nobody_s_though_a_look_alike_has_an_account(look_alike):
    assert accounts.exists("\u212aate@example.org")
    assert not accounts.exists("kate@example.org")


@pytest.mark.project  # the stock user folds its name (NFKC) when it is made
def test_a_member_who_only_looks_like_it_stands_in_nobody_s_way(
    actor, acme, look_alike, mailoutbox
):
    add_member(actor=actor, organization=acme, user=look_alike, role="member")
    made = invite(
        actor=actor,
        organization=acme,
        email="kate@example.org",
        role="member",
        page_url=lambda link: f"https://testserver/{link}",
    )
    assert made.email == "kate@example.org"


@pytest.mark.parametrize("local", LOCAL.values(), ids=LOCAL)
def test_a_look_alike_is_not_invited(actor, acme, local):
    with pytest.raises(Invalid) as caught:
        invite(
            actor=actor,
            organization=acme,
            email=f"{local}@example.org",
            role="member",
            page_url=str,
        )
    assert caught.value.code == "email.invalid"
    assert str(caught.value) == "Before the @, use plain letters, digits and signs."
    assert not acme.invitations.exists()


@pytest.mark.project  # the stock user folds its name (NFKC) when it is made
def test_a_look_alike_is_no_known_person(actor, acme, look_alike, make_user):
    add_member(actor=actor, organization=acme, user=look_alike, role="member")
    with pytest.raises(Invalid):
        known_user(actor=actor, organization=acme, name="kate@example.org")
    assert known_user(actor=actor, organization=acme, name="\u212aate@example.org") == look_alike


@pytest.mark.project
@pytest.mark.parametrize("local", LOCAL.values(), ids=LOCAL)
def test_nobody_signs_up_as_a_look_alike(client, local):
    filled = {
        "email": f"{local}@example.org",
        "password1": "correct horse battery staple",
        "password2": "correct horse battery staple",
        "organization": "Initech",
        "dialect": "default",
    }
    response = client.post("/accounts/sign-up/", filled)
    assert response.status_code == 200
    assert list(response.context["form"].errors) == ["email"]
    assert not get_user_model().objects.exists()
    response = client.post("/accounts/sign-up/", {**filled, "email": "kate@EXAMPLE.org"})
    assert response.status_code == 302
    assert get_user_model().objects.get().email == "kate@example.org"


@pytest.mark.project
def test_nobody_signs_up_under_a_name_that_nobody_sees(client):
    filled = {
        "email": "kate@example.org",
        "name": "\u200b\u3164",
        "password1": "correct horse battery staple",
        "password2": "correct horse battery staple",
        "organization": "Initech",
        "dialect": "default",
    }
    response = client.post("/accounts/sign-up/", filled)
    assert list(response.context["form"].errors) == ["name"]


@pytest.mark.project
def test_the_django_admin_makes_no_look_alike(db):
    user = get_user_model()(email="l\u0131sa@example.org", password="x")
    with pytest.raises(ValidationError, match="plain letters"):
        user.full_clean()
    user = get_user_model()(email="\u212aate@example.org", password="x")
    user.full_clean()
    assert user.email == "Kate@example.org"


def test_an_address_without_end_is_none():
    with pytest.raises(ValueError, match="at most 320 characters"):
        emails.canonical("a" * 400 + "@example.org")


LETTERS, ASCII = "kate@m\u00fcller.example", "kate@xn--mller-kva.example"


@pytest.mark.parametrize(("kept", "typed"), [(LETTERS, ASCII), (ASCII, LETTERS)])
def test_a_domain_in_letters_and_in_ascii_is_one_address(make_user, kept, typed):
    make_user(kept)
    assert accounts.exists(typed)
    assert not accounts.exists("sam" + typed[4:])
    assert guessing.account_digest(kept) == guessing.account_digest(typed)


@pytest.mark.project
@pytest.mark.parametrize(("kept", "typed"), [(LETTERS, ASCII), (ASCII, LETTERS)])
def test_who_types_the_domain_the_other_way_is_the_same_person(client, make_user, kept, typed):
    user = make_user(kept)
    users = get_user_model().objects
    assert users.get_by_natural_key(typed) == user
    filled = {
        "email": typed,
        "password1": "correct horse battery staple",
        "password2": "correct horse battery staple",
        "organization": "Initech",
        "dialect": "default",
    }
    client.post("/accounts/sign-up/", filled)
    assert users.get() == user
