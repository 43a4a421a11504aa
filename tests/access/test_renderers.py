"""What an error is said to be is what it is, whichever form the caller has asked for."""

from __future__ import annotations

import json

import pytest
from django.urls import path
from rest_framework import renderers
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys.authentication import AccessTokenAuthentication
from apikeys.permissions import HasScope
from tests.support.apis import DIALECTS, CmsAuthentication, say

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.access.test_renderers"),
    pytest.mark.usefixtures("limits_in_memory"),
]


class Csv(renderers.BaseRenderer):
    media_type = "text/csv"
    format = "csv"

    def render(self, data, accepted_media_type=None, renderer_context=None):
        return ",".join(map(str, data.values()))


class Packed(renderers.BaseRenderer):
    """A form of bytes, such as MessagePack or a spreadsheet."""

    media_type = "application/msgpack"
    format = "msgpack"
    charset = None
    render_style = "binary"

    def render(self, data, accepted_media_type=None, renderer_context=None):
        return b"\x81" + repr(data).encode()


class Envelope(renderers.JSONRenderer):
    """Wraps what it renders, as JSON:API does."""

    media_type = "application/vnd.api+json"
    format = "vnd.api+json"

    def render(self, data, accepted_media_type=None, renderer_context=None):
        return super().render({"data": data}, accepted_media_type, renderer_context)


class PlainEnvelope(Envelope):
    """Wraps it and says nothing."""

    media_type = "application/json"
    format = "json"


class OtherJSON(renderers.BaseRenderer):
    """Plain JSON by another library."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data, accepted_media_type=None, renderer_context=None):
        return json.dumps(data, indent=1).encode()


class Notes(APIView):
    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [HasScope]
    scope_resource = "notes"
    renderer_classes = [
        renderers.JSONRenderer,
        renderers.BrowsableAPIRenderer,
        renderers.StaticHTMLRenderer,
        Csv,
        Packed,
        Envelope,
    ]

    def get(self, request):
        return Response({"a": 1})


class CmsNotes(Notes):
    authentication_classes = [CmsAuthentication]


urlpatterns = [
    path("notes", Notes.as_view()),
    path("cms", CmsNotes.as_view()),
    path("wrapped", Notes.as_view(renderer_classes=[PlainEnvelope])),
    path("other", Notes.as_view(renderer_classes=[OtherJSON])),
    path("page", Notes.as_view(renderer_classes=[renderers.TemplateHTMLRenderer])),
]
MISSING = {
    "title": "Unauthorized",
    "status": 401,
    "error": "api_key.missing",
    "detail": "An API key is required.",
    "headers": ["X-API-Key", "Authorization: Bearer", "Authorization: Basic"],
}


@pytest.mark.parametrize(
    "accept",
    ["application/json", "*/*", "text/csv", "application/msgpack", "application/vnd.api+json"],
)
def test_an_error_is_the_dialects_json_whatever_was_asked_for(api, issue, accept):
    response = api.get("/notes", headers={"Accept": accept})
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert json.loads(response.content) == MISSING
    assert response["WWW-Authenticate"].startswith("ApiKey")
    key = {"X-API-Key": issue(scopes=["notes:write"]).api_key, "Accept": accept}
    forbidden = api.get("/notes", headers=key)
    assert (forbidden.status_code, forbidden["Content-Type"]) == (403, "application/problem+json")
    assert json.loads(forbidden.content)["required_scope"] == "notes:read"
    # What is no error is in the form that was asked for.
    key["X-API-Key"] = issue().api_key
    good = api.get("/notes", headers=key)
    assert good.status_code == 200
    assert good["Content-Type"].partition(";")[0] == accept.replace("*/*", "application/json")


@pytest.mark.parametrize("path", ["/wrapped", "/other"])
def test_no_envelope_and_no_other_encoder_touches_it(api, path):
    response = api.get(path)
    assert response["Content-Type"] == "application/problem+json"
    assert json.loads(response.content) == MISSING


def test_an_indent_that_was_asked_for_is_kept(api):
    response = api.get("/notes", headers={"Accept": "application/json; indent=2"})
    assert response["Content-Type"] == "application/problem+json"
    assert b'\n  "status": 401' in response.content


def test_another_dialect_names_its_own_type(api, settings):
    say(settings, DIALECTS=DIALECTS)
    response = api.get("/cms", headers={"Accept": "text/csv"})
    assert response["Content-Type"] == "application/json"
    assert json.loads(response.content) == {"message": MISSING["detail"], "fields": {}}


def test_a_form_that_is_not_there_is_told_in_json(api):
    response = api.get("/notes", headers={"Accept": "image/png"})
    assert (response.status_code, response["Content-Type"]) == (406, "application/problem+json")
    assert json.loads(response.content)["error"] == "not_acceptable"


@pytest.mark.parametrize("path", ["/notes", "/page"])
def test_a_browser_gets_a_page(api, issue, path):
    poor = issue(scopes=["notes:write"]).api_key
    for headers, status in (({}, 401), ({"X-API-Key": poor}, 403)):
        response = api.get(path, headers={"Accept": "text/html", **headers})
        assert response.status_code == status
        assert response["Content-Type"] == "text/html; charset=utf-8"
        assert b"problem+json" not in response.content


def test_the_browsable_api_shows_what_is_wrong(api):
    response = api.get("/notes", headers={"Accept": "text/html"})
    assert "api_key.missing" in response.content.decode()
    assert response["WWW-Authenticate"].startswith("ApiKey")
