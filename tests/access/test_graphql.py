"""The lines for Strawberry that docs/faces.md shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
import strawberry
from django.test import Client
from django.urls import path
from strawberry.django.views import GraphQLView
from strawberry.permission import BasePermission

from apikeys.decorators import access_token_required

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class HasNotes(BasePermission):
    message = "scope.insufficient: notes:read"

    def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
        return "notes:read" in info.context.request.auth.held_scopes()


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[HasNotes])
    def notes(self, info: strawberry.Info) -> str:
        return str(info.context.request.auth.workspace.slug)

    @strawberry.field
    def me(self, info: strawberry.Info) -> str:
        return str(info.context.request.user.pk)


schema = strawberry.Schema(query=Query)
urlpatterns = [path("graphql", access_token_required()(GraphQLView.as_view(schema=schema)))]


def ask(query: str, key: str | None) -> Any:
    return Client().post(
        "/graphql",
        json.dumps({"query": query}),
        "application/json",
        headers={"X-API-Key": key} if key else {},
        secure=True,
    )


def test_a_key_reads_what_its_scopes_allow(issue: Any) -> None:
    issued = issue()
    answer = ask("{ notes me }", issued.api_key)
    assert answer.json() == {
        "data": {"notes": "production", "me": f"token:{issued.token.token_id}"}
    }
    assert answer.headers["Cache-Control"] == "private"


def test_a_field_without_its_scope_is_denied_and_others_are_not(issue: Any) -> None:
    issued = issue(scopes=[])
    assert ask("{ me }", issued.api_key).json()["data"] == {"me": f"token:{issued.token.token_id}"}
    denied = ask("{ notes }", issued.api_key).json()
    assert denied["data"] is None
    assert denied["errors"][0]["message"] == "scope.insufficient: notes:read"


def test_nobody_gets_in_without_a_key(issue: Any) -> None:
    answer = ask("{ me }", None)
    assert (answer.status_code, answer.json()["error"]) == (401, "api_key.missing")
    assert answer.headers["Cache-Control"] == "no-store"
