"""A host of the library alone: what it needs of Django and DRF, SQLite and the stock auth.User.

Must not import the demo, and makes sure that nothing else does: `import project` fails here.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

# What is None in sys.modules can't be imported, nor can anything below it.
sys.modules["project"] = None  # type: ignore[assignment]

SECRET_KEY = "only-for-tests-" + "0123456789" * 5
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "rest_framework",
    "django_filters",
    "apikeys",
    "tests.support.notes",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apikeys.middleware.AccessTokenMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "tests.support.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
        # A file, because writers on threads of their own must meet; one for each process.
        "TEST": {
            "NAME": str(Path(tempfile.gettempdir()) / f"apikeys-library-{os.getpid()}.sqlite3")
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTHENTICATION_BACKENDS = ["apikeys.backends.SlowedModelBackend"]
USE_TZ = True
TIME_ZONE = "UTC"
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "apikeys.exceptions.exception_handler",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apikeys.parsers.BoundedJSONParser"],
}

APIKEYS = {
    "SCOPES": {
        "notes:read": "Read notes",
        "notes:write": "Add and change notes",
        "notes:delete": "Delete notes",
    },
    "PEPPERS": {1: "a" * 64},
}
