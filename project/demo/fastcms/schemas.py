"""A collection's schema, and whether a record fits it. Values only."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from rest_framework.exceptions import ValidationError

from project.demo.bodies import in_ascii
from project.demo.bodies import is_storable as is_storable_text

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
MOST_FIELDS: Final = 100
DEEPEST: Final = 20


def _is_date(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TYPES: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "text": (lambda value: isinstance(value, str), "This must be a text."),
    "number": (_is_number, "This must be a number."),
    "boolean": (lambda value: isinstance(value, bool), "This must be true or false."),
    "date": (_is_date, "This must be a date such as 2030-12-31."),
    "json": (lambda value: True, ""),
}


def checked_schema(value: Any) -> list[dict[str, Any]]:
    """Return the schema in its stored form.

    Args:
        value: a list of ``{"name", "type", "required"}``; ``required`` is false when not given.

    Raises:
        ValidationError: it is something else.
    """
    if not isinstance(value, list) or len(value) > MOST_FIELDS:
        raise ValidationError(f"A schema is a list of at most {MOST_FIELDS} fields.")
    fields = [_checked_field(field) for field in value]
    if len({field["name"] for field in fields}) != len(fields):
        raise ValidationError("Two fields have the same name.")
    return fields


def _checked_field(field: Any) -> dict[str, Any]:
    if not isinstance(field, dict) or not field.keys() <= {"name", "type", "required"}:
        raise ValidationError("A field of a schema has a name, a type and may be required.")
    name, kind, required = field.get("name"), field.get("type"), field.get("required", False)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValidationError("A field's name is made of a-z, 0-9 and _ and begins with a letter.")
    if not isinstance(kind, str) or kind not in TYPES:
        raise ValidationError(f"A field's type is one of {', '.join(TYPES)}.")
    if not isinstance(required, bool):
        raise ValidationError("required is true or false.")
    return {"name": name, "type": kind, "required": required}


def checked_record(
    data: Any, schema: Sequence[Mapping[str, Any]], *, partial: bool = False
) -> dict[str, Any]:
    """Return the record's data when it fits the schema.

    Args:
        data: field name to value.
        schema: as ``checked_schema`` returned it.
        partial: only some fields are given, the rest stays as it is.

    Raises:
        ValidationError: by field, why it does not fit.
    """
    if not isinstance(data, dict):
        raise ValidationError({"data": "A record is an object of fields."})
    fields = {field["name"]: field for field in schema}
    problems: dict[str, str] = {}
    for name, value in data.items():
        field = fields.get(name)
        if field is None:
            problems[in_ascii(name)] = "The collection has no such field."
        elif value is None and not field["required"]:
            continue
        elif not TYPES[field["type"]][0](value):
            problems[name] = TYPES[field["type"]][1]
        elif not is_storable(value):
            problems[name] = "This can't be stored."
    for name, field in fields.items():
        if field["required"] and name not in data and not partial:
            problems[name] = "This field is required."
    if problems:
        raise ValidationError(problems)
    return data


def is_storable(value: Any, depth: int = 0) -> bool:
    """Tell whether every database can keep the value: no NUL, no half of a character, not deep."""
    if depth > DEEPEST:
        return False
    match value:
        case str():
            return is_storable_text(value)
        case float():
            return math.isfinite(value)
        case int():
            return abs(value) < 2**63
        case dict():
            return all(is_storable(k) and is_storable(v, depth + 1) for k, v in value.items())
        case list():
            return all(is_storable(item, depth + 1) for item in value)
    return True
