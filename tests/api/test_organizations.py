"""Organizations, their people and invitations over the management API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from apikeys.models import AuditEvent, Invitation, Membership, Organization

pytestmark = pytest.mark.django_db


def test_an_admin_lists_the_organizations_they_manage_and_no_others(session, globex):
    rows = session.get("/access/v1/organizations").json()["results"]
    assert [row["slug"] for row in rows] == ["acme"]


def test_a_member_is_shown_no_policy(bob, logged_in):
    caller = logged_in(bob)
    assert caller.get("/access/v1/organizations").json()["results"] == []
    assert caller.call("get").status_code == 403


def test_what_a_patch_leaves_out_stays(session, acme):
    first = session.call("patch", "", {"max_lifetime_days": 90, "name": "Acme Ltd"})
    assert first.status_code == 200
    second = session.call("patch", "", {"allowed_networks": ["198.51.100.0/24"]})
    body = second.json()
    assert (body["name"], body["slug"], body["max_lifetime_days"]) == ("Acme Ltd", "acme", 90)
    assert body["allowed_networks"] == ["198.51.100.0/24"]
    third = session.call("patch", "", {"max_lifetime_days": None})
    assert third.json()["max_lifetime_days"] is None


def test_a_patch_is_made_whole_or_not_at_all(session, acme):
    answer = session.call("patch", "", {"max_lifetime_days": 90, "name": "\u2028"})
    assert answer.status_code == 400
    acme.refresh_from_db()
    assert (acme.max_lifetime_days, acme.name) == (None, "Acme")


@pytest.mark.parametrize(
    "body",
    [
        {"max_lifetime_days": "90"},
        {"max_lifetime_days": True},
        {"max_lifetime_days": 1.5},
        {"max_lifetime_days": 10**400},
        {"name": 5},
        {"limits": {"read": 5}},
        {"credits": 1000},
        {"slug": "other"},
        {"allowed_networks": "198.51.100.0/24"},
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_name(session, acme, body):
    answer = session.call("patch", "", body)
    assert answer.status_code == 400
    assert next(iter(answer.json()["fields"])).startswith(next(iter(body)))
    assert Organization.objects.filter(pk=acme.pk, name="Acme", credits=500).exists()


def test_only_the_operator_s_people_set_limits(session, alice, acme, charlie, logged_in):
    body = {"limits": {"read-token": "5/minute"}}
    refused = session.call("patch", "", {**body, "max_lifetime_days": 9})
    assert (refused.status_code, refused.json()["error"]) == (403, "limits.operator_required")
    charlie.is_staff = alice.is_staff = True
    charlie.save()
    assert logged_in(charlie).call("patch", "", body).status_code == 404
    acme.refresh_from_db()
    assert (acme.limits, acme.max_lifetime_days) == ({}, None)
    alice.save()
    allowed = session.call("patch", "", body)
    assert (allowed.status_code, allowed.json()["limits"]) == (200, {"read-token": "5/minute"})
    bad = session.call("patch", "", {"limits": {"read-token": "often"}})
    assert (bad.status_code, bad.json()["error"]) == (400, "limit.invalid")


def test_half_a_character_in_a_field_s_name_is_a_bad_request(session):
    answer = session.generic(
        "PATCH",
        "/access/v1/organizations/acme",
        b'{"\\ud800": 1}',
        content_type="application/json",
    )
    assert answer.status_code == 400
    assert answer.json()["fields"] == {
        "\\ud800": "There is no such field. "
        "Known: name, max_lifetime_days, allowed_networks, limits."
    }


def test_a_member_leaves_and_the_last_admin_can_t(session, bob, logged_in):
    last = session.call("post", "leave")
    assert (last.status_code, last.json()["error"]) == (409, "member.last_admin")
    assert logged_in(bob).call("post", "leave").status_code == 204
    assert not Membership.objects.filter(user=bob).exists()
    assert logged_in(bob).call("post", "leave").status_code == 404


def test_leaving_asks_for_a_recent_password_and_no_token_can_do_it(bob, logged_in, managing):
    old = logged_in(bob, checked=False).call("post", "leave")
    assert (old.status_code, old.json()["error"]) == (403, "reauthentication.required")
    by_token = managing.call("post", "leave")
    assert (by_token.status_code, by_token.json()["error"]) == (403, "session.required")
    assert Membership.objects.filter(user=bob).exists()


def test_an_invitation_is_sent_resent_and_withdrawn(session, acme):
    made = session.call("post", "invitations", {"email": "dana@example.org", "role": "admin"})
    assert (made.status_code, made.json()["state"]) == (201, "open")
    path = f"invitations/{made.json()['public_id']}"
    soon = session.call("post", f"{path}/resend")
    assert (soon.status_code, soon.json()["error"]) == (409, "invitation.just_sent")
    now = timezone.now()
    Invitation.objects.update(created_at=now - timedelta(days=8), expires_at=now)
    assert session.call("get", "invitations").json()["results"][0]["state"] == "expired"
    again = session.call("post", f"{path}/resend")
    assert (again.status_code, again.json()["state"]) == (200, "open")
    assert session.call("delete", path).status_code == 204
    assert session.call("get", "invitations").json()["results"] == []
    gone = session.call("post", f"{path}/resend")
    assert gone.status_code == 404
    actions = AuditEvent.objects.filter(action__startswith="invitation.")
    assert list(actions.values_list("action", flat=True)) == [
        "invitation.withdrawn",
        "invitation.resent",
        "invitation.created",
    ]


def test_an_invitation_s_mail_leads_to_the_dashboard(
    session, acme, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        session.call("post", "invitations", {"email": "dana@example.org"})
    assert "https://testserver/dashboard/invitations/" in mail.outbox[0].body


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""),
        ("get", "tokens"),
        ("get", "members"),
        ("get", "usage"),
        ("get", "audit-events"),
        ("patch", ""),
        ("get", "tokens/0000000000000000"),
    ],
)
def test_no_answer_is_kept_by_a_cache(session, method, path):
    assert session.call(method, path, {}).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["%00", "a%00b", "%F0%9F%98%80", "..", "0" * 5000])
def test_a_token_id_that_can_be_none_is_the_404_of_a_missing_one(session, name):
    missing = session.call("get", "tokens/0000000000000000")
    answer = session.call("get", f"tokens/{name}")
    assert (answer.status_code, missing.status_code) == (404, 404)
    assert answer.json()["error"] == missing.json()["error"] == "not_found"


def test_times_are_in_utc_whichever_zone_the_host_shows(session, issue, settings):
    settings.TIME_ZONE = "America/New_York"
    token_id = issue(expires_at=timezone.now() + timedelta(days=3)).token.token_id
    session.call("post", f"tokens/{token_id}/rotate", {"overlap_seconds": 3600})
    body = session.call("get", f"tokens/{token_id}").json()
    for name in ("created_at", "expires_at", "overlap_ends_at", "rotated_at"):
        assert body[name].endswith("Z"), name


@pytest.mark.parametrize("expiry", ["2035-01-01", "2035-01-01T00:00:00", 2035, "soon"])
def test_an_expiry_without_a_zone_is_refused(session, expiry):
    body = {"workspace": "production", "name": "CI", "scopes": [], "expires_at": expiry}
    answer = session.call("post", "tokens", body)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["expires_at"]
