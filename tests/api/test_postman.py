"""The Postman collections, run by Postman's own runner against a server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from apikeys.services.organizations import create_organization
from apikeys.services.tokens import create_token

pytestmark = [pytest.mark.slow, pytest.mark.project]

# The key stands in a variable of the environment, as a build server has it.
RUN = """
npx --yes newman@6 run "$COLLECTION" --reporters json --reporter-json-export "$REPORT" \\
  --env-var "base_url=$BASE_URL" --env-var "API_KEY=$API_KEY" --env-var "organization=acme" \\
  --env-var "TOKEN_ID=$TOKEN_ID" --env-var "TOKEN_SECRET=$TOKEN_SECRET" \\
  --env-var "LOGIN_TOKEN=$LOGIN_TOKEN"
"""
# What answers 2xx to a key that may do everything. What is left is documented, too: without a file
# to send an upload is a 4xx, and so is ending what another request has ended.
WORKS = {
    "management": {
        "tokens_create",
        "tokens_list",
        "tokens_read",
        "tokens_update",
        "tokens_rotate",
        "tokens_end_overlap",
        "tokens_disable",
        "tokens_enable",
        "tokens_revoke",
        "organizations_list",
        "organizations_read",
        "audit_events_list",
        "usage_read",
        "token_read",
        "token_delete",
    },
    "default": {"notes_create", "notes_list", "notes_read", "notes_replace", "notes_update"},
    "tools-fast": {"conversions_list", "entitlements_read"},
    "freefiletools": set(),
    "fastpix": {"media_create", "media_list", "media_read", "media_update", "media_delete"},
    "fastcms": {"collections_create", "records_create", "records_read", "api_keys_rotate"},
    "fastly": {"service_create", "service_read", "service_update", "purge_key", "token_list"},
}


@pytest.fixture(scope="session")
def newman() -> None:
    """Skip where Postman's runner can't be had."""
    if shutil.which("npx") is None:
        pytest.skip("npx is not installed, so the collections can't be run by newman")
    found = subprocess.run(
        ["npx", "--yes", "newman@6", "--version"], capture_output=True, check=False, timeout=300
    )
    if found.returncode:
        pytest.skip("newman can't be fetched from npm, so the collections can't be run")


@pytest.fixture
def variables(alice, actor):
    """Make the organization ``acme`` in a dialect, and a key that may do everything there."""

    def make(name: str, base_url: str) -> dict[str, str]:
        dialect = "default" if name == "management" else name
        acme = create_organization(
            actor=actor, name="Acme", slug="acme", admin=alice, dialect=dialect
        )
        production = acme.workspaces.get(slug="production")
        scopes = sorted(production.speaks.available_scopes)
        issued = create_token(actor=actor, workspace=production, name="Postman", scopes=scopes)
        found = {
            "BASE_URL": base_url,
            "API_KEY": issued.api_key,
            "TOKEN_ID": issued.token.token_id,
            "TOKEN_SECRET": issued.secret,
            "LOGIN_TOKEN": "",
        }
        if name == "fastcms":
            person = {
                "email": "alice@example.org",
                "password": "correct horse battery staple",
                "workspace": "acme/production",
            }
            answer = requests.post(f"{base_url}/api/v1/auth/login", json=person, timeout=30)
            found["LOGIN_TOKEN"] = answer.json()["access_token"]
        return found

    return make


@pytest.mark.usefixtures("newman")
@pytest.mark.parametrize("name", sorted(WORKS))
def test_every_request_of_a_collection_is_answered_as_documented(
    name: str, server: Any, variables: Any, tmp_path: Path
):
    values = variables(name, server.url)
    collection = requests.get(f"{server.url}/access/v1/postman/{name}.json", timeout=60)
    (tmp_path / "collection.json").write_bytes(collection.content)
    assert values["API_KEY"] not in collection.text
    report = tmp_path / "report.json"
    done = subprocess.run(
        ["sh", "-c", RUN],
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", str(tmp_path)),
            "COLLECTION": str(tmp_path / "collection.json"),
            "REPORT": str(report),
            **values,
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert report.exists(), done.stderr
    run = json.loads(report.read_text())["run"]
    problems = [f"{f['source']['name']}: {f['error']['message']}" for f in run["failures"]]
    assert problems == []
    assert done.returncode == 0
    statuses = {each["item"]["name"]: each["response"]["code"] for each in run["executions"]}
    assert set(statuses) == {item["name"] for item in collection.json()["item"]}
    works = {name for name, status in statuses.items() if status < 300}
    assert works >= WORKS[name], statuses
