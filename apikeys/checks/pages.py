"""Are the pages where they are looked for: one package, among the apps and among the addresses. Can
people log in to them.

The pages go by two names, ``dashboard`` and ``apikeys_dashboard``, of which a project uses one.
Two apps of one label end Django's start before any check: see docs/dashboard.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, URLResolver, get_resolver, reverse

from apikeys import urlconfs
from apikeys.checks.types import Apps

LABEL: Final = "apikeys_dashboard"


@register(Tags.urls)
def check_pages(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """The pages are an app and have addresses, both by the same name; a stranger is none."""
    installed = next((app for app in apps.get_app_configs() if app.label == LABEL), None)
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    try:
        if urlconfs.unreadable():
            return []  # check_urlconfs tells
        resolvers = [get_resolver(place.urlconf) for place in urlconfs.places()]
    except ImproperlyConfigured:
        return []  # check_settings tells
    included = list(dict.fromkeys(name for each in resolvers for name in _included(each)))
    if installed is None:
        return [*_not_installed(included), *_stranger()]
    return _installed(installed, included)


@register(Tags.urls)
def check_log_in(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """People who are no staff can log in to the pages."""
    try:
        if resolve_url(settings.LOGIN_URL) != reverse("admin:login"):
            return []
        reverse(f"{LABEL}:log-in")
    except NoReverseMatch:
        return []
    return [
        Warning(
            "LOGIN_URL is the log-in of Django's admin, which lets only staff in.",
            "Admins of an organization need not be staff. Leave LOGIN_URL out, and the pages use a "
            "log-in of their own; or name one of yours.",
            id="apikeys.W080",
        )
    ]


def _installed(app: AppConfig, included: list[str]) -> list[CheckMessage]:
    hint = f'path("dashboard/", include("{app.name}.urls"))'
    if not included:
        return [Warning("The dashboard's pages are in no URLconf.", hint, id="apikeys.W100")]
    return [
        Error(f'The app is "{app.name}", its addresses are "{name}.urls".', hint, id="apikeys.E101")
        for name in included
        if name != app.name
    ]


def _not_installed(included: list[str]) -> list[CheckMessage]:
    return [
        Error(
            f'"{name}.urls" is in the URLconf, and the app it belongs to is not installed.',
            f'INSTALLED_APPS += ["{name}"]',
            id="apikeys.E100",
        )
        for name in included
    ]


def _stranger() -> list[CheckMessage]:
    """Warn where the README's own line, "dashboard" behind "apikeys", led to another package."""
    names = [app.name for app in apps.get_app_configs()]
    if ("apikeys", "dashboard") not in pairwise(names):
        return []
    hint = (
        f'For the pages write "{LABEL}" in its place and include("{LABEL}.urls"). '
        'If you want none of them, list "dashboard" before "apikeys".'
    )
    path = apps.get_app_config("dashboard").path
    return [
        Warning(
            f'The app "dashboard" is {path}, not the pages of apikeys.', hint, id="apikeys.W101"
        )
    ]


def _included(resolver: URLResolver) -> Iterator[str]:
    """Yield the packages whose module ``urls`` holds the pages, as the URLconf names them."""
    for each in resolver.url_patterns:
        if not isinstance(each, URLResolver):
            continue
        if each.app_name == LABEL:
            module = getattr(each.urlconf_name, "__name__", "")
            yield module.rpartition(".")[0]
        else:
            yield from _included(each)
