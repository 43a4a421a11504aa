"""Refusals where the project's exception handler is not ours, or wraps ours."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.views import exception_handler as drfs

from apikeys import checks
from apikeys.authentication import AccessTokenAuthentication
from apikeys.exceptions import exception_handler
from apikeys.limits import Limit
from apikeys.middleware import AccessTokenMiddleware
from apikeys.permissions import HasScope
from apikeys.throttling import AccessTokenThrottle
from tests.support.apis import say

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.access.test_foreign_handlers"),
    pytest.mark.usefixtures("limits_in_memory"),
]
CHALLENGE = 'ApiKey realm="api", Bearer realm="api", Basic realm="api", charset="UTF-8"'


class OwnMiddleware(AccessTokenMiddleware):
    """A host's own, of ours."""


def wraps_ours(exc, context):
    response = exception_handler(exc, context)
    response.headers["X-Request-Id"] = "7"
    return response


def wrapped_by_ours(exc, context):
    return exception_handler(exc, context) if context else None


def terse(exc, context):
    """Knows nothing of headers."""
    return Response({"code": exc.get_codes()}, status=exc.status_code)


def friendly(exc, context):
    return Response({"ok": False}, status=200)


def silent(exc, context):
    return None


def broken(exc, context):
    return context["request"].session["x"]


class Notes(APIView):
    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [HasScope]
    throttle_classes = [AccessTokenThrottle]
    scope_resource = "notes"
    limits = [Limit("1/minute", per="token")]

    def get(self, request):
        return Response({})


HANDLERS: dict[str, Any] = {"drf": drfs, "terse": terse, "wrapped": wraps_ours}


def under(handler):
    return type("Notes", (Notes,), {"get_exception_handler": lambda self: handler}).as_view()


urlpatterns = [path(name, under(handler)) for name, handler in HANDLERS.items()]
DETAIL = "The API key is invalid for this request, or your address is not on its list."


@pytest.mark.parametrize("name", HANDLERS)
def test_challenge_and_waiting_time_are_told_whoever_words_them(api, issue, settings, name):
    say(settings, LIMITS={"failed_credentials": "1/minute"})
    wrong = {"X-API-Key": "ak_prod_x_y"}
    for headers in ({}, wrong):
        response = api.get(f"/{name}", headers=headers)
        assert (response.status_code, response["WWW-Authenticate"]) == (401, CHALLENGE)
    waits = api.get(f"/{name}", headers=wrong)
    assert waits.status_code == 429
    assert 0 < int(waits["Retry-After"]) <= 60
    assert "WWW-Authenticate" not in waits
    key = {"X-API-Key": issue().api_key}
    assert api.get(f"/{name}", headers=key).status_code == 200
    limited = api.get(f"/{name}", headers=key)
    assert limited.status_code == 429
    assert 0 < int(limited["Retry-After"]) <= 60
    poor = api.get(f"/{name}", headers={"X-API-Key": issue(scopes=["notes:write"]).api_key})
    assert poor.status_code == 403
    assert "WWW-Authenticate" not in poor


def test_the_words_are_the_handlers_and_the_code_is_there(api):
    wrong = {"X-API-Key": "ak_prod_x_y"}
    assert api.get("/drf", headers=wrong).json() == {"detail": DETAIL}
    code = "api_key.invalid_or_ip_not_allowed"
    assert api.get("/terse", headers=wrong).json() == {"code": code}
    wrapped = api.get("/wrapped", headers=wrong)
    assert (wrapped["X-Request-Id"], wrapped.json()["error"]) == ("7", code)


@pytest.mark.parametrize("name", ["drf", "terse"])
@pytest.mark.urls("tests.support.urls")
def test_the_management_api_keeps_its_own_words(api, settings, monkeypatch, name):
    monkeypatch.setattr(APIView, "get_exception_handler", lambda self: HANDLERS[name])
    response = api.get("/access/v1/token")
    assert (response.status_code, response["Content-Type"]) == (401, "application/problem+json")
    assert response.json()["error"] == "api_key.missing"


def found_for(settings, handler):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "EXCEPTION_HANDLER": handler}
    return [(message.id, message.msg) for message in checks.wiring.check_wiring(None)]


@pytest.mark.parametrize("name", ["wraps_ours", "wrapped_by_ours", "terse"])
@pytest.mark.urls("tests.support.urls")
def test_the_check_lets_a_project_have_its_own_handler(settings, name):
    assert found_for(settings, f"{__name__}.{name}") == []


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        (f"{__name__}.silent", "E014", "does not answer where a key is refused"),
        (f"{__name__}.friendly", "W015", "answers 200 where a key is refused"),
        (f"{__name__}.broken", "W016", "fails where a key is refused: AttributeError("),
        (f"{__name__}.nowhere", "E013", "The exception handler can't be used"),
        ("rest_framework.views.exception_handler", "E011", "Refusals need the library's"),
    ],
)
@pytest.mark.urls("tests.support.urls")
def test_the_check_names_one_that_leaves_refusals_out(settings, name, code, says):
    [(found, text)] = found_for(settings, name)
    assert found == f"apikeys.{code}"
    assert says in text


@pytest.mark.urls("tests.support.urls")
def test_a_subclass_of_the_middleware_is_the_middleware(settings):
    settings.MIDDLEWARE = [
        f"{__name__}.OwnMiddleware" if each.startswith("apikeys.") else each
        for each in settings.MIDDLEWARE
    ]
    assert checks.wiring.check_wiring(None) == []
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware", "tests.nowhere.At"]
    assert [each.id for each in checks.wiring.check_wiring(None)] == ["apikeys.E010"]
