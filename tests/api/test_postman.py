"""The Postman collections, run by Postman's own runner against a server."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings as django_settings
from django.utils import timezone

from apikeys import dialects
from apikeys.models import AccessToken
from apikeys.scopes import MANAGE
from apikeys.services.organizations import create_organization
from apikeys.services.tokens import IssuedToken, create_token

pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.project]

NEWMAN = "newman@6.2.2"
# What is answered 2xx to a key that may do everything.
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
        "workspaces_list",
        "workspaces_read",
        "audit_events_list",
        "usage_read",
        "token_read",
    },
    "default": {
        "notes_create",
        "notes_list",
        "notes_read",
        "notes_replace",
        "notes_update",
        "notes_delete",
        "whoami",
    },
    "tools-fast": {"conversions_list", "entitlements_read"},
    "freefiletools": set(),
    "fastpix": {"media_create", "media_list", "media_read", "media_update", "media_delete"},
    "fastcms": {
        "collections_create",
        "collections_delete",
        "records_create",
        "records_read",
        "records_delete",
        "api_keys_create",
        "api_keys_rotate",
        "api_keys_delete",
    },
    "fastly": {
        "service_create",
        "service_read",
        "service_update",
        "service_delete",
        "purge_key",
        "token_list",
        "token_self_read",
    },
}


@pytest.fixture(scope="session")
def newman() -> Path:
    """Postman's runner, kept for the next run; skip where it can't be had."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed, so the collections can't be run by newman")
    folder = Path(django_settings.BASE_DIR) / "var" / NEWMAN.replace("@", "-")
    program = folder / "node_modules" / ".bin" / "newman"
    if not program.exists():
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), NEWMAN]
        done = subprocess.run(command, capture_output=True, check=False, timeout=300)
        if done.returncode:
            pytest.skip("newman can't be fetched from npm, so the collections can't be run")
    return program


@dataclass
class Run:
    """What a run of a collection did."""

    exit_code: int
    failures: list[str]
    statuses: dict[str, int]


@pytest.fixture
def run(newman: Path, server: Any, tmp_path: Path):
    """Download a collection and run it with nothing but these variables of the environment."""

    def run(name: str, *arguments: str, **variables: str) -> Run:
        answer = requests.get(f"{server.url}/access/v1/postman/{name}.json", timeout=60)
        file, report = tmp_path / f"{name}.postman_collection.json", tmp_path / "report.json"
        file.write_bytes(answer.content)
        for value in filter(None, variables.values()):
            assert value not in answer.text
        command = [str(newman), "run", file.name, *arguments]
        for variable, value in variables.items():
            command += ["--env-var", f"{variable}={value}"]
        return _ran(
            [*command, "--reporters", "json", "--reporter-json-export", str(report)], report
        )

    return run


def _ran(command: list[str], report: Path) -> Run:
    report.unlink(missing_ok=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(report.parent)}
    done = subprocess.run(
        command,
        env=environment,
        cwd=report.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert report.exists(), done.stderr
    ran = json.loads(report.read_text())["run"]
    return Run(
        done.returncode,
        [f"{each['source']['name']}: {each['error']['message']}" for each in ran["failures"]],
        {
            each["item"]["name"]: each["response"]["code"]
            for each in ran["executions"]
            if "response" in each
        },
    )


@pytest.fixture
def issued(alice, actor):
    """Make the organization ``acme`` in a dialect, and a key that may do everything there."""

    def make(name: str, **fields: Any) -> IssuedToken:
        dialect = "default" if name == "management" else name
        acme = create_organization(
            actor=actor, name="Acme", slug="acme", admin=alice, dialect=dialect
        )
        production = acme.workspaces.get(slug="production")
        scopes = sorted(production.speaks.available_scopes)
        given = {"scopes": scopes, "name": "Postman", **fields}
        return create_token(actor=actor, workspace=production, **given)

    return make


def variables_of(issued: IssuedToken) -> dict[str, str]:
    """The key as the variables of the `.env` file that the dashboard gives out."""
    text = issued.token.workspace.speaks.env_file(
        token_id=issued.token.token_id, secret=issued.secret, key=issued.api_key
    )
    return dict(line.split("=", 1) for line in text.splitlines())


def what_it_is(issued: IssuedToken) -> dict[str, Any]:
    """All of the key's row but what every request changes."""
    row = AccessToken.objects.filter(pk=issued.token.pk).values().get()
    return {name: value for name, value in row.items() if not name.startswith("last_used")}


def logged_in(base_url: str) -> str:
    person = {
        "email": "alice@example.org",
        "password": "correct horse battery staple",
        "workspace": "acme/production",
    }
    answer = requests.post(f"{base_url}/api/v1/auth/login", json=person, timeout=30)
    return answer.json()["access_token"]


@pytest.mark.parametrize("name", sorted(WORKS))
def test_a_run_with_a_good_key_passes_and_leaves_the_key_as_it_was(name, server, run, issued):
    key = issued(name)
    before = what_it_is(key)
    variables = variables_of(key)
    if name == "fastcms":
        variables["LOGIN_TOKEN"] = logged_in(server.url)
    ran = run(name, **variables)
    assert ran.failures == []
    assert ran.exit_code == 0
    assert what_it_is(key) == before
    works = {operation for operation, status in ran.statuses.items() if status < 300}
    assert works >= WORKS[name], ran.statuses
    assert {s for s in ran.statuses.values() if s >= 300} <= {400, 404, 409, 415, 422}


@pytest.mark.parametrize("name", sorted(WORKS))
def test_a_run_with_a_key_that_is_none_fails(name, run, issued):
    issued(name)
    names = dialects.get("default" if name == "management" else name).env_names
    ran = run(name, **{variable: "ak_prod_bogus" for variable in names if variable})
    assert ran.exit_code != 0
    refused = {operation for operation, status in ran.statuses.items() if status == 401}
    assert len(refused) > 0
    assert {failure.partition(":")[0] for failure in ran.failures} >= refused


def test_the_line_of_the_readme_works_word_for_word(newman, server, issued, tmp_path):
    readme = (Path(django_settings.BASE_DIR) / "README.md").read_text()
    [line] = re.findall(r"`(newman run [^`]+)`", readme)
    key = issued("management")
    file = shlex.split(line)[2]
    answer = requests.get(f"{server.url}/access/v1/postman/management.json", timeout=60)
    assert file in answer.headers["Content-Disposition"]
    (tmp_path / file).write_bytes(answer.content)
    report = tmp_path / "report.json"
    told = f"{line} --reporters json --reporter-json-export {report}"

    def ran_with(api_key: str) -> Run:
        script = f"API_KEY={api_key}; PATH={newman.parent}:$PATH; {told}"
        return _ran(["sh", "-c", script], report)

    assert ran_with(key.api_key).failures == []
    assert ran_with(key.api_key).exit_code == 0
    asked = requests.get(
        f"{server.url}/access/v1/token", headers={"X-API-Key": key.api_key}, timeout=30
    )
    assert asked.json()["status"] == "active"
    assert ran_with("ak_prod_bogus").exit_code != 0


def test_a_key_that_ends_and_works_from_some_networks_only_can_run_the_collection(run, issued):
    ends = timezone.now() + timedelta(minutes=10)
    key = issued("management", scopes=[MANAGE], expires_at=ends, allowed_networks=["127.0.0.0/8"])
    ran = run("management", **variables_of(key))
    assert ran.failures == []
    made = AccessToken.objects.get(parent=key.token)
    assert made.expires_at == ends
    assert made.allowed_networks == ["127.0.0.0/8"]


def test_what_a_broken_run_leaves_behind_ends_within_the_hour_and_breaks_no_other(run, issued):
    key = issued("management")
    now = timezone.now()
    begun = ("--folder", "token_read", "--folder", "tokens_create")
    run("management", *begun, **variables_of(key))
    [left] = AccessToken.objects.filter(parent=key.token, revoked_at=None)
    assert now < left.expires_at <= timezone.now() + timedelta(hours=1)
    assert run("management", **variables_of(key)).failures == []
    assert [left] == list(AccessToken.objects.filter(parent=key.token, revoked_at=None))


@pytest.mark.parametrize("variable", ["token_id", "TOKEN_ID"])
def test_an_environment_that_names_the_key_itself_ends_it_no_more_than_another(
    variable, run, issued
):
    key = issued("management")
    before = what_it_is(key)
    given = {variable: key.token.token_id, "organization": "acme", "workspace": "production"}
    assert run("management", **variables_of(key), **given).failures == []
    assert what_it_is(key) == before


def test_without_a_log_in_only_what_a_key_can_do_is_run(run, issued):
    ran = run("fastcms", **variables_of(issued("fastcms")))
    assert (ran.failures, ran.exit_code) == ([], 0)
    assert "records_create" in ran.statuses
    assert [name for name in ran.statuses if name.startswith("api_keys")] == []
