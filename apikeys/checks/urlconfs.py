"""Are the addresses of the library where it finds them, and does it know every URLconf."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from apikeys import urlconfs
from apikeys.checks.types import Apps


@register(Tags.security)
def check_urlconfs(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Every URLconf can be read, and the management API and the pages are where they work."""
    try:
        if found := urlconfs.unreadable():
            hint = "Write its dotted path as for ROOT_URLCONF in APIKEYS['URLCONFS']."
            return [Error(text, hint, id="apikeys.E012") for text in found]
    except ImproperlyConfigured:
        return []  # check_settings tells
    apis = list(urlconfs.included("apikeys"))
    messages: list[CheckMessage] = []
    if not apis:
        hint = (
            'path("access/", include("apikeys.api.urls")); where that stands in another URLconf, '
            'APIKEYS["URLCONFS"] = {"mysite.api_urls": "https://api.example.org"}'
        )
        messages.append(Warning("The management API is in no URLconf.", hint, id="apikeys.W012"))
    pages = list(urlconfs.included("apikeys_dashboard"))
    for each in pages:
        if ":" in each.namespace:
            text = f"The dashboard is inside the namespace {each.namespace.rpartition(':')[0]!r}."
            hint = "Include it outside: its pages link to each other by names of its own."
            messages.append(Warning(text, hint, id="apikeys.W017"))
    for each in (*apis, *pages):
        if "<" in each.route:
            text = f"The prefix {each.route!r} of {each.namespace!r} captures a part of the path."
            hint = "Include it under a fixed prefix: its views take no arguments but their own."
            messages.append(Warning(text, hint, id="apikeys.W019"))
    return messages
