"""What must be true of a token and of all above it, for every request anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from apikeys.activity import usage
from apikeys.credentials.keys import Credential
from apikeys.models import AccessToken, Membership, Organization, UsageCounter, Workspace
from apikeys.models.tokens import Kind
from apikeys.principals import AccessTokenPrincipal
from apikeys.refusals import FACES, Reason, Refusal
from apikeys.services.members import remove_member
from apikeys.services.tokens import disable_token, enable_token, end_overlap, rotate_token
from apikeys.verification import validity, verify
from tests.support.apis import DIALECTS, say

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.support.apis"),
    pytest.mark.usefixtures("limits_in_memory"),
]


def refusal(issued, *, now=None, **facts):
    """Return the true reason why the read path refuses the token, None when it does not."""
    facts = {"address": "192.0.2.1", "secure": True, "foreign_origin": False, **facts}
    try:
        proven = verify.prove(
            Credential(issued.token.token_id, issued.secret, "ak_prod"),
            dialects={"default"},
            now=now,
        )
        verify.admit(proven, verify.Facts(**facts), now)
    except Refusal as refused:
        return refused.reason
    return None


def change(queryset, **fields):
    assert queryset.update(**fields) == 1


def token_of(issued):
    return AccessToken.objects.filter(pk=issued.token.pk)


NOW = datetime(2026, 6, 1, tzinfo=UTC)
STATES = {
    "disabled": (token_of, "disabled_at", NOW, Reason.DISABLED),
    "organization suspended": (
        lambda issued: Organization.objects.filter(slug="acme"),
        "suspended_at",
        NOW,
        Reason.ORGANIZATION_SUSPENDED,
    ),
    "workspace archived": (
        lambda issued: Workspace.objects.filter(pk=issued.token.workspace_id),
        "archived_at",
        NOW,
        Reason.WORKSPACE_ARCHIVED,
    ),
    "revoked": (token_of, "revoked_at", NOW, Reason.REVOKED),
    "expired": (token_of, "expires_at", None, Reason.EXPIRED),
}


@pytest.mark.parametrize("name", STATES)
def test_each_state_refuses_the_next_request_and_its_end_lets_it_pass(api, issue, name):
    issued = issue()
    rows, field, moment, reason = STATES[name]
    api.key(issued)
    if reason is Reason.EXPIRED:
        AccessToken.objects.filter(pk=issued.token.pk).update(created_at=NOW - timedelta(days=9))
        moment = timezone.now()
    assert api.get("/protected").status_code == 200
    change(rows(issued), **{field: moment})
    response = api.get("/protected")
    face = FACES[reason]
    assert response.status_code == face.status == 401
    assert response.json() == {
        "title": "Unauthorized",
        "status": 401,
        "error": face.code,
        "detail": face.detail,
    }
    assert response["WWW-Authenticate"]
    assert refusal(issued) is reason
    if reason is not Reason.REVOKED:  # which is for ever, and PostgreSQL sees to it
        change(rows(issued), **{field: None})
        assert api.get("/protected").status_code == 200


def test_disabled_by_its_service_and_enabled_again(api, issue, actor):
    issued = issue()
    disable_token(actor=actor, token=issued.token)
    assert api.key(issued).get("/protected").json()["error"] == "api_key.disabled"
    enable_token(actor=actor, token=issued.token)
    assert api.get("/protected").status_code == 200


def test_a_state_is_told_only_to_who_has_the_secret(api, issue):
    issued = issue()
    other = issue()
    change(token_of(issued), revoked_at=NOW)
    forged = Credential(issued.token.token_id, other.secret, "ak_prod")
    with pytest.raises(Refusal) as refused:
        verify.prove(forged, dialects={"default"})
    assert refused.value.reason is Reason.WRONG_SECRET
    assert refused.value.token_pk is None


def test_a_token_expires_at_its_moment_and_not_a_microsecond_before(issue):
    moment = timezone.now() + timedelta(days=1)
    issued = issue(expires_at=moment)
    one = timedelta(microseconds=1)
    assert refusal(issued, now=moment - one) is None
    assert refusal(issued, now=moment) is Reason.EXPIRED
    assert refusal(issued, now=moment + one) is Reason.EXPIRED


def test_expiry_over_http_follows_the_clock(api, issue, time_machine):
    time_machine.move_to(NOW, tick=False)
    api.key(issue(expires_at=NOW + timedelta(hours=1)))
    time_machine.shift(3599.999)
    assert api.get("/protected").status_code == 200
    time_machine.shift(0.001)
    assert api.get("/protected").json()["error"] == "api_key.expired"


@pytest.fixture
def personal(issue, bob):
    return issue(kind=Kind.PERSONAL, owner=bob)


def test_a_personal_token_is_its_owner(api, personal, bob):
    answer = api.key(personal).get("/protected").json()
    assert answer["user"] == str(bob.pk)
    assert answer["principal"] == type(bob).__name__


def test_an_inactive_owner_is_refused_and_comes_back(api, personal, bob):
    bob.is_active = False
    bob.save()
    response = api.key(personal).get("/protected")
    assert (response.status_code, response.json()["error"]) == (401, "api_key.disabled")
    assert refusal(personal) is Reason.OWNER_INACTIVE
    bob.is_active = True
    bob.save()
    assert api.get("/protected").status_code == 200


def test_a_removed_member_loses_the_token_even_without_its_revocation(api, personal, bob, acme):
    # As SQL does it; a deletion in code revokes.
    Membership.objects.filter(organization=acme, user=bob)._raw_delete("default")
    response = api.key(personal).get("/protected")
    assert (response.status_code, response.json()["error"]) == (401, "api_key.revoked")
    assert refusal(personal) is Reason.OWNER_GONE


def test_a_member_removed_by_its_service_loses_the_token(api, personal, bob, acme, actor):
    membership = Membership.objects.get(organization=acme, user=bob)
    remove_member(actor=actor, membership=membership)
    assert api.key(personal).get("/protected").json()["error"] == "api_key.revoked"
    assert refusal(personal) is Reason.REVOKED


def test_a_deleted_owner_is_refused_for_ever(api, personal, bob):
    bob.delete()
    assert api.key(personal).get("/protected").json()["error"] == "api_key.revoked"
    assert refusal(personal) is Reason.REVOKED


def test_a_token_without_its_owner_is_refused_whatever_else_it_says(personal):
    change(token_of(personal), owner=None)
    assert refusal(personal) is Reason.OWNER_GONE


def test_membership_elsewhere_does_not_help(personal, bob, acme, globex):
    Membership.objects.filter(user=bob).update(organization=globex)
    assert refusal(personal) is Reason.OWNER_GONE


def test_an_automation_token_survives_the_people(api, issue, alice, acme):
    issued = issue()
    Membership.objects.filter(organization=acme)._raw_delete("default")
    alice.delete()
    assert api.key(issued).get("/protected").status_code == 200


def test_an_automation_token_is_no_person(api, issue):
    issued = issue()
    principal = AccessTokenPrincipal(issued.token)
    assert (principal.is_authenticated, principal.is_active) == (True, True)
    assert (principal.is_anonymous, principal.is_staff, principal.is_superuser) == (False,) * 3
    name = f"token:{issued.token.token_id}"
    assert str(principal) == principal.get_username() == principal.pk == principal.id == name
    assert not principal.has_perm("auth.add_user")
    assert not principal.has_perms(["auth.add_user"])
    assert not principal.has_module_perms("auth")
    assert principal.get_all_permissions() == set()


@pytest.mark.parametrize("on", ["token", "organization"])
def test_only_a_listed_address_may_use_the_token(api, issue, acme, on):
    listed = ["192.0.2.0/24", "2001:db8::/32"]
    issued = issue(allowed_networks=listed if on == "token" else [])
    if on == "organization":
        Organization.objects.filter(pk=acme.pk).update(allowed_networks=listed)
    api.key(issued)
    for address in ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8::7"):
        assert api.get("/protected", REMOTE_ADDR=address).status_code == 200
    for address in ("192.0.3.7", "10.0.0.1", "2001:db9::7", "", "junk"):
        response = api.get("/protected", REMOTE_ADDR=address)
        assert response.status_code == 401
        assert response.json()["error"] == "api_key.invalid_or_ip_not_allowed"


def test_both_lists_must_have_the_address(issue, acme):
    issued = issue(allowed_networks=["192.0.2.0/25"])
    Organization.objects.filter(pk=acme.pk).update(allowed_networks=["192.0.2.64/26"])
    assert refusal(issued, address="192.0.2.65") is None
    for address in ("192.0.2.1", "192.0.2.200", None):
        assert refusal(issued, address=address) is Reason.ADDRESS_NOT_ALLOWED


def test_an_unknown_address_passes_where_no_list_is(api, issue):
    assert api.key(issue()).get("/protected", REMOTE_ADDR="").status_code == 200


def test_a_list_of_junk_in_the_database_lets_nobody_in(issue):
    issued = issue()
    change(token_of(issued), allowed_networks=["junk"])
    assert refusal(issued) is Reason.ADDRESS_NOT_ALLOWED


def test_a_forwarded_address_counts_from_a_trusted_proxy_alone(api, issue, settings):
    api.key(issue(allowed_networks=["192.0.2.7"]))
    spoofed = {"HTTP_X_FORWARDED_FOR": "192.0.2.7", "REMOTE_ADDR": "10.0.0.1"}
    assert api.get("/protected", **spoofed).status_code == 401
    say(settings, TRUSTED_PROXIES=["10.0.0.0/8"])
    assert api.get("/protected", **spoofed).status_code == 200
    stuffed = {**spoofed, "HTTP_X_FORWARDED_FOR": "192.0.2.7, 203.0.113.9"}
    assert api.get("/protected", **stuffed).status_code == 401
    assert api.get("/protected", REMOTE_ADDR="10.0.0.1").status_code == 401


def test_a_key_over_plain_http_is_a_403_and_no_redirect(api, issue, settings):
    api.key(issue())
    response = api.get("/protected", secure=False)
    assert response.status_code == 403
    assert response.json()["error"] == "https_required"
    assert "Location" not in response
    proxied = {"HTTP_X_FORWARDED_PROTO": "https", "REMOTE_ADDR": "10.0.0.1"}
    assert api.get("/protected", secure=False, **proxied).status_code == 403
    say(settings, TRUSTED_PROXIES=["10.0.0.0/8"])
    assert api.get("/protected", secure=False, **proxied).status_code == 200
    say(settings, REQUIRE_HTTPS=False, TRUSTED_PROXIES=[])
    assert api.get("/protected", secure=False).status_code == 200


def test_plain_http_is_told_only_to_who_has_the_secret(api, issue):
    response = api.get("/protected", headers={"X-API-Key": "junk"}, secure=False)
    assert response.status_code == 401


def test_a_foreign_page_is_refused_where_the_dialect_says_so(api, settings, acme, issue):
    say(settings, DIALECTS=DIALECTS)
    acme.workspaces.update(dialect="cms")
    key = {"X-Cms-Key": issue(scopes=["files:read"]).api_key}
    assert api.get("/files", headers=key).status_code == 200
    for own in ("https://cms.example", "https://testserver"):
        assert api.get("/files", headers={**key, "Origin": own}).status_code == 200
    for foreign in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        response = api.get("/files", headers={**key, **foreign})
        assert response.status_code == 403
        assert response.json()["message"] == FACES[Reason.FOREIGN_ORIGIN].detail
        stranger = api.get("/files", headers={"X-Cms-Key": "fcms_junk", **foreign})
        assert stranger.status_code == 401


def test_where_the_dialect_allows_it_a_foreign_page_may_use_a_key(api, issue):
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert api.key(issue()).get("/protected", headers=foreign).status_code == 200


def test_both_secrets_work_during_an_overlap_and_one_after_it(api, issue, actor, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    old = issue()
    new = rotate_token(actor=actor, token=old.token, overlap=timedelta(hours=1))
    assert api.key(old).get("/protected").status_code == 200
    assert api.key(new).get("/protected").status_code == 200
    usage.flush()
    token = AccessToken.objects.get(pk=old.token.pk)
    assert token.previous_last_used_at == token.last_used_at
    assert UsageCounter.objects.get(token=token).count == 2
    time_machine.shift(3600)
    assert api.key(new).get("/protected").status_code == 200
    assert api.key(old).get("/protected").status_code == 401


def test_an_overlap_ended_early_ends_the_old_secret_at_once(api, issue, actor):
    old = issue()
    new = rotate_token(actor=actor, token=old.token, overlap=timedelta(days=7))
    end_overlap(actor=actor, token=new.token)
    assert api.key(old).get("/protected").status_code == 401
    assert api.key(new).get("/protected").status_code == 200


def test_a_token_that_is_not_let_in_is_counted_and_keeps_its_last_use(
    api, issue, acme, time_machine
):
    time_machine.move_to(NOW, tick=False)
    issued = issue(allowed_networks=["192.0.2.0/24"])
    api.key(issued).get("/protected", REMOTE_ADDR="192.0.2.7")
    time_machine.shift(3600)
    api.get("/protected", REMOTE_ADDR="203.0.113.9")
    usage.flush()
    token = AccessToken.objects.get(pk=issued.token.pk)
    assert (token.last_used_at, token.last_used_address) == (NOW, "192.0.2.7")
    counted = UsageCounter.objects.values_list("outcome", "count")
    assert set(counted) == {("success", 1), ("refused", 1)}


def test_an_owners_is_active_that_is_worked_out_is_asked_each_time(issue, bob, monkeypatch):
    asked = []

    def is_active(user):
        asked.append(user)
        return len(asked) < 3

    monkeypatch.setattr(type(bob), "is_active", property(is_active))
    monkeypatch.setattr(validity, "_is_active_of", lambda model: model.is_active)
    issued = issue(kind="personal", owner=bob, scopes=[])
    asked.clear()
    assert [refusal(issued) for _ in range(4)] == [None, None, *[Reason.OWNER_INACTIVE] * 2]
    assert len({id(user) for user in asked}) == 4
