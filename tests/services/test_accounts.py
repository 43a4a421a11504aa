"""The host's accounts as invitations see them, with the project's user and with the stock one."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from apikeys.services import accounts
from apikeys.services.errors import Conflict, Invalid

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough pass phrase"


def test_an_address_is_found_whatever_its_case(make_user: Any) -> None:
    make_user("Dave@example.org")
    assert accounts.exists("dAVE@EXAMPLE.org")
    assert not accounts.exists("ave@example.org")
    assert not accounts.exists("dave_example.org")


def test_an_inactive_account_has_its_address_still(make_user: Any) -> None:
    make_user("dave@example.org", is_active=False)
    assert accounts.exists("dave@example.org")
    with pytest.raises(Conflict):
        accounts.create(email="dave@example.org", password=PASSWORD)


@pytest.mark.parametrize(
    ("own", "asked", "same"),
    [
        ("dave@example.org", "DAVE@Example.ORG", True),
        ("dave@example.org", "dave@example.com", False),
        ("dave@example.org", "", False),
        ("", "", False),
        ("kate@example.org", "\u212aate@example.org", False),
        ("stra\u00dfe@example.org", "strasse@example.org", False),
    ],
)
def test_addresses_are_compared_letter_by_letter(own: str, asked: str, same: bool) -> None:
    model = get_user_model()
    user = model(**{model.get_email_field_name(): own})
    assert accounts.has_address(user, asked) is same


def test_a_log_in_name_counts_as_an_address_only_when_it_is_one() -> None:
    class Nobody:
        def __init__(self, name: str) -> None:
            self.name = name

        def get_email_field_name(self) -> str:
            return "email"

        def get_username(self) -> str:
            return self.name

    assert accounts.email_of(Nobody("dave@example.org")) == "dave@example.org"
    assert accounts.email_of(Nobody("dave")) == ""


def test_the_database_has_the_last_word_on_who_has_an_address(
    make_user: Any, monkeypatch: Any
) -> None:
    dave = make_user("dave@example.org", "the old password, unchanged")
    monkeypatch.setattr(accounts, "exists", lambda email: False)
    with pytest.raises(Conflict) as refused:
        accounts.create(email="dave@example.org", password=PASSWORD)
    assert refused.value.code == "invitation.account_exists"
    dave.refresh_from_db()
    assert dave.check_password("the old password, unchanged")


def test_an_account_that_breaks_a_rule_of_the_site_is_not_made(monkeypatch: Any) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise ValidationError("Only addresses of our own.")

    monkeypatch.setattr(get_user_model(), "full_clean", refuse)
    with pytest.raises(Invalid) as refused:
        accounts.create(email="dave@example.org", password=PASSWORD)
    assert (refused.value.code, refused.value.message) == (
        "account.invalid",
        "Only addresses of our own.",
    )
    assert not accounts.exists("dave@example.org")


def test_a_site_whose_accounts_need_more_makes_none_through_links(monkeypatch: Any) -> None:
    assert accounts.can_be_made()
    monkeypatch.setattr(get_user_model(), "REQUIRED_FIELDS", ["email", "birthday"])
    assert not accounts.can_be_made()
