"""What the gunicorn behind the caches runs: the project, and some views of our own."""

from __future__ import annotations

from tests.systems.server_settings import *  # noqa: F403
from tests.systems.server_settings import APIKEYS

ROOT_URLCONF = "tests.caches.urls"
# Everybody comes from one address here, and is refused often.
APIKEYS = {**APIKEYS, "LIMITS": {"failed_credentials": "100000/minute"}}
