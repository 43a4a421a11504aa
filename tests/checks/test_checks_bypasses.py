"""A view that names our classes and never asks them is named by the checks."""

from __future__ import annotations

import sys
from functools import wraps
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpResponse
from django.test import Client
from django.urls import clear_url_caches, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from rest_framework.views import APIView

from apikeys import checks
from tests.checks.test_checks import Declared


class Foreign(View):
    """As GraphQL's views are."""

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponse("to everybody")


class Graph(Foreign, Declared):
    pass


@method_decorator(never_cache, name="dispatch")
class DecoratedGraph(Foreign, Declared):
    pass


class SkipsChecks:
    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        pass


class Skipping(SkipsChecks, Declared):
    pass


class LoggedIn(LoginRequiredMixin, Declared):
    pass


@method_decorator(never_cache, name="dispatch")
class Decorated(Declared):
    pass


def looked_at(method: Any) -> Any:
    @wraps(method)
    def look(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, *args, **kwargs)

    return look


class Cooperative:
    @looked_at
    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]


class Cooperating(Cooperative, Declared):
    pass


class OfDRFFirst(Declared, Foreign):
    pass


class Library(APIView):
    """As adrf's: it asks by itself."""

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self.request = self.initialize_request(request, *args, **kwargs)
        self.initial(self.request, *args, **kwargs)


class OfLibrary(Library, Declared):
    pass


@pytest.fixture
def at_here(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    def put(view: Any) -> None:
        module = ModuleType("bypassed")
        module.urlpatterns = [path("here", view.as_view())]  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "bypassed", module)
        settings.ROOT_URLCONF = "bypassed"
        clear_url_caches()

    yield put
    clear_url_caches()


@pytest.mark.parametrize(
    ("view", "what"),
    [
        (Graph, "dispatch is that of Foreign"),
        (DecoratedGraph, "dispatch is that of Foreign"),
        (Skipping, "initial is that of SkipsChecks"),
    ],
)
def test_a_view_that_answers_everybody_is_named(view: Any, what: str, at_here: Any) -> None:
    at_here(view)
    assert Client().get("/here", secure=True).status_code == 200  # it is true
    [found] = checks.authenticators.check_authenticators(None)
    assert found.id == "apikeys.E024"
    assert f"{view.__qualname__} (/here) answers without a key: {what}" in found.msg


@pytest.mark.parametrize(
    "view", [Declared, LoggedIn, Decorated, Cooperating, OfDRFFirst, OfLibrary]
)
def test_a_view_that_asks_is_passed_over(view: Any, at_here: Any) -> None:
    at_here(view)
    assert checks.authenticators.check_authenticators(None) == []


@pytest.mark.parametrize("view", [Declared, Decorated, Cooperating, OfDRFFirst])
def test_and_it_does_ask(view: Any, at_here: Any, db: None) -> None:
    at_here(view)
    assert Client().get("/here", secure=True).status_code == 401
