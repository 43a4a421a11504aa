"""Our classes as the defaults of Django REST framework."""

from __future__ import annotations

from tests.hosts.drf import host, quiet
from tests.hosts.visit import PASSWORD, Visit, same, wrong

DEFAULTS = """
INSTALLED_APPS += ["rest_framework.authtoken"]
REST_FRAMEWORK.update(
    {{
        "DEFAULT_AUTHENTICATION_CLASSES": ["{authentication}"],
        "DEFAULT_PERMISSION_CLASSES": ["{permission}"],
        "DEFAULT_THROTTLE_CLASSES": ["{throttle}"],
        "DEFAULT_PARSER_CLASSES": ["{parser}"],
        "EXCEPTION_HANDLER": "{handler}",
    }}
)
"""
OURS = DEFAULTS.format(
    authentication="apikeys.authentication.AccessTokenAuthentication",
    permission="apikeys.permissions.HasScope",
    throttle="apikeys.throttling.AccessTokenThrottle",
    parser="apikeys.parsers.BoundedJSONParser",
    handler="apikeys.exceptions.exception_handler",
)
OWN = DEFAULTS.format(
    authentication="mysite.classes.Authentication",
    permission="mysite.classes.Permission",
    throttle="mysite.classes.Throttle",
    parser="mysite.classes.Parser",
    handler="mysite.classes.handler",
)
CLASSES = """
from apikeys.authentication import AccessTokenAuthentication
from apikeys.exceptions import exception_handler
from apikeys.parsers import BoundedJSONParser
from apikeys.permissions import HasScope
from apikeys.throttling import AccessTokenThrottle


class Authentication(AccessTokenAuthentication): ...
class Permission(HasScope): ...
class Throttle(AccessTokenThrottle): ...
class Parser(BoundedJSONParser): ...


def handler(exc, context):
    response = exception_handler(exc, context)
    response.headers["X-Handled"] = "here"
    return response
"""
BARE = """
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys.limits import Limit


class NotesView(APIView):
    required_scopes = {"GET": {"notes:read"}, "POST": {"notes:write"}}
    limits = [Limit("1000/hour", per="token")]

    def get(self, request):
        return Response({"notes": [], "workspace": request.auth.workspace.slug})

    def post(self, request):
        return Response({"made_by": request.auth.name}, status=201)
"""
OF_OTHERS = """
from django.urls import path
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter
from rest_framework.views import APIView


class Status(APIView):
    permission_classes = [AllowAny]

    def get(self, request):
        return Response({"user": str(request.user)})


router = DefaultRouter()
urlpatterns = [path("status", Status.as_view()), path("obtain", obtain_auth_token)] + router.urls
"""


def _by_default(visit: Visit) -> None:
    quiet(visit)
    same(visit.get("/status").json(), {"user": "AnonymousUser"}, "a page for everybody")
    person = {"username": "alice", "password": PASSWORD}
    obtained = visit.client().post("/obtain", person)
    same(obtained.status_code, 200, f"{obtained.content!r}")
    same(visit.get("/").status_code, 401, "the root of a router, which has HasScope")
    for path in ("/status", "/"):
        for key in (visit.key, wrong(visit.key)):
            response = visit.get(path, key)
            same((response.status_code, response.json()["error"]), (403, "scope.undeclared"), path)


HOSTS = [
    host(
        "Our classes by default",
        OF_OTHERS,
        _by_default,
        settings=OURS,
        files={"mysite/notes.py": BARE},
    ),
    host(
        "Subclasses of ours by default",
        OF_OTHERS,
        _by_default,
        settings=OWN,
        files={"mysite/notes.py": BARE, "mysite/classes.py": CLASSES},
    ),
]
