"""Example values out of JSON schemas: what a reader sees and what Postman sends first.

Pure: knows OpenAPI documents and nothing of this library's rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

JSON: Final = "application/json"
METHODS: Final = ("get", "post", "put", "patch", "delete")

_BY_NAME: Final[Mapping[str, str]] = {
    "actor": "alice@example.org",
    "actor_kind": "user",
    "allowed_networks": "198.51.100.0/24",
    "api_key": "(shown once)",
    "description": "Deploys from the main branch",
    "email": "dana@example.org",
    "last_used_address": "198.51.100.7",
    "last_used_agent": "curl/8.5.0",
    "name": "CI deploy",
    "organization": "acme",
    "owner": "alice@example.org",
    "overlap_ends_at": "2030-12-31T12:00:00Z",
    "range": "30d",
    "reason": "credential.wrong_secret",
    "revoke_reason": "Leaked",
    "revoked_by": "alice@example.org",
    "scopes": "notes:read",
    "secret": "(shown once)",
    "slug": "acme",
    "token_id": "0123456789ABCDef",
    "user": "dana@example.org",
    "workspace": "production",
}
_BY_FORMAT: Final[Mapping[str, str]] = {
    "date-time": "2030-12-31T12:00:00Z",
    "date": "2030-12-31",
    "uuid": "6f1c2d3e-4b5a-4c6d-8e7f-901234567890",
    "uri": "https://api.example.org/next",
    "email": "dana@example.org",
    "ipv4": "198.51.100.7",
}


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and operation of everything the document describes."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def add_examples(document: dict[str, Any]) -> None:
    """Give every JSON body that has none an example."""
    components = document.get("components", {})
    for _, _, operation in operations(document):
        bodies = [operation.get("requestBody", {})]
        bodies += [body for status, body in operation["responses"].items() if status < "300"]
        for body in bodies:
            content = body.get("content", {}).get(JSON)
            if content is not None and "schema" in content:
                content.setdefault("example", example_of(content["schema"], components))


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any], name: str = "") -> Any:
    """Return a value that fits the schema.

    Args:
        schema: a JSON schema as drf-spectacular writes them.
        components: the document's ``components``, for ``$ref``.
        name: the member it is the value of.
    """
    if "$ref" in schema:
        target = schema["$ref"].rpartition("/")[2]
        return example_of(components["schemas"][target], components, name)
    if "example" in schema:
        return schema["example"]
    for joined in ("allOf", "oneOf", "anyOf"):
        if joined in schema:
            return example_of(schema[joined][0], components, name)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("default") is not None:
        return schema["default"]
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next(each for each in kind if each != "null")
    match kind:
        case "object":
            members = schema.get("properties", {})
            return {n: example_of(each, components, n) for n, each in members.items()}
        case "array":
            return [example_of(schema["items"], components, name)]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "string":
            by_name = _BY_NAME.get(name, "text")
            return _BY_FORMAT.get(schema.get("format", ""), by_name)
    return {}
