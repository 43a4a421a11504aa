"""Our classes beside those of Django REST framework and of packages for it."""

from __future__ import annotations

from typing import Any

from tests.hosts.host import Host
from tests.hosts.tour import CHALLENGE, PROBLEM
from tests.hosts.visit import Visit, same

URLS = """
from django.contrib import admin
from django.urls import include, path

from mysite import more
from mysite.notes import NotesView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("access/", include("apikeys.api.urls")),
    path("dashboard/", include("dashboard.urls")),
    path("notes", NotesView.as_view()),
    *more.urlpatterns,
]
"""
INVALID = "api_key.invalid_or_ip_not_allowed"


def _wrong(visit: Visit) -> str:
    return visit.key[:-1] + ("0" if visit.key[-1] != "0" else "1")


def _quiet(visit: Visit) -> None:
    same(visit.check(), [], f"checks: {visit.messages}")


def _statuses(visit: Visit, path: str, *, key: int, poor: int = 403, **more: Any) -> None:
    """How a view answers nobody, a wrong key, a key without its scope, a good one."""
    same(visit.get(path, **more).status_code, 401, f"{path}: nobody")
    same(visit.get(path, _wrong(visit), **more).status_code, 401, f"{path}: wrong")
    same(visit.get(path, visit.key, **more).status_code, key, f"{path}: key")
    lacking = visit.issue("notes:write").api_key
    same(visit.get(path, lacking, **more).status_code, poor, f"{path}: without the scope")


# --- Defaults of the whole project -----------------------------------------------------------

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
    _quiet(visit)
    same(visit.get("/status").json(), {"user": "AnonymousUser"}, "a page for everybody")
    person = {"username": "alice", "password": "correct horse battery staple"}
    obtained = visit.client().post("/obtain", person)
    same(obtained.status_code, 200, f"{obtained.content!r}")
    same(visit.get("/").status_code, 401, "the root of a router, which has HasScope")
    for path in ("/status", "/"):
        for key in (visit.key, _wrong(visit)):
            response = visit.get(path, key)
            same((response.status_code, response.json()["error"]), (403, "scope.undeclared"), path)


# --- Functions ---------------------------------------------------------------------------------

FUNCTIONS = """
from django.urls import path
{api_view}
from rest_framework.decorators import authentication_classes, permission_classes
from rest_framework.response import Response

from apikeys.authentication import AccessTokenAuthentication
from apikeys.permissions import HasScope, requires_scopes


@api_view(["GET"])
@authentication_classes([AccessTokenAuthentication])
@permission_classes([HasScope])
@requires_scopes("notes:read")
{a}def below(request):
    return Response({{"by": request.auth.name}})


@requires_scopes("notes:read")
@api_view(["GET"])
@authentication_classes([AccessTokenAuthentication])
@permission_classes([HasScope])
{a}def above(request):
    return Response({{"by": request.auth.name}})


urlpatterns = [path("below", below), path("above", above)]
"""
SYNC = FUNCTIONS.format(api_view="from rest_framework.decorators import api_view", a="")
ASYNC = (
    FUNCTIONS.format(api_view="from adrf.decorators import api_view", a="async ")
    + """

from adrf.views import APIView as AsyncAPIView
from rest_framework.permissions import IsAuthenticated

from apikeys.credits import ChargesCredits, charges_credits
from apikeys.permissions import declares


class Costly(ChargesCredits, AsyncAPIView):
    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [HasScope | IsAuthenticated]
    scope_resource = "notes"
    cost = 5

    async def get(self, request):
        return Response({}, status=int(request.query_params.get("status", 200)))


@api_view(["GET"])
@authentication_classes([AccessTokenAuthentication])
@permission_classes([HasScope])
@declares(scope_resource="notes")
@charges_credits(5)
async def costly(request):
    return Response({}, status=int(request.query_params.get("status", 200)))


urlpatterns += [path("costly-class", Costly.as_view()), path("costly", costly)]
"""
)


def _functions(visit: Visit) -> None:
    _quiet(visit)
    for path in ("/below", "/above"):
        _statuses(visit, path, key=200)
        same(visit.get(path, visit.key).json(), {"by": visit.token.name}, path)


def _async(visit: Visit) -> None:
    from asgiref.sync import async_to_sync
    from django.test import AsyncClient

    from apikeys.services import credits

    _functions(visit)
    client = AsyncClient(raise_request_exception=False)
    get = async_to_sync(client.get)
    key = {"X-API-Key": visit.key}
    same(get("/below", headers=key).status_code, 200, "on an event loop")
    same(get("/below").headers["WWW-Authenticate"], CHALLENGE, "challenge on an event loop")
    for path in ("/costly-class", "/costly"):
        _statuses(visit, path, key=200)
        before = credits.balance(visit.acme)
        same(get(path, headers=key).status_code, 200, path)
        same(credits.balance(visit.acme), before - 5, "taken")
        same(get(f"{path}?status=409", headers=key).status_code, 409, path)
        same(credits.balance(visit.acme), before - 5, "given back")


# --- A person or a key -------------------------------------------------------------------------

EITHER = """
from django.urls import path
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys.authentication import AccessTokenAuthentication
from apikeys.permissions import HasScope


class Either(APIView):
    authentication_classes = [AccessTokenAuthentication, SessionAuthentication]
    permission_classes = [HasScope | IsAuthenticated]
    scope_resource = "notes"

    def get(self, request):
        return Response({"user": str(request.user)})


class Wrong(Either):
    permission_classes = [IsAuthenticated | HasScope]


urlpatterns = [path("either", Either.as_view()), path("wrong", Wrong.as_view())]
"""


def _either(visit: Visit) -> None:
    same(visit.check(), ["apikeys.E020"], "checks")
    assert "IsAuthenticated | HasScope" in visit.messages[0].msg, visit.messages
    _statuses(visit, "/either", key=200)
    same(visit.client(visit.bob).get("/either").json(), {"user": "bob"}, "a person")
    same(visit.get("/wrong", visit.key).status_code, 403, "the wrong order")


# --- Other authenticators ----------------------------------------------------------------------

BESIDE = """
from django.urls import path
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView
{imports}

from apikeys.authentication import AccessTokenAuthentication, LeavesAccessTokens
from apikeys.permissions import HasScope


class Keys(AccessTokenAuthentication):
    leaves_foreign_bearer = True


class Other(LeavesAccessTokens, {other}): ...


class KeysFirst(APIView):
    authentication_classes = [Keys, {other}]
    permission_classes = [HasScope | IsAuthenticated]
    scope_resource = "notes"

    def get(self, request):
        return Response({{"auth": type(request.auth).__name__, "user": request.user.is_active}})


class OtherFirst(KeysFirst):
    authentication_classes = [Other, AccessTokenAuthentication]


class ScopeAlone(KeysFirst):
    permission_classes = [HasScope]


urlpatterns = [
    path("scope-alone", ScopeAlone.as_view()),
    path("keys-first", KeysFirst.as_view()),
    path("other-first", OtherFirst.as_view()),
    {more}
]
"""
JWT = BESIDE.format(
    imports="""
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.views import token_obtain_pair
""",
    other="JWTAuthentication",
    more='path("obtain", token_obtain_pair),',
)
KNOX = BESIDE.format(
    imports="from knox.auth import TokenAuthentication",
    other="TokenAuthentication",
    more="",
)
PLAIN_TOKENS = BESIDE.format(
    imports="from rest_framework.authentication import TokenAuthentication",
    other="TokenAuthentication",
    more="",
)


def _beside(visit: Visit, text: str, scheme: str, kind: str) -> None:
    _quiet(visit)
    person = {"Authorization": f"{scheme} {text}"}
    same(visit.get("/scope-alone", headers=person).status_code, 403, "a person has no scopes")
    same(visit.get("/scope-alone", visit.key).status_code, 200, "a key has")
    for path in ("/keys-first", "/other-first"):
        _statuses(visit, path, key=200)
        for headers in ({"X-API-Key": visit.key}, {"Authorization": f"Bearer {visit.key}"}):
            response = visit.get(path, headers=headers)
            same((response.status_code, response.json()["auth"]), (200, "AccessToken"), path)
        response = visit.get(path, headers={"Authorization": f"{scheme} {text}"})
        same((response.status_code, response.json()), (200, {"auth": kind, "user": True}), path)
        wrong = visit.get(path, headers={"Authorization": f"{scheme} {text[:-2]}xx"})
        same(wrong.status_code, 401, f"{path}: {wrong.content!r}")
        assert "WWW-Authenticate" in wrong.headers, path
        bearer = {"Authorization": f"Bearer {_wrong(visit)}"}
        refused = visit.get(path, headers=bearer)
        same(refused.status_code, 401, path)
        assert "API key" in refused.content.decode(), refused.content
        both = {"X-API-Key": visit.key, "Authorization": f"Bearer {text}"}
        same(visit.get(path, headers=both).status_code, 400, f"{path}: two credentials")


def _jwt(visit: Visit) -> None:
    person = {"username": "alice", "password": "correct horse battery staple"}
    obtained = visit.client().post("/obtain", person)
    _beside(visit, obtained.json()["access"], "Bearer", "AccessToken")


def _knox(visit: Visit) -> None:
    from knox.models import AuthToken

    _beside(visit, AuthToken.objects.create(visit.alice)[1], "Token", "AuthToken")


def _tokens(visit: Visit) -> None:
    from rest_framework.authtoken.models import Token

    text = Token.objects.create(user=visit.alice).key
    _beside(visit, text, "Token", "Token")


# --- Other handlers and renderers --------------------------------------------------------------

RENDERED = """
from django.urls import path
from mysite.notes import NotesView
{imports}


class Rendered(NotesView):
    renderer_classes = [{renderers}]


urlpatterns = [path("rendered", Rendered.as_view())]
"""


def _standardized(visit: Visit) -> None:
    _quiet(visit)
    missing, wrong = visit.get("/notes"), visit.get("/notes", _wrong(visit))
    for response in (missing, wrong):
        same(response.status_code, 401, repr(response.content))
        same(response.headers["WWW-Authenticate"], CHALLENGE, "challenge")
        same(response.headers["Content-Type"], "application/json", "type")
    same(wrong.json()["errors"][0]["code"], INVALID, "code")
    poor = visit.get("/notes", visit.key, method="post")
    same(poor.json()["errors"][0]["code"], "scope.insufficient", "code")
    managed = visit.get("/access/v1/organizations", visit.key)
    same((managed.status_code, managed.headers["Content-Type"]), (403, PROBLEM), "management")


def _json_api_handler(visit: Visit) -> None:
    _quiet(visit)
    wrong = visit.get("/rendered", _wrong(visit))
    same((wrong.status_code, wrong.headers["WWW-Authenticate"]), (401, CHALLENGE), "wrong key")
    same(wrong.headers["Content-Type"], "application/vnd.api+json", "type")
    [error] = wrong.json()["errors"]
    same((error["status"], error["code"]), ("401", INVALID), "JSON:API")


def _problem_whatever_is_rendered(visit: Visit) -> None:
    _quiet(visit)
    wrong = visit.get("/rendered", _wrong(visit))
    same((wrong.status_code, wrong.headers["Content-Type"]), (401, PROBLEM), "wrong key")
    same(wrong.json()["error"], INVALID, "code")
    good = visit.get("/rendered", visit.key)
    same(good.status_code, 200, repr(good.content))
    assert "problem" not in good.headers["Content-Type"], good.headers


def _browsable(visit: Visit) -> None:
    page = {"Accept": "text/html"}
    for key, status, says in (
        (None, 401, "api_key.missing"),
        (_wrong(visit), 401, INVALID),
        (visit.issue("notes:write").api_key, 403, "scope.insufficient"),
        (visit.key, 200, "development"),
    ):
        response = visit.get("/notes", key, headers=page)
        same((response.status_code, response.headers["Content-Type"]), (status, HTML), says)
        assert says in response.content.decode(), response.content[-2000:]


HTML = "text/html; charset=utf-8"


# --- Routers, headers --------------------------------------------------------------------------

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
    _quiet(visit)
    for path in ("/api/books/", "/api/books/7/pages/", "/api/books.json"):
        _statuses(visit, path, key=200)
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
    for key, status in ((visit.key, 200), (_wrong(visit), 401)):
        response = visit.get("/notes", key, headers=origin)
        same(response.status_code, status, repr(response.content))
        same(response.headers["Access-Control-Allow-Origin"], origin["Origin"], "origin")
        assert "origin" in response.headers["Vary"].lower(), response.headers["Vary"]
        assert "ratelimit" in response.headers["Access-Control-Expose-Headers"]
    assert "Basic" not in response.headers["WWW-Authenticate"], "a password box in a browser"


# -----------------------------------------------------------------------------------------------


def _with(name: str, more: str, steps: Any, *, settings: str = "", **kwargs: Any) -> Host:
    files = {"mysite/urls.py": URLS, "mysite/more.py": more, **kwargs.pop("files", {})}
    return Host(name=name, settings=settings, files=files, steps=steps, **kwargs)


def _app(*names: str) -> str:
    return f"INSTALLED_APPS += {list(names)!r}\n"


def _handler(path: str) -> str:
    return f'REST_FRAMEWORK["EXCEPTION_HANDLER"] = "{path}"\n'


_RENDERER = RENDERED.format
_SIGNED = 'SIMPLE_JWT = {"SIGNING_KEY": "0123456789abcdef" * 4}\n'
_JSON_API = "rest_framework_json_api.renderers.JSONRenderer"

HOSTS = [
    _with(
        "Our classes by default",
        OF_OTHERS,
        _by_default,
        settings=OURS,
        files={"mysite/notes.py": BARE},
    ),
    _with(
        "Subclasses of ours by default",
        OF_OTHERS,
        _by_default,
        settings=OWN,
        files={"mysite/notes.py": BARE, "mysite/classes.py": CLASSES},
    ),
    _with("@api_view in either order", SYNC, _functions),
    _with("adrf", ASYNC, _async, settings=_app("adrf"), packages=("adrf",)),
    _with("A person or a key", EITHER, _either),
    _with(
        "JWT in either order",
        JWT,
        _jwt,
        settings=_SIGNED,
        packages=("djangorestframework-simplejwt",),
    ),
    _with("knox", KNOX, _knox, settings=_app("knox"), packages=("django-rest-knox",)),
    _with("DRF's tokens", PLAIN_TOKENS, _tokens, settings=_app("rest_framework.authtoken")),
    Host(
        name="drf-standardized-errors",
        settings=_app("drf_standardized_errors")
        + _handler("drf_standardized_errors.handler.exception_handler"),
        packages=("drf-standardized-errors",),
        tour=("view", "pages", "docs"),
        steps=_standardized,
    ),
    _with(
        "JSON:API's renderer",
        _RENDERER(
            imports="from rest_framework_json_api import renderers",
            renderers="renderers.JSONRenderer",
        ),
        _problem_whatever_is_rendered,
        packages=("djangorestframework-jsonapi",),
    ),
    _with(
        "JSON:API's renderer and handler",
        _RENDERER(
            imports="from rest_framework_json_api import renderers",
            renderers="renderers.JSONRenderer",
        ),
        _json_api_handler,
        settings=_handler("rest_framework_json_api.exceptions.exception_handler"),
        packages=("djangorestframework-jsonapi",),
        tour=("view", "pages", "docs"),
    ),
    _with(
        "orjson",
        _RENDERER(
            imports="from drf_orjson_renderer.renderers import ORJSONRenderer",
            renderers="ORJSONRenderer",
        ),
        _problem_whatever_is_rendered,
        packages=("drf-orjson-renderer",),
    ),
    Host(name="The browsable API", steps=_browsable),
    _with("Nested routers", NESTED, _nested, packages=("drf-nested-routers",)),
    Host(name="CORS headers", settings=CORS, packages=("django-cors-headers",), steps=_cors),
]
