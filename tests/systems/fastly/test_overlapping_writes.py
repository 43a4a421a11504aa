"""S4-08: overlapping writes lose nothing, through a real server with all its threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from project.demo.fastly.models import CachedObject, Service
from tests.systems.fastly.conftest import header

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.project, pytest.mark.slow]

CLIENTS = 16


@pytest.fixture
def at_once(server, issue) -> Callable[..., list[requests.Response]]:
    """Send requests by as many clients at once; return the answers in their order."""
    headers = header(issue(scopes=["global"]))

    def send(*wanted: tuple[str, dict[str, Any]]) -> list[requests.Response]:
        def one(request: tuple[str, dict[str, Any]]) -> requests.Response:
            path, fields = request
            sent = {**headers, **fields.pop("headers", {})}
            return requests.put(server.url + path, headers=sent, timeout=60, **fields)

        with ThreadPoolExecutor(CLIENTS) as clients:
            return list(clients.map(one, wanted))

    return send


@pytest.fixture
def service(production) -> Service:
    return Service.objects.create(workspace=production, name="before", comment="before")


def test_s4_08_changes_of_different_fields_all_last(at_once, service):
    path = f"/service/{service.public_id}"
    answers = at_once(
        *((path, {"json": {("name", "comment")[n % 2]: f"value {n}"}}) for n in range(40))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["version"] for answer in answers) == list(range(2, 42))
    service.refresh_from_db()
    assert service.version == 41
    assert service.name in {f"value {n}" for n in range(0, 40, 2)}
    assert service.comment in {f"value {n}" for n in range(1, 40, 2)}


def test_s4_08_objects_stored_at_the_same_moment_are_all_there(at_once, service):
    path = f"/service/{service.public_id}/object"
    answers = at_once(*((f"{path}/{n}", {"data": b"%d" % n}) for n in range(40)))
    assert {answer.status_code for answer in answers} == {200}
    stored = {int(o.name): bytes(o.content) for o in CachedObject.objects.all()}
    assert stored == {n: b"%d" % n for n in range(40)}


def test_s4_08_an_objects_content_and_keys_come_from_one_writer(at_once, service):
    path = f"/service/{service.public_id}/object/logo"
    answers = at_once(
        *(
            (path, {"data": b"%d" % n, "headers": {"Surrogate-Key": f"a{n} b{n}"}})
            for n in range(40)
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    stored = CachedObject.objects.get()
    writer = bytes(stored.content).decode()
    assert {s.key for s in stored.surrogates.all()} == {f"a{writer}", f"b{writer}"}
