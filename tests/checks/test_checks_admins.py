"""Which organizations nobody manages, asked in as many queries for many as for one."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apikeys import checks
from apikeys.models import Membership, Organization, people

Gone = set[Any]


@pytest.fixture
def worked_out(monkeypatch: pytest.MonkeyPatch) -> Gone:
    """``is_active`` is no column but code, which says no for the people in this set."""
    gone: Gone = set()
    activity = property(lambda user: user.pk not in gone, lambda user, value: None)
    monkeypatch.setattr(get_user_model(), "is_active", activity)
    monkeypatch.setattr(people, "declared_activity", lambda model: activity)
    return gone


def queries() -> tuple[list[str], int]:
    with CaptureQueriesContext(connection) as asked:
        found = checks.admins.check_admins(None, databases=["default"])
    about_rows = [one for one in asked if '"apikeys_' in one["sql"] or "`apikeys_" in one["sql"]]
    return [one.msg for one in found], len(about_rows)


@pytest.mark.parametrize("activity", ["a column", "code"])
def test_many_organizations_are_asked_for_in_as_many_queries_as_one(
    alice: Any, acme: Any, activity: str, request: pytest.FixtureRequest
) -> None:
    if activity == "code":
        request.getfixturevalue("worked_out")
    messages, few = queries()
    assert messages == []
    for number in range(12):
        made = Organization.objects.create(slug=f"o-{number:02}", name="O")
        Membership.objects.create(organization=made, user=alice, role="admin")
    assert queries() == ([], few)


def test_who_is_inactive_by_code_manages_nothing(
    alice: Any, bob: Any, charlie: Any, acme: Any, globex: Any, worked_out: Gone
) -> None:
    assert queries()[0] == []
    worked_out.add(alice.pk)
    assert queries()[0] == ["No admin who can log in: acme."]
    # Bob is active, but no admin.
    assert Membership.objects.get(user=bob).role == "member"
    worked_out.add(charlie.pk)
    assert queries()[0] == ["No admin who can log in: acme, globex."]
    worked_out.clear()
    assert queries()[0] == []
