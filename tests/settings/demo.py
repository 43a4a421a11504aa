"""The project's settings with values that are good for nothing but tests.

`DATABASE_URL` and `REDIS_URL` are taken from the environment, everything else is fixed here, so
that a developer's own `.env` changes no test.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

os.environ |= {
    "ENV_FILE": "",
    "SECRET_KEY": "only-for-tests-" + "0123456789" * 5,
    "PEPPERS": "1:" + "a" * 64,
    "DEBUG": "off",
    "HTTPS": "on",
    "HOST": "127.0.0.1",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1],testserver",
    "TRUSTED_PROXIES": "",
    "PORT": "",
    "FIRST_PARTY_ORIGINS": "https://testserver",
    "CSRF_TRUSTED_ORIGINS": "",
    "EMAIL_URL": "",
    "EMAIL_FROM": "",
    "FLUSH_SECONDS": "10",
    "DATABASE_DEADLINE": "",
    "LOG_LEVEL": "INFO",
}

redis = urlsplit(os.environ.get("REDIS_URL", ""))
if (worker := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")) and redis.scheme:
    # A database for each worker: one must not count, or empty, what another is counting.
    number = int(redis.path.strip("/") or 0) + 1 + int(worker)
    os.environ["REDIS_URL"] = urlunsplit(redis._replace(path=f"/{number}"))

from project.settings import *  # noqa: E402, F403
from project.settings import DATABASES, INSTALLED_APPS, STORAGES  # noqa: E402

INSTALLED_APPS = [*INSTALLED_APPS, "tests.support.notes"]

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, because writers on threads of their own must meet; one for each process, because runs
    # may overlap.
    DATABASES["default"]["TEST"] = {
        "NAME": str(Path(tempfile.gettempdir()) / f"apikeys-test-{os.getpid()}.sqlite3")
    }
else:
    # Dropping a database that thousands of tests have written takes longer than a request may.
    DATABASES["default"]["OPTIONS"]["statement_timeout"] = 120
STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage",
}
# Nothing is collected under tests, and whitenoise warns of a folder that is missing.
WHITENOISE_USE_FINDERS = True
STATIC_ROOT = None
# Argon2 on purpose takes its time; tests/project/test_accounts.py puts it back.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
