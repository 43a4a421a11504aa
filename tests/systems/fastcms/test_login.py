"""S3-10: a JWT for the management calls, for as long as it stands for somebody."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from apikeys.models import AccessToken
from apikeys.services.members import add_member
from tests.systems.fastcms.words import KEYS, PASSWORD, UNAUTHENTICATED

pytestmark = [pytest.mark.django_db, pytest.mark.project]


def test_s3_10_log_in_answers_a_jwt_that_holds_no_primary_key(api, bob):
    import base64

    body = {"email": "bob@example.org", "password": PASSWORD}
    answer = api.post("/api/v1/auth/login", body, format="json")
    assert answer.status_code == 200
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("bearer", 900)
    assert answer["Cache-Control"] == "no-store"
    payload = answer.json()["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert set(claims) == {"token_type", "exp", "iat", "jti", "sub", "workspace", "session"}
    assert claims["sub"] == str(bob.apikeys_memberships.get().public_id)
    assert claims["workspace"] == "production"
    assert bob.password not in answer.content.decode()


def test_s3_10_keys_land_in_the_workspace_of_the_log_in(make_key, log_in):
    make_key(headers=log_in(workspace="development"))
    assert AccessToken.objects.get().workspace.slug == "development"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"password": "wrong"}, 401),
        ({"email": "nobody@example.org"}, 401),
        ({"email": "charlie@example.org"}, 403),
        ({"workspace": "staging"}, 422),
        ({"workspace": "globex/production"}, 403),
        ({"email": ""}, 422),
        ({"password": None}, 422),
    ],
)
def test_s3_10_who_may_not_log_in_gets_no_jwt(api, bob, charlie, fields, status):
    body = {"email": "bob@example.org", "password": PASSWORD, **fields}
    answer = api.post("/api/v1/auth/login", body, format="json")
    assert answer.status_code == status
    assert "access_token" not in answer.content.decode()
    if status == 401:
        assert answer.content == UNAUTHENTICATED


def test_s3_10_too_many_attempts_are_429(api, bob):
    for number in range(10):
        guess = {"email": f"nobody{number}@example.org", "password": "wrong"}
        assert api.post("/api/v1/auth/login", guess, format="json").status_code == 401
    body = {"email": "bob@example.org", "password": PASSWORD}
    answer = api.post("/api/v1/auth/login", body, format="json")
    assert answer.status_code == 429
    assert answer.json()["error"] == "Rate limit exceeded"
    assert 1 <= int(answer["Retry-After"]) <= 60


def test_s3_10_a_jwt_ends_with_its_time_its_member_its_password_and_its_organization(
    api, log_in, bob, acme, time_machine
):
    time_machine.move_to(datetime(2029, 1, 1, tzinfo=UTC), tick=False)
    headers = log_in()
    assert api.get(KEYS, headers=headers).status_code == 200

    def is_refused() -> bool:
        answer = api.get(KEYS, headers=headers)
        return (answer.status_code, answer.content) == (401, UNAUTHENTICATED)

    bob.is_active = False
    bob.save()
    assert is_refused()
    bob.is_active = True
    bob.save()
    acme.suspended_at = datetime(2029, 1, 1, tzinfo=UTC)
    acme.save()
    assert is_refused()
    acme.suspended_at = None
    acme.save()
    assert api.get(KEYS, headers=headers).status_code == 200
    time_machine.move_to(datetime(2029, 1, 1, 0, 15, tzinfo=UTC), tick=False)
    assert is_refused()
    fresh = log_in()
    bob.set_password("another horse battery staple")
    bob.save()
    assert api.get(KEYS, headers=fresh).content == UNAUTHENTICATED
    bob.apikeys_memberships.all().delete()
    assert is_refused()


def test_s3_10_passwords_and_jwts_over_plain_http_are_refused(in_process, api, log_in, bob):
    body = {"email": "bob@example.org", "password": PASSWORD}
    answers = [
        api.post("/api/v1/auth/login", body, format="json", secure=False),
        api.get(KEYS, headers=log_in(), secure=False),
    ]
    for answer in answers:
        assert answer.status_code == 403
        assert answer.json()["error"] == "Permission denied"
        assert "Location" not in answer


def test_s3_10_people_in_several_organizations_name_one(api, actor, bob, globex, log_in):
    add_member(actor=actor, organization=globex, user=bob, role="member")
    body = {"email": "bob@example.org", "password": PASSWORD}
    answer = api.post("/api/v1/auth/login", body, format="json")
    assert (answer.status_code, list(answer.json()["details"])) == (422, ["workspace"])
    assert log_in(workspace="globex/development")
