"""Django's own cache in front of, around and inside views that take keys: own answer or none."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import caches
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control, cache_page
from django.views.decorators.vary import vary_on_headers
from rest_framework.authentication import SessionAuthentication
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from apikeys.authentication import AccessTokenAuthentication
from apikeys.permissions import HasScope
from apikeys.services.tokens import revoke_token
from apikeys.testing.headers import headers_of
from tests.support.apis import Protected

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.access.test_django_caches"),
    pytest.mark.usefixtures("limits_in_memory"),
]

AMONG = vary_on_headers("X-API-Key", "Authorization")
MINUTE = cache_page(60)
STORING = (
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
)


def who(request: Any) -> dict[str, str]:
    return {"organization": request.auth.organization.slug if request.auth else "nobody"}


class Bare(Protected):
    def get(self, request: Any, **kwargs: Any) -> Any:
        return Response(who(request))


class Plain(Protected):
    """Answers what DRF does not render, so a decorator sees it before the view has finished it."""

    def get(self, request: Any, **kwargs: Any) -> Any:
        return JsonResponse(who(request))


def on_method(view: type, *decorators: Any, name: str = "get") -> Any:
    """Return the view with decorators on a method, as DRF's guide to caching puts them there."""
    for decorator in reversed(decorators):
        view = method_decorator(decorator, name=name)(type(view.__name__, (view,), {}))
    return view.as_view()  # type: ignore[attr-defined]


class ByAction(ViewSet):
    authentication_classes = [AccessTokenAuthentication]
    permission_classes = [HasScope]
    scope_resource = "notes"

    @method_decorator(MINUTE)
    def list(self, request: Any) -> Any:
        return JsonResponse(who(request))


@api_view(["GET"])
@authentication_classes([AccessTokenAuthentication])
@permission_classes([HasScope])
@MINUTE
def function(request: Any) -> Any:
    return HttpResponse(request.auth.organization.slug)


function.cls.scope_resource = "notes"


def by_hand(request: Any) -> Any:
    """No view of DRF at all."""
    found = AccessTokenAuthentication().authenticate(Request(request))
    return JsonResponse({"organization": found[1].organization.slug if found else "nobody"})


class Delegates(Protected):
    """Hands Django's own request on to a function that is cached."""

    def get(self, request: Any, **kwargs: Any) -> Any:
        slug = request.auth.organization.slug
        return MINUTE(lambda http: JsonResponse({"organization": slug}))(request._request)


class Lasting(Protected):
    """Says itself that its answers keep for a minute, even in shared caches."""

    def get(self, request: Any, **kwargs: Any) -> Any:
        return Response(who(request), headers={"Cache-Control": "public, max-age=60"})


class Beside(Bare):
    """A session comes first, so nobody looks for a key where there is one."""

    authentication_classes = [SessionAuthentication, AccessTokenAuthentication]


FORMS: dict[str, Any] = {
    "no-decorator": Bare.as_view(),
    "no-decorator-plain": Plain.as_view(),
    "outside": MINUTE(Bare.as_view()),
    "outside-varying": MINUTE(AMONG(Bare.as_view())),
    "outside-plain": MINUTE(Plain.as_view()),
    "outside-lasting": MINUTE(Lasting.as_view()),
    "outside-for-long": MINUTE(cache_control(max_age=60)(Bare.as_view())),
    "outside-public": MINUTE(cache_control(public=True)(Plain.as_view())),
    "inside": on_method(Bare, MINUTE),
    "inside-varying": on_method(Bare, MINUTE, AMONG),
    "inside-varying-on-one": on_method(Bare, MINUTE, vary_on_headers("Authorization")),
    "inside-plain": on_method(Plain, MINUTE),
    "inside-plain-varying": on_method(Plain, MINUTE, AMONG),
    "inside-for-long": on_method(Bare, MINUTE, cache_control(max_age=60)),
    "inside-lasting": on_method(Lasting, MINUTE),
    "dispatch": on_method(Bare, MINUTE, name="dispatch"),
    "dispatch-varying": on_method(Bare, MINUTE, AMONG, name="dispatch"),
    "dispatch-plain": on_method(Plain, MINUTE, name="dispatch"),
    "second": MINUTE(Beside.as_view()),
    "delegates": Delegates.as_view(),
    "action": ByAction.as_view({"get": "list"}),
    "function": function,
    "by-hand": MINUTE(by_hand),
}


class OpenBare(Bare):
    anonymous_access = "everyone"


class OpenPlain(Plain):
    anonymous_access = "everyone"


OPEN = {
    "open-outside": MINUTE(OpenBare.as_view()),
    "open-inside": on_method(OpenBare, MINUTE),
    "open-outside-plain": MINUTE(OpenPlain.as_view()),
    "open-inside-plain": on_method(OpenPlain, MINUTE),
}
urlpatterns = [path(name, view) for name, view in {**FORMS, **OPEN}.items()]


@pytest.fixture(params=["none", "first", "last"])
def site_cache(request, settings) -> str:
    """Django's cache middleware: none, around all other, or next to the views."""
    if request.param == "first":
        settings.MIDDLEWARE = [STORING[0], *settings.MIDDLEWARE, STORING[1]]
    elif request.param == "last":
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, *STORING]
    return str(request.param)


def ways(issued: Any) -> list[dict[str, str]]:
    return [
        {"X-API-Key": issued.api_key},
        {"Authorization": f"Bearer {issued.api_key}"},
        headers_of(issued, "Basic"),
    ]


@pytest.fixture
def two(issue, globex) -> tuple[Any, Any]:
    """A token of Acme and one of Globex."""
    return issue(), issue(workspace=globex.workspaces.get(slug="production"))


def answer(api, form, headers) -> Any:
    response = api.get(f"/{form}", headers=headers)
    text = response.content.decode()
    return next((slug for slug in ("acme", "globex", "nobody") if slug in text), "none"), response


def refused(response) -> bool:
    return (
        response.status_code in (400, 401, 403) and "organization" not in response.content.decode()
    )


@pytest.mark.parametrize("way", [0, 1, 2], ids=["header", "bearer", "basic"])
@pytest.mark.parametrize("form", FORMS)
def test_each_key_gets_its_own_answer_and_nobody_without_one_gets_any(
    api, two, site_cache, form, way
):
    acme, globex = two
    stand_ins = []
    for _ in range(2):
        for issued, slug in ((acme, "acme"), (globex, "globex")):
            said, response = answer(api, form, ways(issued)[way])
            assert said == slug
            meta = response.wsgi_request.META
            stand_ins += [{n: str(meta[k])} for k, n in NAMES.items() if k in meta]
    api.raise_request_exception = False  # what is made by hand does not answer refusals
    for headers in ({}, *stand_ins, *LITERALS):
        said, response = answer(api, form, headers)
        assert said not in ("acme", "globex"), headers
        assert refused(response) or form == "by-hand", headers


NAMES = {"HTTP_X_API_KEY": "X-API-Key", "HTTP_AUTHORIZATION": "Authorization"}
LITERALS = (
    {"X-API-Key": "***"},
    {"Authorization": "Bearer ***"},
    {"Authorization": "Basic ***"},
    {"Authorization": "***"},
    {"X-API-Key": ""},
    {"X-API-Key": "***", "Authorization": "Bearer ***"},
)


@pytest.mark.parametrize("way", [0, 1, 2], ids=["header", "bearer", "basic"])
@pytest.mark.parametrize("form", ["outside", "inside-plain", "outside-lasting", "no-decorator"])
def test_a_revoked_key_is_refused_by_the_next_request_cache_or_not(
    api, two, site_cache, form, way, actor
):
    headers = ways(two[0])[way]
    assert [answer(api, form, headers)[0] for _ in range(2)] == ["acme", "acme"]
    revoke_token(actor=actor, token=two[0].token)
    assert refused(answer(api, form, headers)[1])


@pytest.mark.parametrize("way", [0, 1, 2], ids=["header", "bearer", "basic"])
@pytest.mark.parametrize("form", OPEN)
def test_what_everybody_may_read_is_not_what_a_key_holder_reads(api, two, site_cache, form, way):
    headers = ways(two[0])[way]
    asked = ({}, headers, {}, headers, ways(two[1])[way], {})
    said = [answer(api, form, one)[0] for one in asked]
    assert said == ["nobody", "acme", "nobody", "acme", "globex", "nobody"]


@pytest.mark.parametrize("form", ["open-outside", "open-outside-plain"])
def test_what_everybody_may_read_is_still_kept_by_a_cache_around_the_view(api, form):
    assert "Age" not in api.get(f"/{form}")
    assert "Age" in api.get(f"/{form}"), "a hit says how old it is"


@pytest.mark.parametrize("form", FORMS)
def test_nothing_of_a_key_holder_is_stored(api, two, form, monkeypatch):
    stored = []
    monkeypatch.setattr(type(caches["default"]), "set", lambda *a, **k: stored.append(a))
    answer(api, form, ways(two[0])[0])
    assert stored == []
