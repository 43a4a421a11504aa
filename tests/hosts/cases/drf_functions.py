"""Views that are functions, sync and async."""

from __future__ import annotations

from tests.hosts.drf import app, host, quiet, statuses
from tests.hosts.tour import CHALLENGE
from tests.hosts.visit import Visit, same

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
    quiet(visit)
    for path in ("/below", "/above"):
        statuses(visit, path)
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
        statuses(visit, path)
        before = credits.balance(visit.acme)
        same(get(path, headers=key).status_code, 200, path)
        same(credits.balance(visit.acme), before - 5, "taken")
        same(get(f"{path}?status=409", headers=key).status_code, 409, path)
        same(credits.balance(visit.acme), before - 5, "given back")


HOSTS = [
    host("@api_view in either order", SYNC, _functions),
    host("adrf", ASYNC, _async, settings=app("adrf"), packages=("adrf",)),
]
