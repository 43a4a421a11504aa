"""Where people log in to these pages, and by which backend a newcomer is logged in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import load_backend, login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import Resolver404, resolve, reverse

View = Callable[..., HttpResponseBase]


def log_in_url() -> str:
    """Return where people log in: what ``LOGIN_URL`` names, or the page of ours where the site
    has not said it and has nothing at Django's default."""
    named = resolve_url(settings.LOGIN_URL)
    if settings.is_overridden("LOGIN_URL"):  # type: ignore[misc]
        return named
    try:
        resolve(urlsplit(named).path)
    except Resolver404:
        return reverse("apikeys_dashboard:log-in")
    return named


def log_in_required(view: View) -> View:
    """Open to whoever has logged in; others are led to ``log_in_url``.

    Also where the site requires a log-in of every view: it would lead them to ``LOGIN_URL``.
    """

    @login_not_required
    @wraps(view)
    def check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path(), log_in_url())
        return view(request, *args, **kwargs)

    return check


def log_newcomer_in(request: HttpRequest, user: Any) -> bool:
    """Log somebody in whose account and password were made by this request.

    The session names the first backend that knows people again: some only guard log-ins or answer
    for permissions (django-axes, rules, django-guardian), and stand first.

    Returns:
        Whether there is such a backend.
    """
    for path in settings.AUTHENTICATION_BACKENDS:
        get_user = getattr(load_backend(path), "get_user", None)
        if get_user is not None and get_user(user.pk) is not None:
            login(request, user, backend=path)
            return True
    return False
