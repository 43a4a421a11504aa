"""Tokens that no database holds: found, judged and refused as rows are. No test here has one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from rest_framework.test import APIRequestFactory

from apikeys.models import AccessToken, Organization, Workspace
from apikeys.restrictions import Face
from apikeys.services.errors import Invalid
from apikeys.services.organizations import FIRST_CREDITS
from apikeys.testing import (
    APITokenClient,
    make_token,
    rate_limited,
    recorded_uses,
    token_client,
)
from apikeys.verification import memory, verify
from tests.support import apis
from tests.support.apis import say

pytestmark = [pytest.mark.urls("tests.support.apis"), pytest.mark.usefixtures("apikeys_isolated")]

# State, status, code, reason in the log.
REFUSED = [
    ("expired", 401, "api_key.expired", "token.expired"),
    ("disabled", 401, "api_key.disabled", "token.disabled"),
    ("revoked", 401, "api_key.revoked", "token.revoked"),
    ("archived", 401, "api_key.revoked", "workspace.archived"),
    ("suspended", 401, "api_key.disabled", "organization.suspended"),
    ("owner_inactive", 401, "api_key.disabled", "owner.inactive"),
    ("owner_gone", 401, "api_key.revoked", "owner.gone"),
    ("unknown", 401, "api_key.invalid_or_ip_not_allowed", "credential.unknown"),
    ("wrong_secret", 401, "api_key.invalid_or_ip_not_allowed", "credential.wrong_secret"),
]


def test_it_is_let_in_with_its_scope():
    client = token_client("notes:read")
    response = client.get("/protected")
    assert response.status_code == 200
    assert response.json() == {
        "user": f"token:{client.token.token_id}",
        "principal": "AccessTokenPrincipal",
        "token_id": client.token.token_id,
    }


def test_without_the_scope_it_is_refused_in_the_words_of_the_dialect():
    response = token_client("notes:read").post("/protected", {})
    assert response.status_code == 403
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["error"] == "scope.insufficient"
    assert response.json()["required_scope"] == "notes:write"


@pytest.mark.parametrize(("state", "status", "code", "reason"), REFUSED)
def test_a_state_is_refused_as_in_production(state, status, code, reason):
    response = token_client("notes:read", state=state).get("/protected")
    assert (response.status_code, response.json()["error"]) == (status, code)
    assert response["WWW-Authenticate"].startswith("ApiKey")
    assert response.wsgi_request.apikeys.refusal.reason == reason


def test_an_expiring_token_is_let_in_and_a_rotated_one_by_both_keys():
    assert token_client("notes:read", state="expiring").get("/protected").status_code == 200
    rotated = make_token("notes:read", state="rotated")
    assert APITokenClient(rotated).get("/protected").status_code == 200
    earlier = {"X-API-Key": rotated.previous_api_key}
    assert APITokenClient().get("/protected", headers=earlier).status_code == 200
    rotated.token.previous_expires_at = timezone.now()
    assert APITokenClient().get("/protected", headers=earlier).status_code == 401


def test_only_a_rotated_token_has_an_earlier_key():
    assert make_token().previous_api_key == ""


def test_a_change_between_two_requests_is_seen_by_the_second():
    client = token_client("notes:read")
    assert client.get("/protected").status_code == 200
    client.token.workspace.organization.suspended_at = timezone.now()
    assert client.get("/protected").json()["error"] == "api_key.disabled"
    client.token.workspace.organization.suspended_at = None
    client.token.expires_at = timezone.now() - timedelta(seconds=1)
    assert client.get("/protected").json()["error"] == "api_key.expired"


def test_what_a_view_changes_stays_in_the_view():
    made = make_token("notes:read")
    found = verify.find(made.token.token_id).copy()
    found.scopes.append("notes:write")
    found.workspace.slug = "changed"
    assert made.token.scopes == ["notes:read"]
    assert made.token.workspace.slug == "production"
    assert not found._state.adding


def test_its_address_must_be_on_its_list():
    client = token_client("notes:read", allowed_networks=["203.0.113.0/24"])
    assert client.get("/protected", REMOTE_ADDR="203.0.113.9").status_code == 200
    assert client.get("/protected", REMOTE_ADDR="198.51.100.9").status_code == 401
    assert recorded_uses(client.token) == {"success": 1, "refused": 1}


def test_the_list_of_its_organization_counts_too():
    organization = Organization(allowed_networks=["203.0.113.0/24"])
    client = token_client("notes:read", workspace=Workspace(organization=organization))
    assert client.get("/protected", REMOTE_ADDR="203.0.113.9").status_code == 200
    assert client.get("/protected").status_code == 401


def test_over_plain_http_it_is_refused():
    client = token_client("notes:read")
    assert client.get("/protected", secure=False).json()["error"] == "https_required"
    assert client.get("/protected").status_code == 200


def test_one_of_another_dialect_is_refused(settings):
    say(settings, DIALECTS=apis.DIALECTS)
    cms = make_token("files:read", dialect="cms")
    assert list(cms.headers) == ["X-Cms-Key"]
    assert cms.api_key.startswith("fcms_")
    assert APITokenClient(cms).get("/files").status_code == 200
    response = APITokenClient(cms).get("/protected", headers=cms.headers_by("Bearer"))
    assert response.json()["error"] == "api_key.invalid_or_ip_not_allowed"
    bearer = token_client("notes:read", dialect="bearer")  # of the same shape
    response = bearer.get("/protected")
    assert response.json()["error"] == "api_key.invalid_or_ip_not_allowed"
    assert response.wsgi_request.apikeys.refusal.reason == "credential.other_dialect"
    default = make_token("notes:read")
    response = APITokenClient(default, carrier="Bearer").get("/files")
    assert (response.status_code, list(response.json())) == (401, ["message", "fields"])


@pytest.mark.parametrize("carrier", ["X-API-Key", "Bearer", "Basic"])
def test_it_travels_by_every_carrier_of_its_dialect(carrier):
    assert token_client("notes:read", carrier=carrier).get("/protected").status_code == 200


def test_a_carrier_that_its_dialect_has_not_is_named():
    with pytest.raises(ValueError, match="carrier='Cookie': the dialect has X-API-Key, Bearer, Ba"):
        make_token().headers_by("Cookie")


def test_the_pair_of_basic_is_id_and_secret():
    made = make_token()
    assert made.basic_auth == (made.token.token_id, made.secret)
    assert made.secret not in repr(made)


def test_a_personal_token_acts_as_its_owner():
    bob = get_user_model()(**{get_user_model().USERNAME_FIELD: "bob@example.org"})
    response = token_client("notes:read", owner=bob).get("/protected")
    assert response.json()["user"] == str(bob.pk)
    assert response.json()["principal"] == get_user_model().__name__
    bob.is_active = False
    assert token_client("notes:read", owner=bob, state="owner_inactive").token.owner is bob


def test_an_owner_whose_activity_is_no_column_can_not_be_made_inactive(monkeypatch):
    monkeypatch.setattr("apikeys.testing.states.declared_activity", lambda model: True)
    with pytest.raises(ValueError, match="is_active is no column of this user model"):
        make_token(state="owner_inactive")


def test_a_view_that_is_called_by_hand_takes_it():
    made = make_token("notes:read")
    request = APIRequestFactory().get("/", headers=made.headers, secure=True)
    response = apis.Protected.as_view()(request)
    assert response.data["token_id"] == made.token.token_id
    assert recorded_uses(made) == {}  # the middleware counts


def test_two_tokens_of_one_workspace_share_what_is_counted_for_their_organization():
    first = token_client("notes:read")
    second = token_client("notes:read", workspace=first.token.workspace)
    stranger = token_client("notes:read")
    remaining = [
        client.get("/limited")["RateLimit"].split('"together";r=')[1].split(";")[0]
        for client in (first, second, stranger)
    ]
    assert remaining == ["4", "3", "4"]


def test_an_organization_may_have_rates_of_its_own():
    organization = Organization(limits={"reads": "1/minute"})
    client = token_client("notes:read", workspace=Workspace(organization=organization))
    assert [client.get("/limited").status_code for _ in range(2)] == [200, 429]


def test_use_is_counted_by_outcome_and_never_written():
    client = token_client("notes:read")
    other = token_client("notes:read")
    with rate_limited():
        client.get("/limited")
    client.get("/protected")
    client.get("/protected")
    client.post("/protected")
    assert recorded_uses(client.token) == {"limited": 1, "success": 2, "refused": 1}
    assert recorded_uses(other.issued) == {}


def test_a_view_of_any_dialect_takes_it(settings):
    say(settings, DIALECTS=apis.DIALECTS)
    client = token_client("files:read", dialect="cms", carrier="Bearer")
    assert client.get("/any").status_code == 200


def test_what_it_can_not_be_is_said():
    with pytest.raises(ValueError, match="state='gone': choose one of active, expiring, expired"):
        make_token(state="gone")
    with pytest.raises(ValueError, match=r"state='active' can't be had.*would be expired"):
        make_token(expires_at=timezone.now() - timedelta(days=1))
    with pytest.raises(ValueError, match=r"state='disabled' can't be had.*would be archived"):
        make_token(state="disabled", workspace=make_token(state="archived").token.workspace)
    with pytest.raises(ValueError, match="The dialect of that workspace is 'default'"):
        make_token(workspace=Workspace(), dialect="cms")
    with pytest.raises(TypeError, match="stat=: a token for tests is told by its scopes and state"):
        make_token("notes:read", stat="expired")
    with pytest.raises(ImproperlyConfigured, match="no dialect 'gone'"):
        make_token(dialect="gone")
    with pytest.raises(Invalid, match="address or range"):
        make_token(allowed_networks=["here"])
    with pytest.raises(Invalid, match="notes:reed"):
        make_token("notes:reed")


def test_it_has_what_a_row_would_have():
    token = make_token("notes:read", name="Ci").token
    copy = verify.find(token.token_id).copy()
    empty = {
        field.name
        for field in AccessToken._meta.concrete_fields
        if not field.null and not field.blank and getattr(copy, field.attname) in (None, "")
    }
    assert empty <= {"previous_digest", "revoked_by", "revoke_reason", "last_used_agent"}
    assert copy.name_key == "ci"
    assert copy.workspace.created_at is not None
    assert copy.organization.credits == FIRST_CREDITS
    assert copy.organization.slug == token.organization.slug != ""
    assert copy.status == "active"


def test_it_is_not_remembered_beyond_its_changes(monkeypatch):
    """Redis's epoch remembers under test runners too."""
    made = make_token("notes:read")
    found = verify.find(made.token.token_id)
    proven = verify.Proven(found, verify.validity_of(found), False)
    key = (b"mark", "X-API-Key", None, False, None)
    memory.memory.put(key, memory.Entry(b"epoch", float("inf"), proven))
    assert memory.memory.get(key) is None


def test_a_rule_of_the_dialects_own_is_asked(settings, monkeypatch):
    class Closed:
        def objection(self, token, facts):
            return Face(403, "closed", f"{token.workspace.slug} is closed.")

    monkeypatch.setattr("apikeys.dialects.DefaultDialect.restrictions", (Closed(),))
    response = token_client("notes:read").get("/protected")
    assert (response.status_code, response.json()["error"]) == (403, "closed")
