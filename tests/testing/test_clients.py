"""The clients: a key and HTTPS with every request, whichever face answers."""

from __future__ import annotations

import asyncio
import json

import pytest
from rest_framework.test import APIClient

from apikeys.asgi import AccessTokenRequired
from apikeys.testing import (
    APITokenClient,
    AsyncTokenClient,
    TokenClient,
    make_token,
    token_client,
)
from tests.support import faces
from tests.support.apis import say
from tests.support.asgi import ask, http_scope

pytestmark = [pytest.mark.urls("tests.support.faces"), pytest.mark.usefixtures("apikeys_isolated")]

FACES = ["drf", "django", "adjango", "class", "aclass", "ninja", "aninja"]


@pytest.fixture(autouse=True)
def _dialects(settings):
    say(settings, DIALECTS=faces.DIALECTS)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("client_class", [APITokenClient, TokenClient])
def test_a_client_sends_its_key_to_every_face(face, client_class):
    client = token_client("notes:read", client_class=client_class)
    response = client.get(f"/{face}/notes")
    assert response.json()["token"] == client.token.token_id
    assert "r=1" in response["RateLimit"]
    assert client.get(f"/{face}/both").json()["required_scope"] == "notes:write"


@pytest.mark.parametrize("face", FACES)
def test_the_one_for_async_tests_too(face):
    async def ask_thrice():
        client = token_client("notes:read", client_class=AsyncTokenClient)
        let_in = await client.get(f"/{face}/notes")
        refused = await client.get(f"/{face}/both")
        plain = await client.get(f"/{face}/notes", secure=False)
        return client.token.token_id, let_in.json()["token"], refused.json(), plain.status_code

    token_id, seen, refused, plain = asyncio.run(ask_thrice())
    assert seen == token_id
    assert refused["required_scope"] == "notes:write"
    assert plain == 403


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize("client_class", [APITokenClient, TokenClient])
def test_it_does_so_by_every_method(method, client_class):
    client = token_client("notes:read", client_class=client_class)
    response = getattr(client, method)("/django/notes")
    assert response.json()["token"] == client.token.token_id
    assert getattr(client, method)("/django/notes", secure=False).status_code == 403


def test_it_does_so_by_whatever_method_django_knows():
    client = token_client(client_class=TokenClient)
    assert client.generic("GET", "/django/any").json()["token"] == client.token.token_id
    assert client.generic("GET", "/django/any", secure=False).status_code == 403
    assert client.head("/django/any").status_code == 200
    assert client.trace("/django/any").status_code == 200
    assert client.options("/django/any").status_code == 200


@pytest.mark.parametrize("client_class", [APITokenClient, TokenClient])
def test_without_a_token_it_sends_none(client_class):
    client = client_class()
    assert client.get("/drf/notes").json()["error"] == "api_key.missing"
    with pytest.raises(AttributeError, match="sends no key"):
        _ = client.token


@pytest.mark.parametrize("spelt", ["X-API-Key", "x-api-key", "X-Api-Key"])
def test_a_header_of_the_request_replaces_its_own(spelt):
    client, other = token_client("notes:read"), make_token("notes:read")
    response = client.get("/drf/notes", headers={spelt: other.api_key})
    assert response.json()["token"] == other.token.token_id
    response = client.get("/drf/notes", HTTP_X_API_KEY=other.api_key)
    assert response.json()["token"] == other.token.token_id
    response = client.get("/drf/notes", headers={"Accept": "application/json"})
    assert response.json()["token"] == client.token.token_id
    both = client.get("/drf/notes", headers=other.headers_by("Bearer"))
    assert (both.status_code, both.json()["error"]) == (400, "api_key.ambiguous")


def test_it_may_send_another_key_or_none_from_then_on():
    client, other = token_client("notes:read"), make_token("notes:read")
    client.send(other, carrier="Basic")
    assert client.get("/drf/notes").json()["token"] == other.token.token_id
    client.send(None)
    assert client.get("/drf/notes").status_code == 401


def test_drfs_ways_to_say_something_else_hold():
    client, other = token_client("notes:read"), make_token("notes:read")
    client.credentials(HTTP_X_API_KEY=other.api_key)
    assert client.get("/drf/notes").json()["token"] == other.token.token_id
    client.credentials()
    assert client.get("/drf/notes").status_code == 401
    client.send(other)
    assert client.get("/drf/notes").status_code == 200


@pytest.mark.django_db
def test_who_logs_out_sends_no_key():
    client = token_client("notes:read")
    client.logout()
    assert client.get("/drf/notes").status_code == 401


def test_the_headers_of_a_token_go_with_any_client():
    made = make_token("notes:read")
    response = APIClient(headers=made.headers).get("/drf/notes", secure=True)
    assert response.json()["token"] == made.token.token_id


def test_an_asgi_application_takes_it_too():
    made = make_token("notes:read")
    application = AccessTokenRequired(faces.application, "notes:read")
    start, body = asyncio.run(ask(application, http_scope(made.headers)))
    assert (start["status"], json.loads(body)["token"]) == (200, made.token.token_id)
