"""What the gunicorn of the seed tests runs: the project's settings on the tests' own database.

Passwords are hashed as the tests hash them, and static files come from where they are written.
"""

from __future__ import annotations

from project.settings import *  # noqa: F403
from project.settings import STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage",
}
WHITENOISE_USE_FINDERS = True
STATIC_ROOT = None
