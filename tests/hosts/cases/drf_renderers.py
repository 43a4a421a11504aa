"""Renderers and handlers of errors of other packages."""

from __future__ import annotations

from tests.hosts.drf import INVALID, app, host, quiet
from tests.hosts.host import Host
from tests.hosts.tour import CHALLENGE, PROBLEM
from tests.hosts.visit import Visit, same, wrong

RENDERED = """
from django.urls import path
from mysite.notes import NotesView
{imports}


class Rendered(NotesView):
    renderer_classes = [{renderers}]


urlpatterns = [path("rendered", Rendered.as_view())]
"""


def _standardized(visit: Visit) -> None:
    quiet(visit)
    missing, refused = visit.get("/notes"), visit.get("/notes", wrong(visit.key))
    for response in (missing, refused):
        same(response.status_code, 401, repr(response.content))
        same(response.headers["WWW-Authenticate"], CHALLENGE, "challenge")
        same(response.headers["Content-Type"], "application/json", "type")
    same(refused.json()["errors"][0]["code"], INVALID, "code")
    poor = visit.get("/notes", visit.key, method="post")
    same(poor.json()["errors"][0]["code"], "scope.insufficient", "code")
    managed = visit.get("/access/v1/organizations", visit.key)
    same((managed.status_code, managed.headers["Content-Type"]), (403, PROBLEM), "management")


def _json_api_handler(visit: Visit) -> None:
    quiet(visit)
    refused = visit.get("/rendered", wrong(visit.key))
    same((refused.status_code, refused.headers["WWW-Authenticate"]), (401, CHALLENGE), "wrong key")
    same(refused.headers["Content-Type"], "application/vnd.api+json", "type")
    [error] = refused.json()["errors"]
    same((error["status"], error["code"]), ("401", INVALID), "JSON:API")


def _problem_whatever_is_rendered(visit: Visit) -> None:
    quiet(visit)
    refused = visit.get("/rendered", wrong(visit.key))
    same((refused.status_code, refused.headers["Content-Type"]), (401, PROBLEM), "wrong key")
    same(refused.json()["error"], INVALID, "code")
    good = visit.get("/rendered", visit.key)
    same(good.status_code, 200, repr(good.content))
    assert "problem" not in good.headers["Content-Type"], good.headers


def _browsable(visit: Visit) -> None:
    page = {"Accept": "text/html"}
    for key, status, says in (
        (None, 401, "api_key.missing"),
        (wrong(visit.key), 401, INVALID),
        (visit.issue("notes:write").api_key, 403, "scope.insufficient"),
        (visit.key, 200, "development"),
    ):
        response = visit.get("/notes", key, headers=page)
        same((response.status_code, response.headers["Content-Type"]), (status, HTML), says)
        assert says in response.content.decode(), response.content[-2000:]


HTML = "text/html; charset=utf-8"


def _handled_by(path: str) -> str:
    return f'REST_FRAMEWORK["EXCEPTION_HANDLER"] = "{path}"\n'


HOSTS = [
    Host(
        name="drf-standardized-errors",
        settings=app("drf_standardized_errors")
        + _handled_by("drf_standardized_errors.handler.exception_handler"),
        packages=("drf-standardized-errors",),
        tour=("view", "pages", "docs"),
        steps=_standardized,
    ),
    host(
        "JSON:API's renderer",
        RENDERED.format(
            imports="from rest_framework_json_api import renderers",
            renderers="renderers.JSONRenderer",
        ),
        _problem_whatever_is_rendered,
        packages=("djangorestframework-jsonapi",),
    ),
    host(
        "JSON:API's renderer and handler",
        RENDERED.format(
            imports="from rest_framework_json_api import renderers",
            renderers="renderers.JSONRenderer",
        ),
        _json_api_handler,
        settings=_handled_by("rest_framework_json_api.exceptions.exception_handler"),
        packages=("djangorestframework-jsonapi",),
        tour=("view", "pages", "docs"),
    ),
    host(
        "orjson",
        RENDERED.format(
            imports="from drf_orjson_renderer.renderers import ORJSONRenderer",
            renderers="ORJSONRenderer",
        ),
        _problem_whatever_is_rendered,
        packages=("drf-orjson-renderer",),
    ),
    Host(name="The browsable API", steps=_browsable),
]
