"""What DRF's ``force_authenticate`` does on our views: it passes the key by, and says so."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from rest_framework.test import APIClient

from apikeys.models import AccessToken
from apikeys.testing import make_token
from tests.support import apis
from tests.support.apis import say

pytestmark = [pytest.mark.urls("tests.support.apis"), pytest.mark.usefixtures("apikeys_isolated")]


def forced(**given):
    client = APIClient()
    client.force_authenticate(get_user_model()(pk=7), **given)
    return client


@pytest.mark.parametrize("given", [{}, {"token": "a text"}, {"token": object()}])
def test_without_an_access_token_it_is_refused_and_says_what_to_do(given):
    response = forced(**given).get("/protected", secure=True)
    assert response.status_code == 403
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["error"] == "permission.denied"
    assert "force_authenticate() gave no access token" in response.json()["detail"]
    assert "token_client()" in response.json()["detail"]


def test_a_bare_access_token_is_a_fault_of_the_test_that_says_what_to_do():
    bare = AccessToken(scopes=["notes:read"])
    with pytest.raises(ImproperlyConfigured, match=r"no workspace.*make_token\(\)"):
        forced(token=bare).get("/protected", secure=True)


def test_a_whole_token_without_a_row_is_let_in_by_its_scopes():
    client = forced(token=make_token("notes:read").token)
    assert client.get("/protected", secure=True).json()["user"] == "7"
    response = client.post("/protected", secure=True)
    assert response.json()["error"] == "scope.insufficient"
    assert response.json()["required_scope"] == "notes:write"


def test_errors_are_in_the_words_of_the_views_dialect(settings):
    say(settings, DIALECTS=apis.DIALECTS)
    client = forced(token=make_token("files:read", dialect="cms").token)
    response = client.get("/failing-cms/validation", secure=True)
    assert (response.status_code, list(response.json())) == (422, ["message", "fields"])


def test_nothing_that_a_key_decides_is_asked():
    """State, HTTPS, limits: what a test of these needs is a key."""
    client = forced(token=make_token("notes:read", state="expired").token)
    response = client.get("/limited")
    assert response.status_code == 200
    assert "RateLimit" not in response


def test_a_view_of_others_stays_with_its_own_words():
    assert list(forced().get("/foreign", secure=True).json()) == ["name"]
