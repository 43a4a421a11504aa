"""What ``manage.py check`` says about the way in to the pages."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse


@register()
def check_log_in(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """People who are no staff can log in."""
    try:
        if resolve_url(settings.LOGIN_URL) != reverse("admin:login"):
            return []
        reverse("apikeys_dashboard:log-in")
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
