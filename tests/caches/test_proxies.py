"""Varnish and nginx in front of keys: everybody gets their own answer or none."""

from __future__ import annotations

from typing import Any

import pytest

from apikeys.services.tokens import revoke_token
from apikeys.testing.headers import headers_of
from project.demo.notes.models import Note
from tests.caches.conftest import is_hit

pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.django_db(transaction=True)]

WAYS = pytest.mark.parametrize("way", [0, 1, 2], ids=["header", "bearer", "basic"])
STAND_INS = (
    {},
    {"X-API-Key": "***"},
    {"Authorization": "Bearer ***"},
    {"Authorization": "Basic ***"},
)


def ways(issued: Any) -> list[dict[str, str]]:
    return [
        {"X-API-Key": issued.api_key},
        {"Authorization": f"Bearer {issued.api_key}"},
        headers_of(issued, "Basic"),
    ]


@pytest.fixture
def two(issue, globex) -> tuple[Any, Any]:
    """A token of Acme and one of Globex."""
    return issue(), issue(workspace=globex.workspaces.get(slug="production"))


def test_the_cache_does_keep_what_belongs_to_everybody(cached, fresh):
    """Or the other tests would prove nothing."""
    address = fresh("/open")
    answers = [cached.ask(address) for _ in range(2)]
    assert [a.json()["token_id"] for a in answers] == ["nobody", "nobody"]
    assert [is_hit(a) for a in answers] == [False, True]


@WAYS
@pytest.mark.parametrize("path", ["/api/demo/whoami", "/open", "/lasting"])
def test_each_key_gets_its_own_answer_and_nobody_without_one_gets_any(
    cached, fresh, two, way, path
):
    address = fresh(path)
    for _ in range(3):
        for issued in two:
            response = cached.ask(address, ways(issued)[way])
            assert response.status_code == 200
            assert response.json()["token_id"] == issued.token.token_id
            assert path == "/lasting" or not is_hit(response)
        for headers in STAND_INS:
            response = cached.ask(address, headers)
            if headers or path == "/api/demo/whoami":
                assert response.status_code == 401
            else:
                assert response.json() == {"token_id": "nobody"}


@WAYS
def test_a_revoked_key_is_refused_by_the_next_request(cached, fresh, two, way, actor):
    address = fresh("/api/demo/whoami")
    headers = ways(two[0])[way]
    assert [cached.ask(address, headers).status_code for _ in range(2)] == [200, 200]
    revoke_token(actor=actor, token=two[0].token)
    assert cached.ask(address, headers).status_code == 401


@WAYS
def test_a_stranger_s_404_never_answers_the_owner(cached, two, way):
    acme, globex = two
    note = Note.objects.create(workspace=acme.token.workspace, text="Acme's own")
    address = f"/api/demo/notes/{note.public_id}"
    for _ in range(2):
        assert cached.ask(address, ways(globex)[way]).status_code == 404
        owners = cached.ask(address, ways(acme)[way])
        assert (owners.status_code, owners.json()["text"]) == (200, "Acme's own")
        assert cached.ask(address).status_code == 401


@WAYS
def test_a_refusal_never_answers_who_is_not_refused(cached, fresh, two, issue, way):
    address, other = fresh("/api/demo/notes"), fresh("/seldom")
    without_scope = ways(issue(scopes=["notes:write"]))[way]
    for _ in range(2):
        assert cached.ask(address).status_code == 401
        assert cached.ask(address, without_scope).status_code == 403
        assert cached.ask(address, ways(two[0])[way]).status_code == 200
    first = ways(two[0])[way]
    assert [cached.ask(other, first).status_code for _ in range(3)] == [200, 429, 429]
    assert cached.ask(other, ways(two[1])[way]).status_code == 200
