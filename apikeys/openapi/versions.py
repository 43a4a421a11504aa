"""Schemas in the version of OpenAPI that is being written.

Ours are of 3.1, whose schemas are JSON Schema's. A host's own document may be of 3.0, which has
``nullable`` in the place of the type ``null``. Needs drf-spectacular, an extra.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.settings import spectacular_settings


def in_version(part: Any) -> Any:
    """Return a part of a document as the version that is being written has it.

    Args:
        part: a schema of OpenAPI 3.1, or whatever holds some.
    """
    if str(spectacular_settings.OAS_VERSION).startswith("3.0"):
        return _without_null(part)
    return part


def _without_null(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_null(each) for each in part]
    if not isinstance(part, dict):
        return part
    part = {name: _without_null(each) for name, each in part.items()}
    match part.get("type"):
        case [str(kind), "null"]:
            return {**part, "type": kind, "nullable": True}
    return part
