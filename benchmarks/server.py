"""The WSGI application that a server serves; ``BENCH_OPTIONS`` is what ``APIKEYS`` says on top."""

from __future__ import annotations

import json
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
application = get_wsgi_application()

from django.conf import settings

settings.APIKEYS = {**settings.APIKEYS, **json.loads(os.environ.get("BENCH_OPTIONS", "{}"))}
