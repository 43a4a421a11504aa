"""Django settings of the processes that measure; ``BENCH_*`` variables say on which database.

Each size has a database of its own, and all of them are open in one process, so that sizes are
measured in turns. The user model is Django's own, as the peers expect it.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

FOLDER = Path(os.environ.get("BENCH_FOLDER", "var/bench")).resolve()
URL = os.environ.get("BENCH_DATABASE_URL", "sqlite://")
SIZES = [int(size) for size in os.environ.get("BENCH_SIZES", "1").split(",")]
REDIS_URL = os.environ.get("BENCH_REDIS_URL", "")
# One process that serves one size, under ASGI.
ALONE = bool(os.environ.get("BENCH_ALONE"))


def database(name: str) -> dict[str, Any]:
    """Return the settings of one database, as a production site would have them."""
    parts = urlsplit(URL)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / f"{name}.sqlite3",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        # Under ASGI threads come and go, and each would keep a connection.
        "CONN_MAX_AGE": 0 if ALONE else None,
        "OPTIONS": {"connect_timeout": 3, **({"pool": True} if ALONE else {})},
    }


DATABASES = {f"tokens_{size}": database(f"apikeys_bench_{size}") for size in SIZES}
DATABASES["default"] = database(f"apikeys_bench_{SIZES[0]}")
# A process that serves one size needs none, as most sites don't.
DATABASE_ROUTERS = [] if ALONE else ["benchmarks.databases.Router"]

SECRET_KEY = "only-for-measuring-" + "0123456789" * 5
ALLOWED_HOSTS = ["*"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "benchmarks.views"
STATIC_URL = "static/"
MIDDLEWARE: list[str] = []
# What each measured request runs through, by the name of the handler.
MIDDLEWARES = {
    "bare": [],
    "recording": ["apikeys.middleware.AccessTokenMiddleware"],
    "pages": [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "apikeys.middleware.AccessTokenMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "apikeys",
    "dashboard",
    "rest_framework.authtoken",
    "rest_framework_api_key",
    "knox",
    "oauth2_provider",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "apikeys.exceptions.exception_handler",
}
APIKEYS: dict[str, Any] = {
    "SCOPES": {"notes:read": "Read notes", "notes:write": "Add notes"},
    "PEPPERS": {1: "a" * 64},
    "REQUIRE_HTTPS": False,
    # Nobody is to be refused for failing often, where failing is what is measured.
    "LIMITS": {"failed_credentials": "999999999/minute"},
    # The cost of writing is measured by itself.
    "FLUSH_SECONDS": 86_400,
}
REST_KNOX = {"TOKEN_TTL": None}
SIMPLE_JWT = {"ACCESS_TOKEN_LIFETIME": timedelta(days=1), "SIGNING_KEY": "b" * 64}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    **(
        {"redis": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
        if REDIS_URL
        else {}
    ),
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    # A line for each refusal costs everyone the same, and would fill the screen.
    "loggers": {
        "django": {"handlers": [], "propagate": True, "level": "ERROR"},
        "django.request": {"handlers": [], "propagate": True, "level": "CRITICAL"},
        "apikeys": {"level": "ERROR"},
    },
}
