"""A view that takes keys and another scheme by ``Authorization: Bearer``, in either order."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.urls import path
from rest_framework.authentication import BaseAuthentication, TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys import checks
from apikeys.authentication import AccessTokenAuthentication, LeavesAccessTokens
from apikeys.credentials.carriers import Bearer, Header
from apikeys.dialects import Dialect
from apikeys.permissions import HasScope
from tests.support.apis import say

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.access.test_shared_bearer"),
    pytest.mark.usefixtures("limits_in_memory"),
]
# Long enough for half a key, and with underscores and hyphens, as base64url has them.
GOOD = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZV9vZl9hY21lIn0.Yf-A_0123456789abcdefABCDEF_xyz"
BAD = GOOD[:-1]


class Jwt(BaseAuthentication):
    """Refuses every Bearer text that is none of its own, as simplejwt does."""

    def authenticate(self, request):
        words = request.META.get("HTTP_AUTHORIZATION", "").split()
        if not words or words[0] != "Bearer":
            return None
        if words[1:] != [GOOD]:
            raise AuthenticationFailed("Given token not valid for any token type")
        return get_user_model().objects.get(email="alice@example.org"), "jwt"

    def authenticate_header(self, request):
        return 'Bearer realm="api"'


class JwtBesideKeys(LeavesAccessTokens, Jwt):
    """What docs/drf.md says to write."""


class KeysBesideJwt(AccessTokenAuthentication):
    leaves_foreign_bearer = True


class PlainDialect(Dialect):
    """Keys without a prefix."""

    carriers = (Header("X-Plain-Key"), Bearer())
    prefixes = {"development": ""}
    scopes = {"notes:read": "Read notes"}


class PlainKeysBesideJwt(KeysBesideJwt):
    dialect = "plain"


class Notes(APIView):
    permission_classes: Any = [HasScope | IsAuthenticated]
    scope_resource = "notes"
    anonymous_access: Any = None

    def get(self, request):
        return Response({"auth": type(request.auth).__name__, "user": request.user.is_active})


def notes(*authenticators, **more):
    return Notes.as_view(authentication_classes=list(authenticators), **more)


urlpatterns = [
    path("keys-first", notes(KeysBesideJwt, Jwt)),
    path("jwt-first", notes(JwtBesideKeys, AccessTokenAuthentication)),
    path("both-polite", notes(JwtBesideKeys, KeysBesideJwt)),
    path("plain-keys", notes(PlainKeysBesideJwt, Jwt)),
    path("scope-only", notes(KeysBesideJwt, Jwt, permission_classes=[HasScope])),
    path("alone", notes(KeysBesideJwt)),
    path("nobody", notes(KeysBesideJwt, TokenAuthentication, anonymous_access="everyone")),
    path("rude-first", notes(Jwt, AccessTokenAuthentication)),
    path("rude-last", notes(AccessTokenAuthentication, Jwt)),
    path("without", notes(JwtBesideKeys, permission_classes=[IsAuthenticated])),
]
ORDERS = ["keys-first", "jwt-first", "both-polite"]


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def wrong(key):
    return key[:-1] + ("0" if key[-1] != "0" else "1")


@pytest.mark.parametrize("path", ORDERS)
def test_each_is_judged_by_its_own(api, issue, alice, path):
    key = issue().api_key
    for headers in (bearer(key), {"X-API-Key": key}):
        response = api.get(f"/{path}", headers=headers)
        assert (response.status_code, response.json()["auth"]) == (200, "AccessToken")
    person = api.get(f"/{path}", headers=bearer(GOOD))
    assert (person.status_code, person.json()["auth"]) == (200, "str")
    assert api.get(f"/{path}", headers=bearer(BAD)).status_code == 401
    poor = api.get(f"/{path}", headers=bearer(issue(scopes=["notes:write"]).api_key))
    assert poor.status_code == 403
    assert api.get(f"/{path}").status_code == 401


@pytest.mark.parametrize("path", ORDERS)
def test_whatever_may_be_a_key_is_judged_as_one_and_hidden(api, issue, path, alice, caplog):
    key = issue().api_key
    others = [
        wrong(key),
        key[:-5],
        key.upper(),
        f'"{key}"',
        f"{key},{GOOD}",
        "ak_dev_x",
        "ak_prod_",
        "",
    ]
    for text in others:
        response = api.get(f"/{path}", headers=bearer(text))
        assert response.status_code in (400, 401), text
        assert "Given token" not in response.content.decode(), text
        shown = response.wsgi_request.META["HTTP_AUTHORIZATION"]
        assert str(shown).startswith("Bearer ***"), text
    assert caplog.text.count("reason=credential.") == len(others)


@pytest.mark.usefixtures("hidden")
@pytest.mark.parametrize("path", ORDERS)
def test_keys_that_are_hidden_from_other_tools_are_judged_and_counted_all_the_same(
    api, issue, settings, path
):
    settings.APIKEYS = {**settings.APIKEYS, "LIMITS": {"failed_credentials": "3/minute"}}
    key = issue().api_key
    statuses = [api.get(f"/{path}", headers=bearer(wrong(key))).status_code for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    assert api.get(f"/{path}", headers=bearer(key)).status_code == 200


@pytest.mark.parametrize("path", ORDERS)
def test_a_key_that_is_refused_leaves_its_reason(api, issue, path, caplog):
    poor = issue(scopes=["notes:write"])
    assert api.get(f"/{path}", headers=bearer(poor.api_key)).status_code == 403
    assert "refused status=403 reason=scope.insufficient" in caplog.text


@pytest.mark.parametrize("path", ORDERS)
def test_two_credentials_are_one_too_many(api, issue, alice, path):
    key = issue().api_key
    for text in (GOOD, BAD, key):
        response = api.get(f"/{path}", headers={"X-API-Key": key, **bearer(text)})
        assert response.status_code == 400
        assert response.json()["detail"].startswith("Send one credential only")
        assert key not in str(response.wsgi_request.META["HTTP_X_API_KEY"])


@pytest.mark.parametrize("path", ORDERS)
def test_wrong_keys_are_counted_and_wrong_tokens_of_others_are_not(api, issue, settings, path):
    say(settings, LIMITS={"failed_credentials": "2/minute"})
    for _ in range(4):
        assert api.get(f"/{path}", headers=bearer(BAD)).status_code == 401
    text = wrong(issue().api_key)
    found = [api.get(f"/{path}", headers=bearer(text)).status_code for _ in range(3)]
    assert found == [401, 401, 429]


@pytest.mark.parametrize("path", ORDERS)
def test_no_shared_cache_keeps_either_answer(api, issue, alice, path):
    for text in (GOOD, issue().api_key):
        response = api.get(f"/{path}", headers=bearer(text))
        assert response["Cache-Control"] == "private"
        assert {"X-API-Key", "Authorization"} <= set(response["Vary"].split(", "))
    assert api.get(f"/{path}", headers=bearer(BAD))["Cache-Control"] == "no-store"


def test_keys_without_a_prefix_are_known_by_their_shape(api, settings, issue, acme, alice):
    say(settings, DIALECTS={"plain": "tests.access.test_shared_bearer.PlainDialect"})
    acme.workspaces.update(dialect="plain")
    key = issue().api_key
    assert "_" in key
    assert api.get("/plain-keys", headers=bearer(key)).json()["auth"] == "AccessToken"
    assert api.get("/plain-keys", headers=bearer(GOOD)).json()["auth"] == "str"
    refused = api.get("/plain-keys", headers=bearer("ak_dev_key_of_another_dialect"))
    assert refused.json()["error"] == "api_key.invalid_or_ip_not_allowed"


def test_a_person_by_jwt_has_no_scopes(api, alice):
    assert api.get("/scope-only", headers=bearer(GOOD)).status_code == 403


def test_what_nobody_reads_lets_nobody_in(api):
    refused = api.get("/alone", headers=bearer(GOOD))
    assert refused.json()["error"] == "api_key.invalid_or_ip_not_allowed"
    assert api.get("/nobody").status_code == 200
    assert api.get("/nobody", headers=bearer(GOOD)).status_code == 401


def test_without_keys_on_the_view_another_scheme_is_itself(api, issue, alice):
    assert api.get("/without", headers=bearer(GOOD)).status_code == 200
    assert api.get("/without", headers=bearer(issue().api_key)).status_code == 401


def test_the_check_names_an_order_in_which_one_hides_the_other(settings):
    dialect = f"{__name__}.PlainDialect"
    say(settings, DIALECTS={"plain": dialect})
    found = [(each.id, each.msg) for each in checks.authenticators.check_authenticators(None)]
    assert found == [
        (
            "apikeys.W028",
            f"{__name__}.Notes: Jwt comes first, and may refuse keys that come as Bearer.",
        ),
        (
            "apikeys.W028",
            f"{__name__}.Notes: AccessTokenAuthentication refuses what comes as Bearer for Jwt.",
        ),
    ]
