"""``APIKEYS`` itself: can it be read, does every dialect load, can limits be counted."""

from __future__ import annotations

import importlib.util
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.urls import NoReverseMatch
from limits.errors import ConfigurationError

from apikeys import conf, dialects, reauthentication
from apikeys.checks.types import Apps
from apikeys.limits import Limit, limiter
from apikeys.models import AccessToken
from apikeys.verification import acting


@register(Tags.security)
def check_settings(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """``APIKEYS`` can be read, every dialect loads, and limits can be counted."""
    try:
        current = conf.get()
        hasher = current.token_hasher
        dialects.all_dialects()
        acting.load(current.automation_user)
        reauthentication.confirmed_at()
        reauthentication.page_url()
        for name, rate in current.limits.items():
            Limit(rate, name=name)
        counted = _can_count(current.limits_storage)
    except NoReverseMatch as error:
        return [Error(f"APIKEYS['REAUTHENTICATE_URL']: {error}", id="apikeys.E001")]
    except (ImproperlyConfigured, ConfigurationError, ValueError) as error:
        return [Error(str(error), id="apikeys.E001")]
    found: list[CheckMessage] = []
    if not counted:
        hint = "pip install 'django-apikeys[redis]'"
        found.append(Error("LIMITS_STORAGE is Redis without redis-py.", hint, id="apikeys.E005"))
    if hasher == "argon2" and importlib.util.find_spec("argon2") is None:
        hint = "pip install 'django-apikeys[argon2]'"
        found.append(Error("TOKEN_HASHER is argon2 without argon2-cffi.", hint, id="apikeys.E002"))
    if current.prepare and _uses_postgresql() and importlib.util.find_spec("psycopg") is None:
        found.append(Error("PREPARE needs psycopg 3.", "pip install psycopg", id="apikeys.E004"))
    if not settings.USE_TZ:
        found.append(Error("USE_TZ must be True: expiry is a moment.", id="apikeys.E003"))
    return found


def _can_count(uri: str) -> bool:
    """Whether the library that counts there is installed. Raises as ``limiter`` else."""
    try:
        limiter(uri)
    except ImportError:
        return False
    return True


def _uses_postgresql() -> bool:
    return connections[router.db_for_write(AccessToken)].vendor == "postgresql"
