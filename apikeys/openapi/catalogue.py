"""The OpenAPI documents there are: one for the management API, one for each dialect with views.

Made once per process and settings, from the views alone, and in English whoever asks first: what
they say comes from docstrings. Needs drf-spectacular, an extra.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from drf_spectacular.settings import patched_settings, spectacular_settings

from apikeys import conf, dialects
from apikeys.openapi.examples import add_examples
from apikeys.openapi.schema import DialectSchemaGenerator

MANAGEMENT: Final = "management"

_lock = threading.Lock()
_made: tuple[object, str, dict[str, dict[str, Any]]] | None = None


def documents() -> dict[str, dict[str, Any]]:
    """Return every document by name: ``management`` first, then the dialects'."""
    global _made
    current, urls = conf.get(), str(settings.ROOT_URLCONF)
    with _lock:
        if _made is None or _made[0] is not current or _made[1] != urls:
            _made = (current, urls, _all())
        return _made[2]


def _all() -> dict[str, dict[str, Any]]:
    with translation.override("en"):
        return _in_english()


def _in_english() -> dict[str, dict[str, Any]]:
    below = reverse("apikeys:token-self").removesuffix("token")
    found = {MANAGEMENT: _document("default", "Access tokens", prefix=below)}
    for name, dialect in dialects.all_dialects().items():
        document = _document(name, dialect.title, without=below)
        if document["paths"]:
            found[name] = document
    return found


def _document(dialect: str, title: str, **limits: str) -> dict[str, Any]:
    # What is the host's own taste stays its own; this much the documents rely on.
    with patched_settings({"OAS_VERSION": "3.1.0", "COMPONENT_SPLIT_REQUEST": True}):
        generator = DialectSchemaGenerator(dialect=dialect, **limits)
        document: dict[str, Any] = generator.get_schema(public=True)
        document["openapi"] = spectacular_settings.OAS_VERSION
    document["info"] = {"title": str(title), "version": "1"}
    add_examples(document)
    return document
