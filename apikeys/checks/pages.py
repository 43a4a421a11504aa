"""Can the pages be found, and can people log in to them.

The pages go by two names, ``dashboard`` and ``apikeys_dashboard``, of which a project uses one,
among its apps and among its addresses. Two apps of one label end Django's start before any check:
see docs/dashboard.md.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse

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
        included = list(dict.fromkeys(each.package for each in urlconfs.included(LABEL)))
    except ImproperlyConfigured:
        return []  # check_settings tells
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
