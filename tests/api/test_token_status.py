"""What the API says of tokens that requests are refused with, and of rotations at once."""

from __future__ import annotations

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apikeys.models import AccessToken, Membership, Organization, Workspace

pytestmark = pytest.mark.django_db


def deactivate(bob):
    bob.is_active = False
    bob.save()


def delete(bob):
    """By SQL: deletion in code revokes the token as well."""
    Membership.objects.filter(user=bob)._raw_delete("default")
    models.QuerySet(AccessToken).filter(owner=bob).update(owner=None)


def expel(bob):
    Membership.objects.filter(user=bob)._raw_delete("default")


def suspend(bob):
    Organization.objects.filter(slug="acme").update(suspended_at=timezone.now())


def archive(bob):
    Workspace.objects.filter(slug="production").update(archived_at=timezone.now())


WAYS = {
    deactivate: ("owner_inactive", "token.owner_inactive", "api_key.disabled"),
    delete: ("owner_gone", "token.owner_gone", "api_key.revoked"),
    expel: ("owner_gone", "token.owner_gone", "api_key.revoked"),
    suspend: ("suspended", "organization.suspended", "api_key.disabled"),
    archive: ("archived", "workspace.archived", "api_key.revoked"),
}


def listed(session, status):
    found = session.call("get", f"tokens?status={status}").json()["results"]
    return [row["token_id"] for row in found]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_token_that_is_refused_says_why_in_list_and_detail_and_gets_no_secret(
    session, api, issue, bob, way
):
    status, code, answer = WAYS[way]
    issued = issue(kind="personal", owner=bob)
    other = issue() if way not in (suspend, archive) else None
    way(bob)
    path = f"tokens/{issued.token.token_id}"
    assert api.key(issued).get("/access/v1/token").json()["error"] == answer
    assert session.call("get", path).json()["status"] == status
    rows = session.call("get", "tokens").json()["results"]
    found = {row["token_id"]: row["status"] for row in rows}
    assert found.pop(issued.token.token_id) == status
    assert found == ({other.token.token_id: "active"} if other else {})
    for asked in ("active", "expiring", "disabled", "expired", "revoked"):
        ids = listed(session, asked)
        assert issued.token.token_id not in ids, asked
    for asked in (status, "current", "all"):
        ids = listed(session, asked)
        assert issued.token.token_id in ids, asked
    assert (issued.token.token_id in listed(session, "live")) is (answer == "api_key.disabled")
    for act in ("rotate", "enable"):
        refused = session.call("post", f"{path}/{act}", {} if act == "rotate" else None)
        assert (refused.status_code, refused.json()["error"]) == (409, code)
    assert AccessToken.objects.get(pk=issued.token.pk).rotated_at is None
    assert session.call("post", f"{path}/revoke", {}).json()["status"] == "revoked"


def test_a_person_who_is_active_again_has_the_token_again(session, api, issue, bob):
    issued = issue(kind="personal", owner=bob)
    deactivate(bob)
    bob.is_active = True
    bob.save()
    assert api.key(issued).get("/access/v1/token").json()["status"] == "active"
    assert session.call("get", f"tokens/{issued.token.token_id}").json()["status"] == "active"


def test_a_list_of_personal_tokens_takes_no_query_for_each(session, issue, bob):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert session.call("get", "tokens").status_code == 200
        return len(captured)

    issue(kind="personal", owner=bob)
    one = queries()
    for _ in range(5):
        issue(kind="personal", owner=bob)
    assert queries() == one


@pytest.fixture
def rotate(session, issue):
    """Rotate one token by its path; what is said is what was seen."""
    path = f"tokens/{issue().token.token_id}/rotate"
    return lambda **said: session.call("post", path, said)


def test_a_second_rotation_says_what_it_has_seen(rotate):
    first = rotate(seen_rotated_at=None)
    assert first.status_code == 200
    for said in ({}, {"seen_rotated_at": None}, {"seen_rotated_at": "2020-01-01T00:00:00Z"}):
        refused = rotate(**said)
        assert (refused.status_code, refused.json()["error"]) == (409, "token.rotated_meanwhile")
        assert "api_key" not in refused.json()
    second = rotate(seen_rotated_at=first.json()["rotated_at"])
    assert second.status_code == 200
    assert second.json()["api_key"] != first.json()["api_key"]


def test_who_says_nothing_of_what_was_seen_rotates_again_after_a_while(rotate, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    assert rotate().status_code == 200
    time_machine.shift(9)
    assert rotate().status_code == 409
    time_machine.shift(1)
    assert rotate().status_code == 200


@pytest.mark.parametrize("said", ["noon", 1, "2026-01-01T00:00:00", ""])
def test_what_was_seen_is_a_moment_with_its_zone(rotate, said):
    refused = rotate(seen_rotated_at=said)
    assert refused.status_code == 400
    assert list(refused.json()["fields"]) == ["seen_rotated_at"]
