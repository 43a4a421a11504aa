"""drf-spectacular as a project has set it up already, whatever inspects its views."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from tests.hosts.host import Host
from tests.hosts.texts import ACCESS, ADMIN, DOCUMENTED, NOTES, PAGES, SPECTACULAR, urls
from tests.hosts.visit import Visit, same

BEFORE = """
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from mysite.more import Dull, Open, Twice
"""
THEIRS = (
    'path("dull", Dull.as_view())',
    'path("open", Open.as_view())',
    'path("twice", Twice.as_view())',
    'path("schema", SpectacularAPIView.as_view(), name="schema")',
    'path("swagger", SpectacularSwaggerView.as_view(url_name="schema"))',
)
URLS = urls(ADMIN, PAGES, NOTES, *THEIRS, before=BEFORE)
MOUNTED = urls(ADMIN, ACCESS, PAGES, NOTES, *THEIRS, before=BEFORE)
MORE = '''
from django.http import HttpResponse
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys.authentication import AccessTokenAuthentication
from apikeys.permissions import HasScope
from apikeys.limits import Limit
from apikeys.throttling import AccessTokenThrottle


class Note(serializers.Serializer):
    text = serializers.CharField()


class Filed(AutoSchema):
    def get_tags(self):
        return ["filed"]


class Again(AccessTokenAuthentication):
    """Another class that speaks the same dialect."""


class Dull(APIView):
    """None of ours."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=Note)
    def get(self, request):
        return Response({"text": "dull"})


class Open(APIView):
    authentication_classes = [Again]
    permission_classes = [HasScope]
    throttle_classes = [AccessTokenThrottle]
    required_scopes = {"GET": {"notes:read"}}
    anonymous_access = "everyone"
    limits = [Limit("10/hour", per="address", on="anonymous")]

    @extend_schema(responses=Note, operation_id="open_it")
    def get(self, request):
        return Response({"text": "open"})


class Twice(APIView):
    authentication_classes = [AccessTokenAuthentication, Again]
    permission_classes = [HasScope]
    scope_resource = "notes"

    @extend_schema(responses=Note)
    def get(self, request):
        return Response({"text": "twice"})
'''
VIEW = """
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys.authentication import AccessTokenAuthentication
from apikeys.limits import Limit
from apikeys.permissions import HasScope
from apikeys.throttling import AccessTokenThrottle


class NotesView(APIView):
    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [HasScope]
    throttle_classes = [AccessTokenThrottle]
    required_scopes = {"GET": {"notes:read"}, "POST": {"notes:write"}}
    limits = [Limit("1000/hour", per="token")]

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request):
        return Response({"notes": [], "workspace": request.auth.workspace.slug})

    @extend_schema(request=None, responses={201: OpenApiTypes.OBJECT})
    def post(self, request):
        return Response({"made_by": request.auth.name}, status=201)
"""
OURS = [{"defaultX-API-Key": []}, {"defaultBearer": []}, {"defaultBasic": []}]


def _inspected_by(path: str) -> str:
    return f'{DOCUMENTED}REST_FRAMEWORK["DEFAULT_SCHEMA_CLASS"] = "{path}"\n'


def _document(visit: Visit, path: str) -> Any:
    response = visit.client(visit.alice).get(f"{path}?format=json")
    same(response.status_code, 200, f"{path}: {response.content[:500]!r}")
    return response.json()


def _own(visit: Visit) -> None:
    """The host's own document says how keys travel, and nobody is warned."""
    printed = io.StringIO()
    with contextlib.redirect_stderr(printed):
        document = _document(visit, "/schema")
        same(visit.client().get("/swagger").status_code, 200, "swagger")
    same(printed.getvalue(), "", "warnings")
    paths = document["paths"]
    same(paths["/notes"]["get"]["security"], OURS, "notes")
    same(paths["/twice"]["get"]["security"], OURS, "twice")
    same(paths["/open"]["get"]["security"], [*OURS, {}], "open")
    same(paths["/open"]["get"]["operationId"], "open_it", "what the view says itself")
    assert not any(name in str(paths["/dull"]) for name in ("defaultX", "defaultB"))
    schemes = document["components"]["securitySchemes"]
    assert {"defaultX-API-Key", "defaultBearer", "defaultBasic"} <= set(schemes), schemes
    deploy = [each for each in visit.check(deploy=True) if each.startswith("drf_spectacular")]
    same(deploy, [], f"check --deploy: {visit.messages}")


def _ours(visit: Visit) -> None:
    """Our documents have our facts, and what the host adds to its inspector."""
    document = _document(visit, "/access/v1/schema/default")
    same(document["paths"]["/notes"]["get"]["x-required-scopes"], {"allOf": ["notes:read"]})
    assert "/dull" not in document["paths"]
    assert "/schema" not in document["paths"]
    answers = document["paths"]["/notes"]["get"]["responses"]
    assert {"400", "401", "403", "429", "503"} <= set(answers), sorted(answers)


def _both(visit: Visit) -> None:
    _own(visit)
    _ours(visit)
    document = _document(visit, "/access/v1/schema/default")
    same(document["paths"]["/open"]["get"]["operationId"], "open_it", "what the view says itself")


def _filed(visit: Visit) -> None:
    _both(visit)
    for path in ("/schema", "/access/v1/schema/default"):
        same(_document(visit, path)["paths"]["/notes"]["get"]["tags"], ["filed"], path)


def _host(name: str, inspector: str, steps: Any, text: str = MOUNTED, **more: Any) -> Host:
    return Host(
        name=f"drf-spectacular, {name}",
        settings=_inspected_by(inspector) if inspector else DOCUMENTED,
        files={"mysite/urls.py": text, "mysite/more.py": MORE, "mysite/notes.py": VIEW},
        packages=SPECTACULAR,
        steps=steps,
        **more,
    )


STOCK = "drf_spectacular.openapi.AutoSchema"
HOSTS = [
    _host("its own inspector", STOCK, _both),
    _host("its own inspector, without our URLs", STOCK, _own, URLS, tour=("view", "errors")),
    _host("our inspector", "apikeys.openapi.schema.AccessTokenSchema", _both),
    _host("an inspector of the host", "mysite.more.Filed", _filed),
    _host("the inspector of DRF", "", _ours),
]
