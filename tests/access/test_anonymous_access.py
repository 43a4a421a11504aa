"""Requests without a credential, on views that say whom they answer so."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys import checks, permissions
from apikeys.authentication import AccessTokenAuthentication
from apikeys.dialects import DefaultDialect
from apikeys.limits import Limit
from apikeys.permissions import HasScope
from apikeys.throttling import AccessTokenThrottle

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

HOME = "https://notes.example"


class Homely(DefaultDialect):
    first_party_origins = frozenset({HOME})


class Open(APIView):
    authentication_classes = (AccessTokenAuthentication,)
    permission_classes = (HasScope,)
    scope_resource = "notes"
    throttle_classes = (AccessTokenThrottle,)
    limits = (
        Limit("2/hour", per="address", on="anonymous"),
        Limit("100/hour", per="token"),
    )
    anonymous_access = "everyone"

    def get(self, request):
        return Response({"user": str(request.user), "token": request.auth is not None})


class FirstParty(Open):
    anonymous_access = "first_party"
    limits = ()


class Closed(FirstParty):
    anonymous_access = None


class Unlimited(Open):
    limits = ()


class Unthrottled(Open):
    throttle_classes = ()


class Misspelt(FirstParty):
    anonymous_access = "every one"


urlpatterns = [
    path("open", Open.as_view()),
    path("first-party", FirstParty.as_view()),
    path("closed", Closed.as_view()),
    path("unlimited", Unlimited.as_view()),
    path("unthrottled", Unthrottled.as_view()),
    path("misspelt", Misspelt.as_view()),
]


@pytest.fixture(autouse=True)
def _dialect(settings):
    settings.APIKEYS = {**settings.APIKEYS, "DIALECTS": {"default": f"{__name__}.Homely"}}


def test_a_view_open_to_everyone_answers_without_a_credential(api):
    response = api.get("/open")
    assert response.status_code == 200
    assert response.json() == {"user": "AnonymousUser", "token": False}


def test_a_view_that_says_nothing_answers_nobody_without_a_credential(api):
    first_party = {"Origin": HOME, "Sec-Fetch-Site": "same-origin"}
    assert api.get("/closed").status_code == 401
    assert api.get("/closed", headers=first_party).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": HOME},
        {"Origin": HOME, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-origin"},
    ],
)
def test_a_first_party_page_is_answered_without_a_credential(api, headers):
    assert api.get("/first-party", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": HOME.upper()},
        {"Origin": f"{HOME}.evil.example"},
        {"Origin": f"{HOME}:8443"},
        {"Origin": f"{HOME}/"},
        {"Origin": "http://notes.example"},
        {"Origin": f"{HOME}, https://evil.example"},
        {"Referer": f"{HOME}/page"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_any_other_origin_needs_a_key(api, headers):
    response = api.get("/first-party", headers=headers)
    assert response.status_code == 401
    assert response.json()["error"] == "api_key.missing"


@pytest.mark.parametrize("path", ["/open", "/first-party"])
@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": "junk"},
        {"X-API-Key": ""},
        {"Authorization": "Bearer junk"},
        {"Authorization": "Basic anVuazpqdW5r"},
    ],
)
def test_an_invalid_key_never_falls_back_to_anonymous(api, path, headers):
    response = api.get(path, headers={"Origin": HOME, **headers})
    assert response.status_code == 401
    assert response.json()["error"] == "api_key.invalid_or_ip_not_allowed"


def test_a_revoked_key_never_falls_back_to_anonymous(api, issue, actor):
    from apikeys.services.tokens import revoke_token

    issued = issue()
    revoke_token(actor=actor, token=issued.token)
    assert api.key(issued).get("/open", headers={"Origin": HOME}).status_code == 401


def test_a_key_without_the_scope_is_refused_where_nobody_would_be_answered(api, issue):
    assert api.key(issue(scopes=["notes:write"])).get("/open").status_code == 403


def test_a_key_on_an_open_view_is_itself(api, issue):
    assert api.key(issue()).get("/open").json()["token"] is True


def test_anonymous_requests_have_a_limit_of_their_own_per_address(api, issue):
    answers = [api.get("/open") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[2]["Retry-After"]
    assert api.get("/open", REMOTE_ADDR="198.51.100.7").status_code == 200
    assert api.key(issue()).get("/open").status_code == 200


def test_a_method_the_view_does_not_have_is_a_405(api):
    assert api.post("/open").status_code == 405


def test_a_misspelt_value_opens_nothing():
    with pytest.raises(ImproperlyConfigured, match="'first_party' or 'everyone'"):
        permissions.anonymous_access(Misspelt(), "GET")


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (Open, []),
        (Closed, []),
        (Unlimited, ["apikeys.W024"]),
        (Unthrottled, ["apikeys.W024", "apikeys.E027"]),
        (Misspelt, ["apikeys.E023"]),
    ],
)
def test_the_check_asks_for_a_limit_on_what_is_open(settings, view, said):
    settings.APIKEYS = {**settings.APIKEYS, "SCOPES": {"notes:read": "Read notes"}}
    found = [m for m in checks.views.check_views(None) if f".{view.__name__} " in m.msg]
    assert [message.id for message in found] == said
