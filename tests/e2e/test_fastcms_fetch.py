"""S3: the seed's JavaScript, run by a page in Chromium."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from apikeys.services.organizations import create_organization
from apikeys.services.tokens import create_token, revoke_token
from project.demo.fastcms.models import Collection

pytestmark = pytest.mark.project

EXAMPLE = Path(__file__).parents[1] / "systems" / "examples" / "fastcms" / "list_collections.mjs"


@pytest.fixture
def issued(actor, alice):
    """A key of the production workspace of an organization that uses FastCMS."""
    organization = create_organization(
        actor=actor, name="FastCMS", slug="fastcms", admin=alice, dialect="fastcms"
    )
    workspace = organization.workspaces.get(slug="production")
    Collection.objects.create(workspace=workspace, name="posts")
    return create_token(actor=actor, workspace=workspace, name="page", scopes=["collections:read"])


@pytest.fixture
def fetch(page, live_server):
    """Run the example in a page of this site with a key; return what it logs."""
    page.goto("/")

    def run(key):
        script = EXAMPLE.read_text().replace("$HOST", live_server.url).replace("$KEY", key)
        # A refused request is an error message of Chromium's own, before the script's.
        with page.expect_console_message(lambda message: message.type == "log") as logged:
            page.evaluate(f"async () => {{ {script} }}")
        return json.loads(logged.value.text)

    return run


def test_s3_the_fetch_of_the_seed_lists_collections(fetch, issued):
    assert [item["name"] for item in fetch(issued.api_key)["items"]] == ["posts"]


def test_s3_the_fetch_of_the_seed_is_refused_once_the_key_is_revoked(fetch, issued, actor, watch):
    revoke_token(actor=actor, token=issued.token)
    assert fetch(issued.api_key)["error"] == "Authentication required"
    # Chromium reports every 401 that a script has asked for.
    [problem] = watch.problems
    assert "401" in problem
    watch.problems.clear()
