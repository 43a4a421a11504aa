"""The OpenAPI documents there are: one for the management API, one for each dialect with views.

Made once per process, settings and URLconfs, from the views alone, and in English whoever asks
first: what they say comes from docstrings. Needs drf-spectacular, an extra.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.utils import translation
from drf_spectacular.settings import patched_settings, spectacular_settings

from apikeys import conf, dialects
from apikeys.openapi.examples import add_examples
from apikeys.openapi.schema import DialectSchemaGenerator
from apikeys.urlconfs import places

MANAGEMENT: Final = "management"

# One for each URLconf and language that requests come with; more than any site has.
_MOST_KEPT: Final = 128

_lock = threading.Lock()
_made: tuple[object, dict[object, dict[str, dict[str, Any]]]] | None = None


def documents() -> dict[str, dict[str, Any]]:
    """Return every document by name: ``management`` first, then the dialects'.

    What says no ``servers`` answers on the host that is asked. Paths are counted from where the
    project begins, without the prefix that a server may put before them.
    """
    global _made
    current, key = conf.get(), (places(), _language())
    with _lock:
        if _made is None or _made[0] is not current or len(_made[1]) >= _MOST_KEPT:
            _made = (current, {})
        if key not in _made[1]:
            _made[1][key] = _all()
        return _made[1][key]


def _language() -> str | None:
    """Return the present language where paths begin with it."""
    used = any(is_language_prefix_patterns_used(place.urlconf)[0] for place in places())
    return translation.get_language() if used else None


def _all() -> dict[str, dict[str, Any]]:
    language = translation.get_language()
    with translation.override("en"):
        return _in_english(language)


def _in_english(language: str | None) -> dict[str, dict[str, Any]]:
    """Make them; paths may begin with the language, and are those of the one that was asked for."""
    found = {}
    for place in places():
        with translation.override(language):
            path = place.path_of("apikeys:token-self")
        if path is not None:
            below = path.removesuffix("token")
            found[MANAGEMENT] = _document(
                "default", "Access tokens", language, among=[place], management=below
            )
            break
    for name, dialect in dialects.all_dialects().items():
        document = _document(name, dialect.title, language)
        if document["paths"]:
            found[name] = document
    return found


def _document(dialect: str, title: str, language: str | None, **which: Any) -> dict[str, Any]:
    # What is the host's own taste stays its own; this much the documents rely on.
    with patched_settings({"OAS_VERSION": "3.1.0", "COMPONENT_SPLIT_REQUEST": True}):
        generator = DialectSchemaGenerator(dialect=dialect, language=language, **which)
        document: dict[str, Any] = generator.get_schema(public=True)
        document["openapi"] = spectacular_settings.OAS_VERSION
    document["info"] = {"title": str(title), "version": "1"}
    add_examples(document)
    _say_once_where(document)
    return document


def _say_once_where(document: dict[str, Any]) -> None:
    """Say of the whole document where it answers, where all its paths do so at one address."""
    items = document["paths"].values()
    said = [item.get("servers") for item in items]
    if said and said[0] and all(each == said[0] for each in said) and not document.get("servers"):
        document["servers"] = said[0]
        for item in items:
            del item["servers"]
