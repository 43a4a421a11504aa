"""Our authenticator beside those of sessions and of other packages' tokens."""

from __future__ import annotations

from tests.hosts.drf import app, host, quiet, statuses
from tests.hosts.texts import SIGNED
from tests.hosts.visit import PASSWORD, Visit, same, wrong

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
    statuses(visit, "/either")
    same(visit.client(visit.bob).get("/either").json(), {"user": "bob"}, "a person")
    same(visit.get("/wrong", visit.key).status_code, 403, "the wrong order")


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
    quiet(visit)
    person = {"Authorization": f"{scheme} {text}"}
    same(visit.get("/scope-alone", headers=person).status_code, 403, "a person has no scopes")
    same(visit.get("/scope-alone", visit.key).status_code, 200, "a key has")
    for path in ("/keys-first", "/other-first"):
        statuses(visit, path)
        for headers in ({"X-API-Key": visit.key}, {"Authorization": f"Bearer {visit.key}"}):
            response = visit.get(path, headers=headers)
            same((response.status_code, response.json()["auth"]), (200, "AccessToken"), path)
        response = visit.get(path, headers={"Authorization": f"{scheme} {text}"})
        same((response.status_code, response.json()), (200, {"auth": kind, "user": True}), path)
        altered = visit.get(path, headers={"Authorization": f"{scheme} {text[:-2]}xx"})
        same(altered.status_code, 401, f"{path}: {altered.content!r}")
        assert "WWW-Authenticate" in altered.headers, path
        bearer = {"Authorization": f"Bearer {wrong(visit.key)}"}
        refused = visit.get(path, headers=bearer)
        same(refused.status_code, 401, path)
        assert "API key" in refused.content.decode(), refused.content
        both = {"X-API-Key": visit.key, "Authorization": f"Bearer {text}"}
        same(visit.get(path, headers=both).status_code, 400, f"{path}: two credentials")


def _jwt(visit: Visit) -> None:
    person = {"username": "alice", "password": PASSWORD}
    obtained = visit.client().post("/obtain", person)
    _beside(visit, obtained.json()["access"], "Bearer", "AccessToken")


def _knox(visit: Visit) -> None:
    from knox.models import AuthToken

    _beside(visit, AuthToken.objects.create(visit.alice)[1], "Token", "AuthToken")


def _tokens(visit: Visit) -> None:
    from rest_framework.authtoken.models import Token

    text = Token.objects.create(user=visit.alice).key
    _beside(visit, text, "Token", "Token")


HOSTS = [
    host("A person or a key", EITHER, _either),
    host(
        "JWT in either order",
        JWT,
        _jwt,
        settings=SIGNED,
        packages=("djangorestframework-simplejwt",),
    ),
    host("knox", KNOX, _knox, settings=app("knox"), packages=("django-rest-knox",)),
    host("DRF's tokens", PLAIN_TOKENS, _tokens, settings=app("rest_framework.authtoken")),
]
