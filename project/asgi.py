"""The project as an ASGI application."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
# Before what imports models, as apikeys.asgi does.
_django = get_asgi_application()

from apikeys.asgi import with_lifespan  # noqa: E402

application = with_lifespan(_django)
