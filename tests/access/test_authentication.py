"""A token as header key, Bearer and HTTP Basic: who gets in, and what the others are told."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from rest_framework.test import APIRequestFactory

from apikeys.credentials import argon2, keys
from apikeys.credentials.digests import text_of
from apikeys.models import AccessToken, Workspace
from apikeys.services.actors import Actor
from apikeys.services.tokens import create_token, revoke_token, rotate_token
from apikeys.testing.headers import headers_of
from tests.support.apis import DIALECTS, BearerAuthentication, Protected, say

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.support.apis"),
    pytest.mark.usefixtures("limits_in_memory"),
]

INVALID = {
    "title": "Unauthorized",
    "status": 401,
    "error": "api_key.invalid_or_ip_not_allowed",
    "detail": "The API key is invalid for this request, or your address is not on its list.",
}
CHALLENGE = 'ApiKey realm="api", Bearer realm="api", Basic realm="api", charset="UTF-8"'
HASHERS: dict[str, dict[str, Any]] = {
    "no pepper": {"PEPPERS": {}},
    "one pepper": {"PEPPERS": {1: "p" * 32}},
    "several peppers": {"PEPPERS": {1: "p" * 32, 2: "q" * 32, 7: "r" * 32}},
    "argon2": {"TOKEN_HASHER": "argon2"},
}


@pytest.fixture(params=HASHERS)
def hasher(request, settings):
    """Runs the test once with each way of digesting."""
    say(settings, **HASHERS[request.param])
    argon2.forget()
    return request.param


def pair(token_id: str, secret: str) -> str:
    return base64.b64encode(f"{token_id}:{secret}".encode()).decode()


def carried(issued) -> dict[str, dict[str, str]]:
    """The same token by every carrier of the default dialect."""
    return {
        "header": {"X-API-Key": issued.api_key},
        "bearer": {"Authorization": f"Bearer {issued.api_key}"},
        "basic": headers_of(issued, "Basic"),
    }


def wrong_secret(issued) -> str:
    """A key of the right shape and id with another secret."""
    other = keys.KeyShape().new_secret(issued.token.token_id)
    return keys.api_key("ak_prod", issued.token.token_id, other)


def unknown_key() -> str:
    shape = keys.KeyShape()
    token_id = shape.new_id()
    return keys.api_key("ak_prod", token_id, shape.new_secret(token_id))


def test_header_bearer_and_basic_are_the_same_principal(api, issue, hasher):
    issued = issue()
    answers = [api.get("/protected", headers=h) for h in carried(issued).values()]
    assert [a.status_code for a in answers] == [200] * 3
    assert [a.json() for a in answers] == [
        {
            "user": f"token:{issued.token.token_id}",
            "principal": "AccessTokenPrincipal",
            "token_id": issued.token.token_id,
        }
    ] * 3


def test_a_wrong_secret_and_an_unknown_id_are_the_same_401_by_every_carrier(api, issue, hasher):
    issued = issue()
    for key in (wrong_secret(issued), unknown_key()):
        _, token_id, secret = key.rsplit("_", 2)
        for headers in (
            {"X-API-Key": key},
            {"Authorization": f"Bearer {key}"},
            {"Authorization": f"Basic {pair(token_id, secret)}"},
        ):
            response = api.get("/protected", headers=headers)
            assert response.status_code == 401
            assert response.json() == INVALID


def test_a_revoked_token_is_refused_by_the_next_request(api, issue, hasher, actor):
    issued = issue()
    assert api.key(issued).get("/protected").status_code == 200
    revoke_token(actor=actor, token=issued.token)
    response = api.get("/protected")
    assert response.status_code == 401
    assert response.json()["error"] == "api_key.revoked"


def test_a_rotated_secret_takes_the_place_of_the_old_one(api, issue, hasher, actor):
    issued = issue()
    rotated = rotate_token(actor=actor, token=issued.token)
    assert api.key(rotated).get("/protected").status_code == 200
    assert api.key(issued).get("/protected").json() == INVALID


def test_a_digest_can_not_be_presented_as_the_secret(api, issue, hasher):
    issued = issue()
    stored = text_of(AccessToken.objects.get(pk=issued.token.pk).digest)
    token_id = issued.token.token_id
    for secret in (stored, stored.rpartition("$")[2], f"{token_id}:{stored}"):
        for headers in (
            {"X-API-Key": f"ak_prod_{token_id}_{secret}"},
            {"Authorization": f"Basic {pair(token_id, secret)}"},
        ):
            # Argon2's text holds commas, and a header with one is two credentials.
            ambiguous = "," in headers.get("X-API-Key", "")
            response = api.get("/protected", headers=headers)
            assert response.status_code == (400 if ambiguous else 401)


def test_a_digest_moved_to_another_row_opens_nothing(api, issue, hasher):
    one, two = issue(), issue()
    stored = text_of(AccessToken.objects.get(pk=one.token.pk).digest)
    AccessToken.objects.filter(pk=two.token.pk).update(digest=stored)
    key = keys.api_key("ak_prod", two.token.token_id, one.secret)
    assert api.get("/protected", headers={"X-API-Key": key}).status_code == 401
    basic = {"Authorization": f"Basic {pair(two.token.token_id, one.secret)}"}
    assert api.get("/protected", headers=basic).status_code == 401
    assert api.key(one).get("/protected").status_code == 200


def test_a_token_signed_with_an_earlier_pepper_works_and_one_without_its_pepper_does_not(
    api, issue, settings, caplog
):
    say(settings, PEPPERS={1: "p" * 32})
    old = issue()
    say(settings, PEPPERS={1: "p" * 32, 2: "q" * 32})
    new = issue()
    assert text_of(new.token.digest).startswith("hmac-sha256$2$")
    for issued in (old, new):
        assert api.key(issued).get("/protected").status_code == 200
    say(settings, PEPPERS={2: "q" * 32})
    assert api.key(new).get("/protected").status_code == 200
    assert "pepper missing" not in caplog.text
    assert api.key(old).get("/protected").json() == INVALID
    assert f"pepper missing version=1 token_id={old.token.token_id}" in caplog.text


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_read_in_any_case(api, issue, scheme):
    issued = issue()
    bearer = {"Authorization": f"{scheme} {issued.api_key}"}
    assert api.get("/protected", headers=bearer).status_code == 200
    name = {"bearer": "basic", "BEARER": "BASIC", "bEaReR": "bAsIc"}[scheme]
    basic = {"Authorization": f"{name}  {pair(issued.token.token_id, issued.secret)} "}
    assert api.get("/protected", headers=basic).status_code == 200


def test_the_name_of_the_header_matches_in_any_case(api, issue):
    for name in ("x-api-key", "X-API-KEY", "x-Api-Key"):
        assert api.get("/protected", headers={name: issue().api_key}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": ""}, {"Authorization": "Digest username=x"}, {"Authorization": "x"}],
)
def test_no_credential_is_a_401_that_says_so(api, headers, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = api.get("/protected", headers=headers)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == CHALLENGE
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    assert response.json() == {
        "title": "Unauthorized",
        "status": 401,
        "error": "api_key.missing",
        "detail": "An API key is required.",
        "headers": ["X-API-Key", "Authorization: Bearer", "Authorization: Basic"],
    }


@pytest.mark.parametrize("word", ["Token", "Api-Key", "ApiKey", "JWT", "Key"])
def test_a_key_behind_a_foreign_word_is_told_which_headers_carry_one(api, issue, word):
    issued = issue()
    response = api.get("/protected", headers={"Authorization": f"{word} {issued.api_key}"})
    assert response.status_code == 401
    assert response.json()["headers"] == [
        "X-API-Key",
        "Authorization: Bearer",
        "Authorization: Basic",
    ]
    wrong = api.get("/protected", headers={"Authorization": f"{word} ak_prod_nobodys"})
    assert wrong.content == response.content  # whether it is genuine is not told
    assert issued.secret not in response.content.decode()


def test_what_must_not_be_told_apart_answers_the_same_bytes(api, issue, settings):
    say(settings, DIALECTS=DIALECTS)
    issued = issue()
    elsewhere = issue(allowed_networks=["192.0.2.0/24"])
    answers = [
        api.get("/protected", headers={"X-API-Key": key})
        for key in (
            unknown_key(),
            wrong_secret(issued),
            "junk",
            issued.api_key[:-1],
            issued.api_key.replace("ak_prod", "ak_dev"),
            elsewhere.api_key,
        )
    ]
    Workspace.objects.filter(pk=issued.token.workspace_id).update(dialect="bearer")
    answers.append(api.get("/protected", headers={"X-API-Key": issued.api_key}))
    assert {a.status_code for a in answers} == {401}
    assert {a.content for a in answers} == {answers[0].content}
    assert {tuple(sorted(a.items())) for a in answers} == {tuple(sorted(answers[0].items()))}
    assert answers[0].json() == INVALID


@pytest.mark.parametrize("origin", [{"Origin": "https://a.example"}, {"Sec-Fetch-Site": "none"}])
def test_a_browser_is_never_challenged_for_a_password(api, origin):
    for headers in (origin, {**origin, "X-API-Key": "junk"}):
        response = api.get("/protected", headers=headers)
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == 'ApiKey realm="api", Bearer realm="api"'


def test_two_credentials_at_once_are_a_400_in_both_orders(api, issue):
    issued, other = issue(), issue()
    ways = carried(issued)
    bad = {"X-API-Key": "junk", "Authorization": "Bearer junk"}
    both = [
        {**ways["header"], **ways["bearer"]},
        {**ways["header"], **ways["basic"]},
        {**ways["bearer"], **ways["header"]},
        {**ways["header"], "Authorization": bad["Authorization"]},
        {"X-API-Key": "junk", **ways["basic"]},
        {"X-API-Key": f"{issued.api_key},{other.api_key}"},
        {"X-API-Key": f"{issued.api_key}, {issued.api_key}"},
        {"Authorization": f"Bearer {issued.api_key}, Basic x"},
        {"Authorization": f"Basic {pair('a', 'b')},Bearer {issued.api_key}"},
    ]
    for headers in both:
        response = api.get("/protected", headers=headers)
        assert response.status_code == 400, headers
        assert response.json() == {
            "title": "Bad Request",
            "status": 400,
            "error": "api_key.ambiguous",
            "detail": "Send one credential only; this request carries more than one.",
        }


def test_a_header_that_is_no_carrier_of_the_dialect_is_no_second_credential(
    api, issue, settings, acme
):
    say(settings, DIALECTS=DIALECTS)
    acme.workspaces.update(dialect="bearer")
    issued = issue()
    view = Protected.as_view(authentication_classes=[BearerAuthentication])
    request = APIRequestFactory().get(
        "/", headers={"X-API-Key": "junk", "Authorization": f"Bearer {issued.api_key}"}, secure=True
    )
    assert view(request).status_code == 200


@pytest.mark.parametrize(
    "value",
    [
        "\x00",
        "ak_prod_\x00",
        "🔑",
        "ak_prod_🔑",
        "é" * 66,
        "\ud800",
        "a" * 100_000,
        "_" * 5000,
        "   ",
        "%00",
        "ak_prod_0123456789abcdef_" + "0" * 49,
    ],
    ids=ascii,
)
def test_junk_is_a_401_without_a_query(api, value, db, django_assert_num_queries):
    for headers in (
        {"X-API-Key": value},
        {"Authorization": f"Bearer {value}"},
        {"Authorization": f"Basic {value}"},
        {"Authorization": f"Basic {base64.b64encode(value.encode('utf-8', 'replace')).decode()}"},
        {"Authorization": f"Basic {pair(ascii(value), ascii(value))}"},
    ):
        with django_assert_num_queries(0):
            response = api.get("/protected", headers=headers)
        assert response.status_code == 401, headers
        assert response.json() == INVALID


@pytest.mark.parametrize("text", ["YT!pi", "YTpi\n", " YTpi", "YTpi====", "Y", "YWI=", "8J+UkQ=="])
def test_broken_base64_is_a_401_without_a_query(api, text, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = api.get("/protected", headers={"Authorization": f"Basic {text}x"})
    assert response.json() == INVALID


@pytest.mark.parametrize("way", ["header", "bearer", "basic"])
def test_a_good_key_costs_exactly_one_query(api, issue, way, django_assert_num_queries):
    headers = carried(issue())[way]
    with django_assert_num_queries(1):
        assert api.get("/protected", headers=headers).status_code == 200


def test_a_refusal_costs_one_query_at_most(api, issue, actor, django_assert_num_queries):
    issued = issue(scopes=[])
    for key, status in ((unknown_key(), 401), (wrong_secret(issued), 401), (issued.api_key, 403)):
        with django_assert_num_queries(1):
            response = api.get("/protected", headers={"X-API-Key": key})
        assert response.status_code == status


@pytest.mark.parametrize("name", ["api_key", "key", "token", "X-API-Key", "access_token"])
def test_a_key_in_the_query_string_is_no_credential(api, issue, name):
    response = api.get("/protected", {name: issue().api_key})
    assert response.status_code == 401
    assert response.json()["error"] == "api_key.missing"


def test_a_bad_key_never_falls_through_to_the_next_authenticator(api, issue, make_user):
    user = make_user("dora@example.org", password="a good password")
    basic = {"Authorization": f"Basic {pair(user.get_username(), 'a good password')}"}
    assert api.get("/beside", headers=basic).json() == INVALID
    assert api.key(issue()).get("/beside").status_code == 200


def test_a_token_of_another_dialect_is_refused_and_any_dialect_takes_all(api, settings, acme):
    say(settings, DIALECTS=DIALECTS)
    acme.workspaces.filter(slug="production").update(dialect="cms")
    workspace = acme.workspaces.get(slug="production")
    issued = create_token(
        actor=Actor.system("tests"), workspace=workspace, name="CMS", scopes=["files:read"]
    )
    assert issued.api_key.startswith("fcms_")
    assert api.get("/files", headers={"X-Cms-Key": issued.api_key}).status_code == 200
    assert api.get("/protected", headers={"X-API-Key": issued.api_key}).json() == INVALID
    assert api.get("/any", headers={"X-API-Key": issued.api_key}).status_code == 200
    pair = base64.b64encode(f"{issued.token.token_id}:{issued.secret}".encode()).decode()
    basic = {"Authorization": f"Basic {pair}"}  # which its own dialect does not know
    assert api.get("/any", headers=basic).status_code == 200
    assert api.get("/protected", headers=basic).json() == INVALID
