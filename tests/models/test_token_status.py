"""The status that is shown is what a request meets: for every state, one token and many alike."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import models
from django.utils import timezone

from apikeys.checks.people import check_activity
from apikeys.credentials.keys import Credential
from apikeys.models import AccessToken, Membership, Organization, Workspace, people
from apikeys.models.status import ENDED, USABLE
from apikeys.models.tokens import Status
from apikeys.refusals import Reason, Refusal
from apikeys.verification import verify

pytestmark = pytest.mark.django_db

NOW = timezone.now()
DAY = timedelta(days=1)
OWNERS = ("nobody", "active", "inactive", "no member", "deleted", "inactive and no member")
EXPIRIES = {"never": None, "soon": NOW + DAY, "past": NOW}
STATES = list(
    itertools.product(
        (False, True),  # revoked; last, since PostgreSQL lets nobody take it back
        OWNERS,
        EXPIRIES,
        (False, True),  # archived
        (False, True),  # suspended
        (False, True),  # disabled
    )
)
REASONS = {
    Reason.REVOKED: Status.REVOKED,
    Reason.WORKSPACE_ARCHIVED: Status.ARCHIVED,
    Reason.EXPIRED: Status.EXPIRED,
    Reason.OWNER_GONE: Status.OWNER_GONE,
    Reason.ORGANIZATION_SUSPENDED: Status.SUSPENDED,
    Reason.OWNER_INACTIVE: Status.OWNER_INACTIVE,
    Reason.DISABLED: Status.DISABLED,
}


def expected(revoked, owner, expiry, archived, suspended, disabled):
    """Return the status in the words of the documentation: endings first, then pauses."""
    if revoked:
        return Status.REVOKED
    if archived:
        return Status.ARCHIVED
    if expiry == "past":
        return Status.EXPIRED
    if "no member" in owner or owner == "deleted":
        return Status.OWNER_GONE
    if suspended:
        return Status.SUSPENDED
    if owner == "inactive":
        return Status.OWNER_INACTIVE
    if disabled:
        return Status.DISABLED
    return Status.EXPIRING if expiry == "soon" else Status.ACTIVE


def put(token, bob, acme, *, revoked, owner, expiry, archived, suspended, disabled):
    """Bring the token into a state past every service."""
    membership = Membership.objects.filter(organization=acme, user=bob)
    if "no member" in owner:
        membership._raw_delete(membership.db)
    elif not membership.exists():
        Membership.objects.create(organization=acme, user=bob)
    get_user_model()._base_manager.filter(pk=bob.pk).update(is_active="inactive" not in owner)
    Organization.objects.filter(pk=acme.pk).update(suspended_at=NOW if suspended else None)
    Workspace.objects.filter(pk=token.workspace_id).update(archived_at=NOW if archived else None)
    fields = {
        "kind": "automation" if owner == "nobody" else "personal",
        "owner": None if owner in ("nobody", "deleted") else bob,
        "created_at": NOW - 30 * DAY,
        "expires_at": EXPIRIES[expiry],
        "disabled_at": NOW if disabled else None,
    }
    if revoked:
        fields["revoked_at"] = NOW
    assert models.QuerySet(AccessToken).filter(pk=token.pk).update(**fields) == 1


def met_by_a_request(issued):
    """Return the status that answers to the reason why the read path refuses the token."""
    facts = verify.Facts(address="192.0.2.1", secure=True, foreign_origin=False)
    credential = Credential(issued.token.token_id, issued.secret, "ak_prod")
    try:
        proven = verify.prove(credential, dialects={"default"}, now=NOW)
        token = verify.admit(proven, facts, NOW)
    except Refusal as refusal:
        return REASONS[refusal.reason]
    return token.status_at(NOW)


@pytest.mark.parametrize("revoked", [False, True])
def test_what_is_shown_is_what_a_request_meets_in_every_state(issue, bob, acme, revoked):
    issued = issue()
    seen = set()
    for state in STATES:
        if state[0] is not revoked or (revoked and state[1] not in ("active", "deleted")):
            continue
        names = ("revoked", "owner", "expiry", "archived", "suspended", "disabled")
        put(issued.token, bob, acme, **dict(zip(names, state, strict=True)))
        status = expected(*state)
        seen.add(status)
        alone = AccessToken.objects.get(pk=issued.token.pk)
        listed = AccessToken.objects.for_status().get(pk=issued.token.pk)
        shown = alone.status_at(NOW), listed.status_at(NOW), met_by_a_request(issued)
        assert shown == (status, status, status), state
        many = [s for s in Status if AccessToken.objects.with_status(s, NOW).exists()]
        assert many == [status], state
        assert AccessToken.objects.live(NOW).exists() is (status not in ENDED), state
        current = not revoked and state[2] != "past"
        assert AccessToken.objects.current(NOW).exists() is current, state
        assert (met_by_a_request(issued) in USABLE) is (status in USABLE), state
    assert seen == ({Status.REVOKED} if revoked else set(Status) - {Status.REVOKED})


def test_a_listed_token_knows_its_status_without_another_query(
    issue, bob, django_assert_num_queries
):
    for _ in range(3):
        issue(kind="personal", owner=bob)
    with django_assert_num_queries(1):
        tokens = list(AccessToken.objects.for_status())
        assert {token.status for token in tokens} == {Status.ACTIVE}


def test_a_token_read_anew_forgets_what_came_with_it_of_the_owner(issue, bob):
    issue(kind="personal", owner=bob)
    token = AccessToken.objects.for_status().get()
    Membership.objects.filter(user=bob)._raw_delete("default")
    assert token.status is Status.ACTIVE
    token.refresh_from_db()
    assert token.status is Status.OWNER_GONE


def test_a_presented_token_says_its_status_by_the_one_query(
    api, issue, bob, django_assert_num_queries
):
    issued = issue(kind="personal", owner=bob)
    api.key(issued).get("/access/v1/token")
    with django_assert_num_queries(1):
        assert api.get("/access/v1/token").json()["status"] == "active"


@pytest.fixture
def user_model(monkeypatch):
    """Let the class of users say something else of ``is_active``."""

    def give(value):
        monkeypatch.setattr(people, "declared_activity", lambda found: value)

    return give


@pytest.mark.parametrize("value", [True, False])
def test_one_value_for_all_people_is_known_to_queries(issue, bob, user_model, value):
    issue(kind="personal", owner=bob)
    user_model(value)
    wanted = Status.ACTIVE if value else Status.OWNER_INACTIVE
    found = [s for s in Status if AccessToken.objects.with_status(s).exists()]
    assert found == [wanted]
    assert people.is_known_to_queries()
    assert check_activity(None) == []


def test_people_without_is_active_are_active():
    class Bare:
        pass

    assert people.is_active(Bare()) is True
    assert people.declared_activity(Bare) is True


def test_an_activity_that_python_works_out_is_told_by_the_token_and_named_by_the_check(
    issue, bob, user_model, monkeypatch
):
    issue(kind="personal", owner=bob)
    user_model(property(lambda user: False))
    computed = property(lambda user: False, lambda user, value: None)
    monkeypatch.setattr(get_user_model(), "is_active", computed)
    token = AccessToken.objects.for_status().get()
    assert token.status is Status.OWNER_INACTIVE
    assert AccessToken.objects.with_status(Status.ACTIVE).exists()
    assert [message.id for message in check_activity(None)] == ["apikeys.W046"]
    assert not people.is_known_to_queries()
