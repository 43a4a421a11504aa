"""The applications that a server serves, WSGI and ASGI.

``BENCH_OPTIONS`` is what ``APIKEYS`` says on top, ``BENCH_HANDLER`` a key of ``MIDDLEWARES``.
"""

from __future__ import annotations

import json
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

settings.MIDDLEWARE = settings.MIDDLEWARES[os.environ.get("BENCH_HANDLER", "bare")]
application = get_wsgi_application()
asgi = get_asgi_application()
settings.APIKEYS = {**settings.APIKEYS, **json.loads(os.environ.get("BENCH_OPTIONS", "{}"))}
