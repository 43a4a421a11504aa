"""What the checks say of the places where the management API, the pages and views are."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import include, path

from apikeys import checks, endpoints
from tests.checks.test_checks import Declared, Ours, ids

API = path("keys/", include("apikeys.api.urls"))
PAGES = path("pages/", include("dashboard.urls"))


def name(settings: Any, **urlconfs: str) -> None:
    settings.APIKEYS = {**settings.APIKEYS, "URLCONFS": urlconfs}


@pytest.mark.parametrize(
    "patterns",
    [
        [API, PAGES],
        [path("v2/", include(([API], "mine"), namespace="v2"))],
        [path("a/", include("apikeys.api.urls", namespace="keys")), PAGES],
    ],
    ids=["side by side", "inside another namespace", "a namespace of another name"],
)
def test_where_all_is_found_nothing_is_said(patterns: Any, settings: Any, urlconf: Any) -> None:
    settings.ROOT_URLCONF = urlconf("checked", *patterns)
    assert checks.urlconfs.check_urlconfs(None) == []


def test_an_api_on_another_host_is_missed_until_the_settings_name_it(
    settings: Any, urlconf: Any
) -> None:
    settings.ROOT_URLCONF = urlconf("checked", PAGES)
    urlconf("checked_api", API)
    [missing] = checks.urlconfs.check_urlconfs(None)
    assert missing.id == "apikeys.W012"
    assert 'APIKEYS["URLCONFS"] = {"mysite.api_urls": "https://api.example.org"}' in missing.hint
    name(settings, checked_api="https://api.example.org")
    assert checks.urlconfs.check_urlconfs(None) == []


def test_a_urlconf_that_is_not_there_is_an_error_told_once(settings: Any, urlconf: Any) -> None:
    settings.ROOT_URLCONF = urlconf("checked", API, path("here", Ours.as_view()))
    name(settings, **{"mysite.nowhere": ""})
    [unknown] = checks.urlconfs.check_urlconfs(None)
    assert unknown.id == "apikeys.E012"
    assert "The URLconf mysite.nowhere can't be imported: No module named 'mysite'." in unknown.msg
    assert checks.views.check_views(None) == []
    assert checks.caches.check_caches(None) == []
    assert checks.authenticators.check_authenticators(None) == []


def test_pages_inside_a_namespace_are_told_since_their_links_fail(
    settings: Any, urlconf: Any
) -> None:
    inside = path("site/", include(([PAGES], "site")))
    settings.ROOT_URLCONF = urlconf("checked", API, inside)
    [nested] = checks.urlconfs.check_urlconfs(None)
    assert nested.id == "apikeys.W017"
    assert "inside the namespace 'site'" in nested.msg


def test_a_prefix_that_captures_is_told(settings: Any, urlconf: Any) -> None:
    captures = path("<slug:tenant>/keys/", include("apikeys.api.urls"))
    settings.ROOT_URLCONF = urlconf("checked", captures)
    [found] = checks.urlconfs.check_urlconfs(None)
    assert found.id == "apikeys.W019"
    assert "'<slug:tenant>/keys/'" in found.msg


def test_views_of_every_urlconf_are_looked_at_each_once(settings: Any, urlconf: Any) -> None:
    shared = path("shared", Ours.as_view())
    settings.ROOT_URLCONF = urlconf("checked", API, shared)
    urlconf("checked_api", shared, path("mine", Ours.as_view()))
    assert ids(checks.views.check_views(None)) == ["apikeys.E020"]
    name(settings, checked_api="")
    found = checks.views.check_views(None)
    assert ids(found) == ["apikeys.E020", "apikeys.E020"]
    assert "(GET /shared)" in found[0].msg
    assert "(GET /mine)" in found[1].msg


def test_endpoints_say_where_their_urlconf_begins(settings: Any, urlconf: Any) -> None:
    settings.ROOT_URLCONF = urlconf("checked", path("here", Declared.as_view()))
    urlconf("checked_api", path("there", Declared.as_view()))
    name(settings, checked_api="https://api.example.org")
    found = {each.route: each.base for each in endpoints.token_endpoints()}
    assert found == {"here": "", "there": "https://api.example.org"}


def test_pages_on_another_host_are_found_where_the_settings_name_it(
    settings: Any, urlconf: Any
) -> None:
    settings.ROOT_URLCONF = urlconf("checked", API)
    urlconf("checked_pages", PAGES)
    assert ids(checks.pages.check_pages(None)) == ["apikeys.W100"]
    name(settings, checked_pages="https://app.example.org")
    assert checks.pages.check_pages(None) == []
