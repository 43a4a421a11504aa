"""Our classes as the defaults of a whole project, whose other views nobody has opened to keys."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.urls import path
from rest_framework.authentication import SessionAuthentication
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from apikeys import checks, endpoints
from apikeys.authentication import AccessTokenAuthentication
from apikeys.permissions import HasScope

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.access.test_default_classes"),
    pytest.mark.usefixtures("limits_in_memory"),
]
ROOT = Path(__file__).resolve().parents[2]


class Public(APIView):
    """Says nothing of authentication: a page for everybody."""

    permission_classes = [AllowAny]

    def get(self, request):
        return Response({"user": str(request.user)})


class People(Public):
    permission_classes = [IsAuthenticated]


class Forgotten(APIView):
    """Has HasScope by default, and no scopes."""

    def get(self, request):
        return Response({})


class Opened(Public):
    permission_classes = [HasScope]
    scope_resource = "notes"


class Halfway(Public):
    """Says scopes, and nothing asks for them."""

    scope_resource = "notes"


class Asking(Public):
    """Asks for scopes itself, and says none."""

    permission_classes = [HasScope]


class Named(Public):
    authentication_classes = [AccessTokenAuthentication]


router = DefaultRouter()
urlpatterns = [
    path("public", Public.as_view()),
    path("people", People.as_view()),
    path("forgotten", Forgotten.as_view()),
    path("opened", Opened.as_view()),
    path("halfway", Halfway.as_view()),
    path("asking", Asking.as_view()),
    path("named", Named.as_view()),
    path("obtain", ObtainAuthToken.as_view()),
    *router.urls,
]


@pytest.fixture(autouse=True)
def by_default(monkeypatch):
    """What DRF makes of DEFAULT_AUTHENTICATION_CLASSES when it is imported."""
    ours = [AccessTokenAuthentication, SessionAuthentication]
    monkeypatch.setattr(APIView, "authentication_classes", ours)
    monkeypatch.setattr(api_settings, "DEFAULT_AUTHENTICATION_CLASSES", ours)
    monkeypatch.setattr(APIView, "permission_classes", [HasScope])


def test_a_view_that_nobody_opened_answers_without_a_key_as_it_says(api, alice):
    assert api.get("/public").json() == {"user": "AnonymousUser"}
    assert api.get("/").status_code == 401
    assert api.get("/people").status_code == 401
    assert api.get("/forgotten").status_code == 401
    api.force_login(alice)
    assert api.get("/people").json() == {"user": str(alice)}


@pytest.mark.parametrize("path", ["/public", "/people", "/forgotten", "/"])
def test_it_takes_no_key_good_or_bad_and_tells_nothing_of_it(
    api, issue, path, caplog, django_assert_num_queries
):
    key = issue().api_key
    for sent in (key, key[:-1] + "_"):
        with django_assert_num_queries(0):
            response = api.get(path, headers={"X-API-Key": sent})
        assert (response.status_code, response.json()["error"]) == (403, "scope.undeclared")
    assert "accepts no token" not in caplog.text
    assert caplog.text.count("reason=scope.undeclared") == 2


def test_one_that_declares_scopes_takes_keys(api, issue):
    assert api.get("/opened", headers={"X-API-Key": issue().api_key}).status_code == 200
    assert api.get("/opened").status_code == 401


@pytest.mark.parametrize("path", ["/halfway", "/named", "/asking"])
def test_one_that_was_opened_without_asking_for_scopes_refuses_everybody(api, issue, path):
    for headers in ({}, {"X-API-Key": issue().api_key}):
        response = api.get(path, headers=headers)
        assert (response.status_code, response.json()["error"]) == (403, "scope.undeclared")


def test_the_check_stops_for_those_that_were_opened_alone():
    found = [(each.id, each.msg.split(" ")[0].rpartition(".")[2]) for each in _messages()]
    assert sorted(found) == [
        ("apikeys.E020", "Asking"),
        ("apikeys.E020", "Halfway"),
        ("apikeys.E020", "Named"),
        ("apikeys.W026", "Forgotten"),
    ]


def _messages():
    return checks.views.check_views(None)


def test_what_was_not_opened_is_no_endpoint_that_takes_keys():
    assert {each.route for each in endpoints.token_endpoints()} == {
        "opened",
        "halfway",
        "named",
        "asking",
    }


STARTS = """
import os, sys

import django
from django.conf import settings

which, modules = sys.argv[1], sys.argv[2:]
named = {
    "ours": {
        "DEFAULT_AUTHENTICATION_CLASSES": ["apikeys.authentication.AccessTokenAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["apikeys.permissions.HasScope"],
        "DEFAULT_THROTTLE_CLASSES": ["apikeys.throttling.AccessTokenThrottle"],
        "DEFAULT_PARSER_CLASSES": ["apikeys.parsers.BoundedJSONParser"],
        "EXCEPTION_HANDLER": "apikeys.exceptions.exception_handler",
        "DEFAULT_SCHEMA_CLASS": "apikeys.openapi.schema.AccessTokenSchema",
    },
    "of a host": {
        "DEFAULT_AUTHENTICATION_CLASSES": ["classes.Authentication"],
        "DEFAULT_PERMISSION_CLASSES": ["classes.Permission"],
        "DEFAULT_THROTTLE_CLASSES": ["classes.Throttle"],
        "DEFAULT_PARSER_CLASSES": ["classes.Parser"],
        "EXCEPTION_HANDLER": "classes.handler",
    },
}[which]
settings.configure(
    SECRET_KEY="only-for-tests-" + "0123456789" * 5,
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
        "rest_framework", "django_filters", "drf_spectacular", "apikeys",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    USE_TZ=True,
    REST_FRAMEWORK=named,
)
django.setup()
for module in modules:
    if pid := os.fork():
        assert os.waitpid(pid, 0)[1] == 0, module
        continue
    code = 1
    try:
        __import__(module)
        from rest_framework.views import APIView
        import rest_framework.decorators, rest_framework.generics, rest_framework.routers

        view = APIView()
        found = [view.get_authenticators(), view.get_permissions(), view.get_throttles()]
        found += [view.get_parsers(), [view.get_exception_handler()]]
        assert all(len(each) == 1 for each in found), found
        code = 0
    finally:
        os._exit(code)
print(len(modules))
"""
CLASSES = """
from apikeys.authentication import AccessTokenAuthentication
from apikeys.credits import ChargesCredits
from apikeys.exceptions import exception_handler
from apikeys.idempotency import idempotency_key
from apikeys.parsers import BoundedJSONParser
from apikeys.permissions import HasScope
from apikeys.serializers import StrictSerializer
from apikeys.throttling import AccessTokenThrottle


class Authentication(AccessTokenAuthentication): ...
class Permission(HasScope): ...
class Throttle(AccessTokenThrottle): ...
class Parser(BoundedJSONParser): ...


def handler(exc, context):
    return exception_handler(exc, context)
"""
FIRST = [
    "authentication",
    "decorators",
    "exceptions",
    "generics",
    "parsers",
    "permissions",
    "schemas",
    "serializers",
    "test",
    "throttling",
    "views",
]
OURS = [
    "api.urls",
    "authentication",
    "credits",
    "endpoints",
    "exceptions",
    "idempotency",
    "middleware",
    "openapi.schema",
    "parsers",
    "permissions",
    "serializers",
    "throttling",
]


@pytest.mark.once
@pytest.mark.parametrize("which", ["ours", "of a host"])
def test_settings_may_name_our_classes_whichever_module_comes_first(which, tmp_path):
    (tmp_path / "classes.py").write_text(CLASSES)
    modules = [f"rest_framework.{name}" for name in FIRST] + [f"apikeys.{name}" for name in OURS]
    modules.append("drf_spectacular.openapi")
    if which == "of a host":
        modules.append("classes")
    done = subprocess.run(
        [sys.executable, "-c", STARTS, which, *modules],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == [str(len(modules))], done.stderr[-3000:]
