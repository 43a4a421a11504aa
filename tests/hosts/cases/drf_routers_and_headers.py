"""Nested routers, and the headers that let pages of another origin ask."""

from __future__ import annotations

from tests.hosts.drf import host, quiet, statuses
from tests.hosts.host import Host
from tests.hosts.visit import Visit, same, wrong

NESTED = """
from django.urls import include, path
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet
from rest_framework_nested.routers import DefaultRouter, NestedDefaultRouter

from apikeys.authentication import AccessTokenAuthentication
from apikeys.permissions import HasScope, requires_scopes


class Books(ViewSet):
    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [HasScope]
    scope_resource = "notes"

    def list(self, request, **kwargs):
        return Response([])

    @requires_scopes("notes:write")
    @action(detail=False, methods=["post"])
    def bind(self, request, **kwargs):
        return Response({})


class Pages(Books):
    def list(self, request, book_pk):
        return Response([book_pk])


router = DefaultRouter()
router.register("books", Books, basename="book")
nested = NestedDefaultRouter(router, "books", lookup="book")
nested.register("pages", Pages, basename="page")
urlpatterns = [path("api/", include(router.urls)), path("api/", include(nested.urls))]
"""


def _nested(visit: Visit) -> None:
    quiet(visit)
    for path in ("/api/books/", "/api/books/7/pages/", "/api/books.json"):
        statuses(visit, path)
    same(visit.get("/api/books/7/pages/", visit.key).json(), ["7"], "nested")
    bind = "/api/books/7/pages/bind/"
    same(visit.get(bind, visit.key, method="post").status_code, 403, "an action")
    writes = visit.issue("notes:write").api_key
    same(visit.get(bind, writes, method="post").status_code, 200, "an action")


CORS = """
from corsheaders.defaults import default_headers

INSTALLED_APPS += ["corsheaders"]
MIDDLEWARE.insert(0, "corsheaders.middleware.CorsMiddleware")
CORS_ALLOWED_ORIGINS = ["https://app.example"]
CORS_ALLOW_HEADERS = (*default_headers, "x-api-key")
CORS_EXPOSE_HEADERS = ("ratelimit", "ratelimit-policy", "retry-after")
"""


def _cors(visit: Visit) -> None:
    origin = {"Origin": "https://app.example"}
    asks = {
        **origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-api-key",
    }
    preflight = visit.get("/notes", method="options", headers=asks)
    same(preflight.status_code, 200, "preflight")
    assert "x-api-key" in preflight.headers["Access-Control-Allow-Headers"], preflight.headers
    for key, status in ((visit.key, 200), (wrong(visit.key), 401)):
        response = visit.get("/notes", key, headers=origin)
        same(response.status_code, status, repr(response.content))
        same(response.headers["Access-Control-Allow-Origin"], origin["Origin"], "origin")
        assert "origin" in response.headers["Vary"].lower(), response.headers["Vary"]
        assert "ratelimit" in response.headers["Access-Control-Expose-Headers"]
    assert "Basic" not in response.headers["WWW-Authenticate"], "a password box in a browser"


HOSTS = [
    host("Nested routers", NESTED, _nested, packages=("drf-nested-routers",)),
    Host(name="CORS headers", settings=CORS, packages=("django-cors-headers",), steps=_cors),
]
