"""OpenAPI documents name decorated Django views and operations of django-ninja too."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.urls import path
from drf_spectacular.validation import validate_schema
from ninja import NinjaAPI

from apikeys.decorators import access_token_required
from apikeys.limits import Limit
from apikeys.ninja import AccessTokenAuth, install
from apikeys.openapi.schema import DialectSchemaGenerator
from apikeys.permissions import any_of
from tests.support import faces

pytestmark = pytest.mark.urls(__name__)


@access_token_required(
    {"GET": "notes:read", "DELETE": any_of("notes:write", "notes:delete")},
    limits=[Limit("9/minute", on="read"), Limit("3/minute", on="write")],
)
def note(request: Any, pk: int) -> HttpResponse:
    """Read or delete a note.

    Deleting is for ever.
    """
    return HttpResponse()


@access_token_required(anonymous="everyone")
async def everybody(request: Any) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("notes/<int:pk>", note),
    path("everybody", everybody),
    path("ninja/", faces.ninja_api.urls),
]


@pytest.fixture
def document(settings: Any) -> dict[str, Any]:
    settings.APIKEYS = {**settings.APIKEYS, "DIALECTS": faces.DIALECTS}
    return dict(DialectSchemaGenerator(dialect="default").get_schema(public=True))


def test_the_document_is_valid_and_every_operation_has_a_name_of_its_own(
    document: dict[str, Any],
) -> None:
    validate_schema({**document, "info": {"title": "x", "version": "1"}})
    ids = [
        each["operationId"] for methods in document["paths"].values() for each in methods.values()
    ]
    assert len(set(ids)) == len(ids) >= 4


def test_a_decorated_view_says_its_scopes_and_limits_by_method(document: dict[str, Any]) -> None:
    found = document["paths"]["/notes/{pk}"]
    assert sorted(found) == ["delete", "get"]
    assert found["get"]["summary"] == "Read or delete a note"
    assert found["get"]["x-required-scopes"] == {"allOf": ["notes:read"]}
    assert found["get"]["x-limits"] == ["9/minute per token"]
    assert found["delete"]["x-required-scopes"] == {"anyOf": ["notes:delete", "notes:write"]}
    assert found["delete"]["x-limits"] == ["3/minute per token"]
    assert [each["name"] for each in found["get"]["parameters"]] == ["pk"]
    assert found["get"]["security"] == [
        {"defaultX-API-Key": []},
        {"defaultBearer": []},
        {"defaultBasic": []},
    ]
    assert sorted(found["get"]["responses"]) == ["200", "400", "401", "403", "429", "503"]
    schemes = document["components"]["securitySchemes"]
    assert schemes["defaultX-API-Key"] == {"type": "apiKey", "in": "header", "name": "X-API-Key"}


def test_who_may_come_without_a_key_is_told(document: dict[str, Any]) -> None:
    assert document["paths"]["/everybody"]["get"]["security"][-1] == {}
    assert "x-required-scopes" not in document["paths"]["/everybody"]["get"]


def test_operations_of_ninja_stand_in_the_document_of_their_dialect(
    document: dict[str, Any], settings: Any
) -> None:
    assert document["paths"]["/ninja/notes"]["post"]["x-required-scopes"] == {
        "allOf": ["notes:read"]
    }
    assert "/ninja/files" not in document["paths"]
    cms = DialectSchemaGenerator(dialect="cms").get_schema(public=True)
    assert cms["paths"]["/ninja/files"]["get"]["x-required-scopes"] == {"allOf": ["files:read"]}


@pytest.mark.parametrize(
    ("dialect", "scheme"),
    [
        ("default", {"type": "apiKey", "in": "header", "name": "X-API-Key"}),
        ("bearer", {"type": "http", "scheme": "bearer"}),
    ],
)
def test_ninjas_own_document_names_the_first_carrier_of_the_dialect(
    settings: Any, dialect: str, scheme: dict[str, str]
) -> None:
    settings.APIKEYS = {**settings.APIKEYS, "DIALECTS": faces.DIALECTS}
    api = install(NinjaAPI(urls_namespace=f"documented-{dialect}"))
    protect = AccessTokenAuth("notes:read", dialect=dialect)
    api.get("/notes", auth=protect)(faces.ninja_plain)
    said = api.get_openapi_schema(path_prefix="/")
    assert said["components"]["securitySchemes"] == {"AccessTokenAuth": scheme}
    assert said["paths"]["/notes"]["get"]["security"] == [{"AccessTokenAuth": []}]
