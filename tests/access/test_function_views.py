"""Functions under @api_view say what classes say, and are called by their own names."""

from __future__ import annotations

import pytest
from django.urls import path
from rest_framework.decorators import (
    api_view,
    authentication_classes,
    permission_classes,
    throttle_classes,
)
from rest_framework.response import Response

from apikeys import checks
from apikeys.authentication import AccessTokenAuthentication
from apikeys.credits import charges_credits
from apikeys.endpoints import token_endpoints
from apikeys.limits import Limit
from apikeys.permissions import HasScope, any_of, declares, requires_scopes
from apikeys.services import credits
from apikeys.throttling import AccessTokenThrottle

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.access.test_function_views"),
    pytest.mark.usefixtures("limits_in_memory"),
]


def protected(function):
    for decorate in (
        permission_classes([HasScope]),
        throttle_classes([AccessTokenThrottle]),
        authentication_classes([AccessTokenAuthentication]),
    ):
        function = decorate(function)
    return function


@api_view(["GET"])
@protected
@requires_scopes("notes:read")
def below(request):
    return Response({"by": request.auth.name})


@requires_scopes("notes:read")
@api_view(["GET"])
@protected
def above(request):
    return Response({"by": request.auth.name})


@api_view(["GET", "POST"])
@requires_scopes({"get": "notes:read", "POST": any_of("notes:write", "notes:delete")})
@protected
def by_method(request):
    return Response({"by": request.auth.name})


@api_view(["GET"])
@declares(
    scope_resource="notes",
    anonymous_access="everyone",
    limits=[
        Limit("2/minute", per="token"),
        Limit("1/minute", per="address", on="anonymous", name="strangers"),
    ],
)
@protected
def limited(request):
    return Response({})


@api_view(["GET", "POST"])
@protected
@requires_scopes("notes:read")
@charges_credits({"POST": 5})
def costly(request):
    if request.query_params.get("raise"):
        raise ValueError("no")
    return Response({}, status=int(request.query_params.get("status", 200)))


@api_view(["GET"])
@protected
def silent(request):
    raise NotImplementedError


urlpatterns = [
    path("below", below),
    path("above", above),
    path("by-method", by_method),
    path("limited", limited),
    path("costly", costly),
    path("silent", silent),
]


@pytest.mark.parametrize("name", ["below", "above"])
def test_scopes_hold_above_api_view_and_below_it(api, issue, name):
    good = api.get(f"/{name}", headers={"X-API-Key": issue(name="CI").api_key})
    assert (good.status_code, good.json()) == (200, {"by": "CI"})
    poor = api.get(f"/{name}", headers={"X-API-Key": issue(scopes=["notes:write"]).api_key})
    assert (poor.status_code, poor.json()["required_scope"]) == (403, "notes:read")
    assert api.get(f"/{name}").status_code == 401
    assert api.options(f"/{name}", headers={"X-API-Key": issue().api_key}).status_code == 200


def test_scopes_may_differ_by_method(api, issue):
    reads = {"X-API-Key": issue().api_key}
    assert api.get("/by-method", headers=reads).status_code == 200
    assert api.post("/by-method", headers=reads).json()["required_scope"] == (
        "notes:delete or notes:write"
    )
    writes = {"X-API-Key": issue(scopes=["notes:delete"]).api_key}
    assert api.post("/by-method", headers=writes).status_code == 200


def test_limits_and_access_without_a_key_are_said_too(api, issue):
    key = {"X-API-Key": issue().api_key}
    assert [api.get("/limited", headers=key).status_code for _ in range(3)] == [200, 200, 429]
    assert [api.get("/limited").status_code for _ in range(2)] == [200, 429]


def test_a_function_costs_credits_and_gives_them_back_where_it_fails(api, issue, acme):
    api.raise_request_exception = False
    key = {"X-API-Key": issue().api_key}
    before = credits.balance(acme)
    assert api.get("/costly", headers=key).status_code == 200
    assert credits.balance(acme) == before
    assert api.post("/costly", headers=key).status_code == 200
    assert credits.balance(acme) == before - 5
    assert api.post("/costly?status=409", headers=key).status_code == 409
    assert api.post("/costly?raise=1", headers=key).status_code == 500
    assert credits.balance(acme) == before - 5
    credits.take_credits(organization=acme, amount=before - 6)
    poor = api.post("/costly", headers=key)
    assert (poor.status_code, poor.json()["required"]) == (402, 5)
    assert credits.balance(acme) == 1


def test_checks_and_log_call_a_function_by_its_name(api, issue, caplog):
    found = {each.name.rpartition(".")[2] for each in token_endpoints()}
    assert found == {"below", "above", "by_method", "limited", "costly", "silent"}
    costs = {each.method: each.cost for each in token_endpoints() if each.route == "costly"}
    assert costs == {"GET": 0, "POST": 5}
    (message,) = checks.views.check_views(None)
    assert (message.id, message.msg) == (
        "apikeys.E020",
        "tests.access.test_function_views.silent (GET /silent) accepts no token: "
        "it declares no scope for GET.",
    )
    assert api.get("/silent", headers={"X-API-Key": issue().api_key}).status_code == 403
    assert "tests.access.test_function_views.silent accepts no token" in caplog.text
    assert "WrappedAPIView" not in caplog.text


def test_what_no_view_says_is_an_error():
    with pytest.raises(TypeError, match=r"says no scope\. Known: anonymous_access, limit_kind"):
        declares(scope="notes:read")
    with pytest.raises(TypeError, match="says no cost"):
        declares(cost=5)
