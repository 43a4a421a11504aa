"""The documentation: documents from the views alone, pages under the strictest policy, Postman."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.urls import reverse
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator
from rest_framework.schemas import DefaultSchema

from apikeys import dialects
from apikeys.openapi import catalogue
from apikeys.openapi.examples import JSON, operations

NAMES = ["management", "default", "tools-fast", "freefiletools", "fastpix", "fastcms", "fastly"]

# With the stock user model parts of the demo are not installed.
pytestmark = pytest.mark.project


@pytest.fixture(scope="module")
def documents() -> dict[str, dict[str, Any]]:
    return catalogue.documents()


def test_there_is_one_document_for_the_management_api_and_one_for_each_dialect(documents):
    assert list(documents) == NAMES
    assert set(documents) - {"management"} == set(dialects.all_dialects())


def test_documents_are_made_without_a_warning(monkeypatch):
    monkeypatch.setattr(catalogue, "_made", None)
    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence():
        catalogue.documents()
    assert dict(GENERATOR_STATS._warn_cache) == {}
    assert dict(GENERATOR_STATS._error_cache) == {}


def test_the_committed_copies_are_what_the_views_say():
    try:
        call_command("export_openapi", check=True)
    except CommandError as error:
        pytest.fail(str(error))


def test_a_changed_document_is_noticed_and_written_anew(monkeypatch, tmp_path, capsys):
    from project.demo.management.commands import export_openapi

    monkeypatch.setattr(export_openapi, "FOLDER", tmp_path)
    call_command("export_openapi")
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(NAMES)
    (tmp_path / "fastly.json").write_text("{}")
    (tmp_path / "gone.json").write_text("{}")
    with pytest.raises(CommandError, match=r"export_openapi` and commit: fastly\.json, gone\.json"):
        call_command("export_openapi", check=True)
    call_command("export_openapi")
    call_command("export_openapi", check=True)


@pytest.mark.parametrize("name", NAMES)
def test_every_operation_says_who_may_use_it_and_how_it_fails(documents, name):
    document = documents[name]
    assert document["openapi"] == "3.1.0"
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids)) > 0
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"] or name not in ("management",), where
        assert {"400", "401", "403", "429", "500", "503"} <= set(operation["responses"]), where
        assert "{" not in path or "404" in operation["responses"], where
        for requirement in operation["security"]:
            assert set(requirement) <= set(document["components"].get("securitySchemes", {})), where


def test_a_host_that_has_not_named_our_inspector_gets_the_same_documents(documents, monkeypatch):
    from project.demo.notes.views import NoteViewSet

    monkeypatch.setattr(catalogue, "_made", None)
    monkeypatch.setattr(NoteViewSet, "schema", DefaultSchema())
    assert catalogue.documents() is not documents
    assert catalogue.documents() == documents


@pytest.mark.parametrize("name", NAMES)
def test_every_document_is_valid_openapi(documents, name):
    validate_schema(documents[name])


def test_scopes_cost_and_limits_are_those_of_the_view(documents):
    convert = documents["tools-fast"]["paths"]["/convert"]["post"]
    assert convert["x-required-scopes"] == {"allOf": ["conversions:write"]}
    assert convert["x-cost"] == 5
    assert convert["x-limits"] == ["300/minute per token"]
    assert "402" in convert["responses"]
    assert "x-cost" not in documents["tools-fast"]["paths"]["/convert/conversions"]["get"]
    purge = documents["fastly"]["paths"]["/service/{service_id}/purge/{key}"]["post"]
    assert purge["x-limits"] == [
        "6000/minute per address without a key",
        "100000/hour per organization",
    ]
    members = documents["management"]["paths"]["/access/v1/organizations/{organization}/members"]
    assert members["get"]["security"] == [{"cookieAuth": []}]
    assert "x-required-scopes" not in members["get"]


def test_an_error_is_documented_in_the_words_in_which_it_is_answered(documents, client):
    components = documents["fastly"]["components"]
    documented = components["responses"]["FastlyError401"]["content"]["application/json"]
    answer = client.get("/service")
    assert answer.status_code == 401
    assert answer.json() == documented["example"]


@pytest.mark.parametrize("name", NAMES)
def test_every_example_fits_its_schema(documents, name):
    document = documents[name]
    checked = 0
    for path, method, operation in operations(document):
        for body in (operation.get("requestBody", {}), *operation["responses"].values()):
            content = body.get("content", {}).get(JSON, {})
            if "example" not in content:
                continue
            schema = {**content["schema"], "components": document["components"]}
            errors = list(Draft202012Validator(schema).iter_errors(content["example"]))
            assert errors == [], f"{method} {path}: {errors}"
            checked += 1
    assert checked > 0 or name == "freefiletools"


def test_the_index_lists_every_endpoint_of_every_document(client, documents):
    answer = client.get("/access/v1/docs")
    assert answer.status_code == 200
    page = answer.content.decode()
    for document in documents.values():
        for path, _, _ in operations(document):
            assert f"<code>{path}</code>" in page
    assert "conversions:write" in page
    assert "5 credits" in page
    assert "X-Fast-Api-Key" in page
    assert "<script" not in page
    assert "style=" not in page


@pytest.mark.parametrize("path", ["", *(f"/{name}" for name in NAMES)])
def test_the_pages_bring_the_strict_policy_and_ask_no_other_host(client, path):
    answer = client.get(f"/access/v1/docs{path}")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    page = answer.content.decode()
    assert "http://" not in page
    assert "https://" not in page
    assert "<style" not in page


def test_documents_and_collections_are_downloaded(client, documents):
    assert client.get("/access/v1/schema").json() == documents["management"]
    assert client.get("/access/v1/schema/fastly").json() == documents["fastly"]
    answer = client.get("/access/v1/postman/fastpix.json")
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="fastpix.postman_collection.json"'
    )
    assert answer.json()["info"]["name"] == "FastPix"


@pytest.mark.parametrize("path", ["docs/nope", "schema/nope", "postman/nope.json"])
def test_an_unknown_document_is_404(client, path):
    assert client.get(f"/access/v1/{path}").status_code == 404


def test_a_collection_asks_the_environment_for_the_key_and_leaves_sessions_out(client, documents):
    found = client.get("/access/v1/postman/management.json").json()
    names = [item["name"] for item in found["item"]]
    assert "tokens_create" in names
    assert "members_list" not in names
    assert names[0] == "token_read"  # it says which organization and workspace the others are about
    create = found["item"][names.index("tokens_create")]["request"]
    assert create["auth"] == {
        "type": "apikey",
        "apikey": [
            {"key": "value", "value": "{{API_KEY}}", "type": "string"},
            {"key": "key", "value": "X-API-Key", "type": "string"},
            {"key": "in", "value": "header", "type": "string"},
        ],
    }
    assert {"key": "Idempotency-Key", "value": "{{$guid}}"}.items() <= create["header"][0].items()
    bounds = '"allowed_networks": {{allowed_networks}},\n  "expires_at": {{expires_at}}'
    assert bounds in create["body"]["raw"]
    body = json.loads(create["body"]["raw"].replace(bounds, '"bounds": 1'))
    assert (body["workspace"], body["name"]) == ("{{workspace}}", "CI deploy {{$guid}}")
    assert found["variable"][0] == {"key": "base_url", "value": "https://testserver"}


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("management", {"token_delete", "tokens_bulk_revoke", "tokens_revoke_all"}),
        ("management", {"workspaces_archive", "organizations_leave"}),
        ("fastly", {"token_self_delete", "token_delete_bulk"}),
        ("fastcms", {"api_keys_revoke_all"}),
    ],
)
def test_what_can_end_the_key_that_carries_it_says_so_and_is_in_no_collection(
    client, documents, name, ends
):
    marked = {
        operation["operationId"]
        for _, _, operation in operations(documents[name])
        if operation.get("x-ends-caller")
    }
    assert marked >= ends
    found = client.get(f"/access/v1/postman/{name}.json").json()
    assert marked.isdisjoint(item["name"] for item in found["item"])


@pytest.mark.parametrize("name", NAMES)
def test_a_collection_takes_away_only_what_it_has_made(client, name):
    found = client.get(f"/access/v1/postman/{name}.json").json()
    kept = {
        variable
        for item in found["item"]
        for line in item["event"][-1]["script"]["exec"]
        for variable in re.findall(r'keep\("(\w+)"', line)
    }
    for item in found["item"]:
        request = item["request"]
        if request["method"] == "DELETE" or request["url"].endswith("revoke"):
            asked = set(re.findall(r"\{\{(\w+)\}\}", request["url"])) - {"base_url"}
            assert asked <= kept, item["name"]


@pytest.mark.parametrize("name", NAMES)
def test_no_request_of_a_collection_may_be_refused_or_fail(client, name):
    for item in client.get(f"/access/v1/postman/{name}.json").json()["item"]:
        script = "\n".join(item["event"][-1]["script"]["exec"])
        [accepted] = re.findall(r"pm\.expect\((\[.*\])\)", script)
        assert set(json.loads(accepted)) <= {200, 201, 204, 400, 404, 409, 413, 415, 422}
        assert any(status < 300 for status in json.loads(accepted))


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("management", {"API_KEY"}),
        ("default", {"API_KEY"}),
        ("tools-fast", {"TOOLS_FAST_API_KEY"}),
        ("fastpix", {"FASTPIX_USERNAME", "FASTPIX_PASSWORD"}),
        ("fastcms", {"FASTCMS_API_KEY", "LOGIN_TOKEN"}),
    ],
)
def test_a_collection_asks_for_the_key_by_the_variables_of_the_env_file(client, name, variables):
    found = client.get(f"/access/v1/postman/{name}.json").json()
    asked = json.dumps([item["request"]["auth"] for item in found["item"]])
    assert set(re.findall(r"\{\{(\w+)\}\}", asked)) == variables


def test_the_dashboard_and_the_start_page_lead_to_the_index(client, alice, acme):
    assert reverse("apikeys:docs") in client.get("/").content.decode()
    client.force_login(alice)
    assert reverse("apikeys:docs") in client.get("/dashboard/acme/tokens").content.decode()


def test_without_drf_spectacular_there_is_no_documentation_and_the_api_works(tmp_path):
    import subprocess
    import sys

    program = """
import django
from django.conf import settings
from tests.settings import demo as base
apps = [a for a in base.INSTALLED_APPS if not a.startswith("drf_spectacular")]
values = {n: getattr(base, n) for n in dir(base) if n.isupper()}
settings.configure(**{**values, "INSTALLED_APPS": apps})
django.setup()
from django.urls import NoReverseMatch, reverse
assert reverse("apikeys:token-self") == "/access/v1/token"
try:
    reverse("apikeys:docs")
except NoReverseMatch:
    print("left out")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.strip() == "left out", done.stderr
