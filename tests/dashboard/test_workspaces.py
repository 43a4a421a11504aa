"""The workspaces pages: list, create, rename, archive with the name typed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from apikeys.models import AccessToken, AuditEvent, Workspace
from apikeys.services.tokens import disable_token
from apikeys.services.workspaces import archive_workspace

pytestmark = pytest.mark.django_db

WORKSPACES = "/dashboard/acme/workspaces"
NEW = f"{WORKSPACES}/new"
PASSWORD = "correct horse battery staple"


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


@pytest.fixture
def as_alice(client: Any, alice: Any, acme: Any) -> Any:
    client.force_login(alice)
    return client


def test_the_list_shows_environment_dialect_and_live_tokens(
    as_alice: Any, issue: Any, development: Any, actor: Any
) -> None:
    issue(workspace=development)
    disable_token(actor=actor, token=issue(workspace=development).token)
    gone = issue(workspace=development).token
    AccessToken.objects.filter(pk=gone.pk).update(revoked_at=timezone.now())
    late = issue(workspace=development, expires_at=timezone.now() + timedelta(days=1)).token
    AccessToken.objects.filter(pk=late.pk).update(
        created_at=timezone.now() - timedelta(days=2), expires_at=timezone.now()
    )
    response = as_alice.get(WORKSPACES)
    found = [(w.name, w.environment, w.live_tokens) for w in response.context["open"]]
    assert found == [("Development", "development", 2), ("Production", "production", 0)]
    text = response.content.decode()
    assert ">Production</span>" in text
    assert ">Your own API</td>" in text


@pytest.mark.parametrize("path", ["", "/new", "/production/rename", "/production/archive"])
def test_members_get_403_outsiders_404_strangers_the_log_in(
    path: str, client: Any, acme: Any, bob: Any, charlie: Any
) -> None:
    before = list(Workspace.objects.values())
    data = {"name": "Production", "environment": "staging", "dialect": "default"}
    assert client.get(WORKSPACES + path)["Location"].startswith("/accounts/login/")
    for user, status in ((bob, 403), (charlie, 404)):
        client.force_login(user)
        assert client.get(WORKSPACES + path).status_code == status
        if path:
            assert client.post(WORKSPACES + path, data).status_code == status
    assert list(Workspace.objects.values()) == before


@pytest.mark.parametrize("action", ["rename", "archive"])
def test_another_organization_s_workspace_is_not_found(
    action: str, as_alice: Any, globex: Any
) -> None:
    only_theirs = globex.workspaces.get(slug="production")
    Workspace.objects.filter(pk=only_theirs.pk).update(slug="theirs")
    path = f"{WORKSPACES}/theirs/{action}"
    assert as_alice.get(path).status_code == 404
    assert as_alice.post(path, {"name": "Production"}).status_code == 404


def test_a_workspace_is_created_with_its_environment(as_alice: Any, acme: Any) -> None:
    data = {"name": "Staging EU", "environment": "staging", "dialect": "default"}
    assert as_alice.post(NEW, data)["Location"] == WORKSPACES
    made = acme.workspaces.get(slug="staging-eu")
    assert (made.name, made.environment, made.dialect) == ("Staging EU", "staging", "default")
    assert actions()[-1] == "workspace.created"
    assert "Workspace Staging EU was created." in as_alice.get(WORKSPACES).content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 256),
        ("name", "production"),
        ("name", "…"),
        ("environment", ""),
        ("environment", "moon"),
        ("dialect", "klingon"),
    ],
)
def test_an_unusable_workspace_keeps_what_was_typed(
    field: str, value: str, as_alice: Any, acme: Any
) -> None:
    data = {"name": "Another", "environment": "staging", "dialect": "default", field: value}
    response = as_alice.post(NEW, data)
    assert response.status_code == 200
    assert list(response.context["form"].errors) == [field]
    assert response.context["form"][field].value() == value
    assert acme.workspaces.count() == 2


def test_several_apis_are_offered_and_one_is_not(as_alice: Any, settings: Any) -> None:
    settings.APIKEYS = {**settings.APIKEYS, "DIALECTS": {}}
    assert as_alice.get(NEW).context["form"]["dialect"].is_hidden
    settings.APIKEYS = {
        **settings.APIKEYS,
        "DIALECTS": {"second": "apikeys.dialects.DefaultDialect"},
    }
    shown = as_alice.get(NEW)
    assert not shown.context["form"]["dialect"].is_hidden
    assert "second" in dict(shown.context["form"].fields["dialect"].choices)


def test_renaming_keeps_the_short_name(as_alice: Any, production: Any) -> None:
    path = f"{WORKSPACES}/production/rename"
    assert as_alice.get(path).context["form"]["name"].value() == "Production"
    assert as_alice.post(path, {"name": "Live"})["Location"] == WORKSPACES
    production.refresh_from_db()
    assert (production.name, production.slug) == ("Live", "production")
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.details) == (
        "workspace.updated",
        {"before": {"name": "Production"}, "after": {"name": "Live"}},
    )


def test_the_archive_page_lists_the_tokens_that_will_be_revoked(
    as_alice: Any, issue: Any, development: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("dashboard.views.workspaces.MOST_TOKENS_SHOWN", 2)
    for number in range(3):
        issue(name=f"Robot {number}")
    issue(name="Elsewhere", workspace=development)
    response = as_alice.get(f"{WORKSPACES}/production/archive")
    assert [token.name for token in response.context["tokens"]] == ["Robot 0", "Robot 1"]
    assert (response.context["count"], response.context["more"]) == (3, 1)
    text = response.content.decode()
    assert "Requests with these 3 tokens fail at once." in text
    assert "And 1 more." in text
    assert 'data-confirm="Production"' in text


@pytest.mark.parametrize("typed", ["", "production", "Development", "Production!"])
def test_archiving_needs_the_exact_name(typed: str, as_alice: Any, production: Any) -> None:
    response = as_alice.post(f"{WORKSPACES}/production/archive", {"name": typed})
    assert response.status_code == 200
    assert response.context["form"].has_error("name")
    production.refresh_from_db()
    assert production.archived_at is None


def test_archiving_revokes_and_closes_for_ever(
    as_alice: Any, issue: Any, production: Any, api: Any, acme: Any
) -> None:
    issued = issue()
    assert api.key(issued).get("/api/demo/notes").status_code == 200
    path = f"{WORKSPACES}/production/archive"
    assert as_alice.post(path, {"name": "Production"})["Location"] == WORKSPACES
    production.refresh_from_db()
    assert production.archived_at is not None
    assert api.get("/api/demo/notes").status_code == 401
    assert actions()[-2:] == ["token.revoked", "workspace.archived"]
    listed = as_alice.get(WORKSPACES)
    assert [w.slug for w in listed.context["open"]] == ["development"]
    assert [w.slug for w in listed.context["archived"]] == ["production"]
    for action in ("rename", "archive"):
        page = f"{WORKSPACES}/production/{action}"
        assert as_alice.get(page).status_code == 404
        assert as_alice.post(page, {"name": "Production"}).status_code == 404


def test_an_archive_that_lost_the_race_is_a_conflict(
    as_alice: Any, production: Any, actor: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("dashboard.views.workspaces._open_workspace", lambda *given: production)
    archive_workspace(actor=actor, workspace=production)
    response = as_alice.post(f"{WORKSPACES}/production/archive", {"name": "Production"})
    assert response.status_code == 409
    assert response.context["form"].has_error("__all__", "workspace.archived")


def test_archiving_asks_for_the_password_again(as_alice: Any, production: Any) -> None:
    path = f"{WORKSPACES}/production/archive"
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert as_alice.get(path)["Location"].startswith("/dashboard/confirm?next=")
        asked = as_alice.post(path, {"name": "Production"})
        assert "password" in asked.context["form"].fields
        assert asked.context["form"]["name"].value() == "Production"
        production.refresh_from_db()
        assert production.archived_at is None
        done = as_alice.post(path, {"name": "Production", "password": PASSWORD})
        assert done["Location"] == WORKSPACES
    production.refresh_from_db()
    assert production.archived_at is not None
