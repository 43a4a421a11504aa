"""The test settings with Django's own `auth.User`, to show that the library needs no other.

The tests marked `project` are for the project's user and left out here.
"""

from __future__ import annotations

from tests.settings.demo import *  # noqa: F403
from tests.settings.demo import INSTALLED_APPS

AUTH_USER_MODEL = "auth.User"
INSTALLED_APPS = [app for app in INSTALLED_APPS if app not in {"project.accounts", "project.demo"}]
