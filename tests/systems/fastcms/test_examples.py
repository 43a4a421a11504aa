"""The examples of the seed as files, against a real server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from apikeys.services.tokens import revoke_token
from project.demo.fastcms.models import Collection
from tests.systems.conftest import EXAMPLES
from tests.systems.fastcms.words import UNAUTHENTICATED, use

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.project,
    pytest.mark.slow,
    pytest.mark.once,
]


@pytest.fixture
def transport() -> str:
    """The examples go to the server alone."""
    return "server"


@pytest.fixture
def send_printed(server, log_in) -> Callable[..., requests.Response]:
    """Send a request as the seed prints it: a line, headers, a blank line, a body.

    Only the placeholders are replaced. JSON without a `Content-Type` is sent as such, and a
    request without `Authorization` gets the JWT: the seed leaves out what it has said before.
    """

    def send(name: str, key_id: str = "") -> requests.Response:
        bearer = log_in()["Authorization"]
        text = (EXAMPLES / "fastcms" / name).read_text()
        text = text.replace("Bearer {jwt_token}", bearer).replace("{key_id}", key_id)
        head, _, body = text.partition("\n\n")
        first, *lines = head.strip().splitlines()
        method, path = first.split()
        headers = {"Authorization": bearer, **dict(line.split(": ", 1) for line in lines)}
        if body:
            headers.setdefault("Content-Type", "application/json")
        return requests.request(method, server.url + path, data=body, headers=headers, timeout=30)

    return send


@pytest.mark.parametrize(
    "name", ["list_collections.sh", "list_collections.mjs", "list_collections.py"]
)
def test_s3_the_example_lists_collections_and_is_refused_once_revoked(
    run_example, issue, production, actor, name
):
    Collection.objects.create(workspace=production, name="posts")
    issued = issue(scopes=["collections:read"])
    done = run_example(f"fastcms/{name}", key=issued)
    assert done.returncode == 0, done.stderr
    assert [item["name"] for item in json.loads(done.stdout)["items"]] == ["posts"]
    revoke_token(actor=actor, token=issued.token)
    done = run_example(f"fastcms/{name}", key=issued)
    assert done.stdout.strip() == UNAUTHENTICATED


def test_s3_the_requests_of_the_seed_create_list_update_and_delete(send_printed, server, bob):
    made = send_printed("create.http")
    assert made.status_code == 201
    assert made.json()["message"] == "Save this key securely. It will not be shown again."
    assert made.json()["scopes"] == "collections:read,records:*"
    assert made.json()["expires_at"] == "2030-12-31T23:59:59"
    key_id = made.json()["id"]
    [listed] = send_printed("list.http").json()
    assert (listed["id"], listed["key_prefix"]) == (key_id, made.json()["key_prefix"])
    updated = send_printed("update.http", key_id)
    assert (updated.json()["name"], updated.json()["active"]) == ("Updated Key Name", False)
    collections = f"{server.url}/api/v1/collections"
    refused = requests.get(collections, headers=use(made.json()), timeout=30)
    assert refused.json()["error"] == "API key is disabled"
    assert send_printed("delete.http", key_id).status_code == 204
    assert send_printed("delete.http", key_id).json()["error"] == "API key not found"


def test_s3_the_creation_as_printed_is_422_naming_the_past_date(send_printed, bob):
    answer = send_printed("create_as_printed.http")
    assert (answer.status_code, list(answer.json()["details"])) == (422, ["expires_at"])


def test_s3_revoke_all_of_the_seed_counts(send_printed, bob):
    for _ in range(3):
        assert send_printed("create.http").status_code == 201
    answer = send_printed("revoke_all.http")
    assert answer.content == b'{"revoked": 3, "message": "Revoked 3 API keys"}'


def test_s3_09_the_rotation_of_the_seed_runs(run_example, make_key, log_in, api):
    old = make_key(name="Production Key")
    jwt = log_in()["Authorization"].removeprefix("Bearer ")
    stand_in: Any = SimpleNamespace(
        api_key=jwt, token=SimpleNamespace(token_id=old["id"]), secret=""
    )
    done = run_example("fastcms/rotation.py", key=stand_in)
    assert done.returncode == 0, done.stderr
    new = done.stdout.decode().strip()
    assert re.fullmatch(r"fcms_[0-9a-f]{8}_[0-9a-f]{32}", new)
    assert api.get("/api/v1/collections", headers=use(new)).status_code == 200
    assert api.get("/api/v1/collections", headers=use(old)).status_code == 401


def test_s3_every_example_file_is_run():
    names = {path.name for path in Path(EXAMPLES / "fastcms").iterdir()}
    source = Path(__file__).read_text()
    assert {name for name in names if name not in source} == set()
