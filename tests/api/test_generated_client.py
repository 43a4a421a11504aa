"""A client that openapi-python-client makes from the committed document, against a server."""

from __future__ import annotations

import importlib
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from apikeys.scopes import MANAGE

pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.project]

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "openapi" / "management.json"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The generated package, imported."""
    folder = tmp_path_factory.mktemp("generated")
    made = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate"),
            *("--path", str(DOCUMENT), "--output-path", str(folder / "acme_client")),
            *("--meta", "none"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    # Left out would be what the generator does not understand; its own formatter may be missing.
    assert "Endpoint" not in made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"acme_client.{name}")
    sys.path.remove(str(folder))


@pytest.fixture
def holding(generated, server):
    """Make a client with a key; its connections are closed with the test."""
    with ExitStack() as clients:
        yield lambda api_key: clients.enter_context(
            generated("client").AuthenticatedClient(base_url=server.url, token=api_key)
        )


def test_the_client_creates_uses_rotates_and_revokes_a_token(generated, holding, acme, issue):
    manager = issue(scopes=[MANAGE, "notes:read"], name="Manager").api_key
    models = generated("models")
    create, read = generated("api.tokens.tokens_create"), generated("api.token.token_read")
    rotate, revoke = generated("api.tokens.tokens_rotate"), generated("api.tokens.tokens_revoke")

    manage = holding(manager)
    made = create.sync(
        "acme",
        client=manage,
        body=models.TokenCreateRequest(
            workspace="production", name="Generated", scopes=["notes:read"]
        ),
        idempotency_key="one",
    )
    assert isinstance(made, models.IssuedToken)
    assert made.scopes == ["notes:read"]
    again = create.sync_detailed(
        "acme",
        client=manage,
        body=models.TokenCreateRequest(
            workspace="production", name="Generated", scopes=["notes:read"]
        ),
        idempotency_key="one",
    )
    assert (again.status_code, again.parsed.error) == (409, "creation_id.used")

    used = read.sync(client=holding(made.api_key))
    assert (used.name, used.token_id, used.status.value) == ("Generated", made.token_id, "active")

    rotated = rotate.sync(
        "acme", made.token_id, client=manage, body=models.RotateRequest(overlap_seconds=0)
    )
    assert rotated.api_key != made.api_key
    assert read.sync_detailed(client=holding(made.api_key)).status_code == 401
    assert read.sync(client=holding(rotated.api_key)).token_id == made.token_id

    revoked = revoke.sync(
        "acme", made.token_id, client=manage, body=models.RevokeRequest(reason="Done")
    )
    assert (revoked.status.value, revoked.revoke_reason) == ("revoked", "Done")
    refused = read.sync_detailed(client=holding(rotated.api_key))
    assert (refused.status_code, refused.parsed.error) == (401, "api_key.revoked")
