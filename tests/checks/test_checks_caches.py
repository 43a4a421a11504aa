"""`manage.py check` names each page cache where answers to keys pass, and nothing else."""

from __future__ import annotations

import pytest
from django.core.checks import Warning as CheckWarning
from django.middleware.cache import UpdateCacheMiddleware
from django.urls import path
from django.views.decorators.cache import cache_control, cache_page, never_cache
from django.views.decorators.vary import vary_on_headers

from apikeys import checks
from tests.access import test_django_caches as forms
from tests.support import apis

STORING = list(forms.STORING)


def check(settings, *views) -> list[CheckWarning]:
    """What the check says of a project whose URLconf is these views."""
    settings.ROOT_URLCONF = type(
        "URLs", (), {"urlpatterns": [path(f"view-{n}", view) for n, view in enumerate(views)]}
    )
    return checks.caches.check_caches(None)


AROUND = ("outside", "outside-varying", "outside-plain", "outside-lasting", "second")
ON_DISPATCH = ("dispatch", "dispatch-varying", "dispatch-plain")
INSIDE = ("inside", "inside-varying", "inside-plain", "inside-for-long", "function", "action")


@pytest.mark.parametrize("form", [*AROUND, *ON_DISPATCH])
def test_a_cache_around_a_view_is_named_with_what_to_write(settings, form):
    (found,) = check(settings, forms.FORMS[form])
    assert found.id == "apikeys.W050"
    assert found.msg.startswith("cache_page around tests.access.test_django_caches.")
    assert "(/view-0) keeps no answer to a key." in found.msg
    assert "request.auth.workspace_id" in found.hint


@pytest.mark.parametrize("form", INSIDE)
def test_a_cache_on_a_method_is_named_with_what_to_write(settings, form):
    (found,) = check(settings, forms.FORMS[form])
    assert found.id == "apikeys.W051"
    assert found.msg.startswith(f"cache_page on {'list' if form == 'action' else 'get'}() of ")
    assert "request.auth.workspace_id" in found.hint


@pytest.mark.parametrize("middleware", [STORING, STORING[:1], STORING[1:]])
def test_cache_middleware_is_named_where_any_view_takes_keys(settings, middleware):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, *middleware]
    (found,) = check(settings, forms.FORMS["no-decorator"], forms.FORMS["no-decorator-plain"])
    assert found.id == "apikeys.W052"
    assert found.msg == f"{', '.join(middleware)}: no answer to a key is kept."
    assert "request.auth.workspace_id" in found.hint
    assert check(settings, cache_page(60)(apis.Foreign.as_view())) == []


def test_a_middleware_made_from_django_s_is_found_and_a_name_that_is_none_is_left_alone(settings):
    settings.MIDDLEWARE = ["tests.checks.test_checks_caches.Own", "tests.nowhere.Middleware"]
    (found,) = check(settings, forms.FORMS["no-decorator"])
    assert found.msg.startswith("tests.checks.test_checks_caches.Own:")


class Own(UpdateCacheMiddleware):
    """As a project might have it."""


@pytest.mark.parametrize(
    "view",
    [
        apis.Protected.as_view(),
        never_cache(apis.Protected.as_view()),
        cache_control(private=True)(apis.Protected.as_view()),
        vary_on_headers("X-API-Key")(apis.Protected.as_view()),
        cache_page(60)(apis.Foreign.as_view()),
        forms.on_method(apis.Foreign, forms.MINUTE),
        cache_page(60)(lambda request: None),
        apis.Actions.as_view({"get": "list"}),
    ],
)
def test_other_decorators_and_other_views_are_not(settings, view):
    assert check(settings, view) == []


def test_the_project_itself_has_nothing_to_say():
    assert checks.caches.check_caches(None) == []
