"""The same endpoints behind every face: `pytest.mark.urls("tests.support.faces")`.

`/<face>/<kind>`: the kinds are what an endpoint may ask, the faces are the ways to say it.
"""

from __future__ import annotations

from typing import Any

from django.http import JsonResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from ninja import NinjaAPI
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys.asgi import AccessTokenRequired
from apikeys.authentication import AccessTokenAuthentication
from apikeys.decorators import access_token_required
from apikeys.dialects import Dialect
from apikeys.limits import Limit
from apikeys.ninja import AccessTokenAuth, AsyncAccessTokenAuth, install
from apikeys.permissions import HasScope, any_of
from apikeys.restrictions import Face, Facts
from apikeys.throttling import AccessTokenThrottle
from tests.support import apis

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Compact(JSONRenderer):
    """JSON as DRF writes it where nothing is said; the demo's settings have it with blanks."""

    compact = True


class Certified:
    """Wants the client certificate that the proxy has seen."""

    def objection(self, token: Any, facts: Facts) -> Face | None:
        if facts.meta.get("HTTP_X_CLIENT_VERIFY") == "SUCCESS":
            return None
        return Face(403, "certificate.required", "Send your client certificate.")


class Guarded(Dialect):
    """An API with a rule of its own."""

    restrictions = (Certified(),)
    scopes = {"notes:read": "Read notes"}


DIALECTS = {**apis.DIALECTS, "guarded": "tests.support.faces.Guarded"}
KINDS: dict[str, dict[str, Any]] = {
    "notes": {"scopes": ("notes:read",), "limits": [Limit("2/minute", name="faces")]},
    "both": {"scopes": ("notes:read", "notes:write")},
    "either": {"scopes": (any_of("notes:write", "notes:delete"),)},
    "method": {"scopes": ({"GET": "notes:read", "POST": {"notes:write"}},)},
    "files": {"scopes": ("files:read",), "dialect": "cms"},
    "open": {
        "dialect": "cms",
        "anonymous": "first_party",
        "limits": [Limit("2/hour", per="address", on="anonymous")],
    },
    "everyone": {"scopes": ("notes:read",), "anonymous": "everyone"},
    "purge": {"kind": "purge", "limits": [Limit("1/hour", on="purge"), Limit("9/hour", on="read")]},
    "any": {"any_dialect": True},
    "guarded": {"scopes": ("notes:read",), "dialect": "guarded"},
}


def body(request: Any) -> dict[str, Any]:
    """Who is asking."""
    access = getattr(request, "_request", request).apikeys
    user = request.user
    return {"token": access.token and access.token.token_id, "user": str(user.pk)}


def plain(request: Any) -> JsonResponse:
    return JsonResponse(body(request), json_dumps_params={"separators": (",", ":")})


async def aplain(request: Any) -> JsonResponse:
    assert (await request.auser()) is request.user
    return plain(request)


def _class(asynchronous: bool, asked: dict[str, Any]) -> Any:
    protect = access_token_required(*asked.get("scopes", ()), **_options(asked))
    handler = aplain if asynchronous else plain

    async def arun(self: Any, request: Any) -> JsonResponse:
        return await aplain(request)

    def run(self: Any, request: Any) -> JsonResponse:
        return plain(request)

    handlers = {method.lower(): arun if asynchronous else run for method in METHODS}
    cls = type(f"Class{handler.__name__}", (View,), handlers)
    return method_decorator(protect, name="dispatch")(cls).as_view()


def _drf(asked: dict[str, Any]) -> Any:
    def run(self: Any, request: Any) -> Response:
        return Response(body(request))

    scopes = asked.get("scopes", ())
    authentication = type(
        "Authentication",
        (AccessTokenAuthentication,),
        {
            "dialect": asked.get("dialect", "default"),
            "any_dialect": asked.get("any_dialect", False),
        },
    )
    wanted = scopes[0] if len(scopes) == 1 else set(scopes)
    if scopes and not isinstance(wanted, dict):
        wanted = dict.fromkeys(METHODS, wanted)
    said: dict[str, Any] = {
        "authentication_classes": [authentication],
        "permission_classes": [HasScope],
        "throttle_classes": [AccessTokenThrottle],
        "parser_classes": [JSONParser],
        "renderer_classes": [Compact],
        "limits": asked.get("limits", []),
        **{method.lower(): run for method in METHODS},
    }
    said |= {"required_scopes": wanted} if scopes else {"scopes_not_needed": True}
    said |= {"anonymous_access": asked["anonymous"]} if "anonymous" in asked else {}
    said |= {"limit_kind": asked["kind"]} if "kind" in asked else {}
    return type("View", (APIView,), said).as_view()


def _options(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if name != "scopes"}


def _ninja(name: str, auth: Any, handler: Any) -> NinjaAPI:
    api = install(NinjaAPI(urls_namespace=f"faces-{name}", docs_url=None, openapi_url=None))
    for kind, asked in KINDS.items():
        protect = auth(*asked.get("scopes", ()), **_options(asked))
        api.api_operation(list(METHODS), f"/{kind}", auth=protect, operation_id=kind)(handler)
    return api


def ninja_plain(request: Any):  # type: ignore[no-untyped-def]
    return plain(request)


async def ninja_aplain(request: Any):  # type: ignore[no-untyped-def]
    return await aplain(request)


ninja_api = _ninja("sync", AccessTokenAuth, ninja_plain)
urlpatterns: list[Any] = [
    path("ninja/", ninja_api.urls),
    path("aninja/", _ninja("async", AsyncAccessTokenAuth, ninja_aplain).urls),
]
for _kind, _asked in KINDS.items():
    _protect = access_token_required(*_asked.get("scopes", ()), **_options(_asked))
    urlpatterns += [
        path(f"drf/{_kind}", _drf(_asked)),
        path(f"django/{_kind}", _protect(plain)),
        path(f"adjango/{_kind}", _protect(aplain)),
        path(f"class/{_kind}", _class(False, _asked)),
        path(f"aclass/{_kind}", _class(True, _asked)),
    ]


async def application(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI application of no framework, for `asgi_app`."""
    assert "***" in str(scope["headers"]) or scope["auth"] is None
    token = scope["auth"]
    said = {"token": token and token.token_id, "user": str(scope["user"].pk)}
    response = JsonResponse(said, json_dumps_params={"separators": (",", ":")})
    headers = [(b"Content-Type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})


def asgi_app(kind: str) -> AccessTokenRequired:
    """The application behind the ASGI face."""
    asked = KINDS[kind]
    return AccessTokenRequired(application, *asked.get("scopes", ()), **_options(asked))
