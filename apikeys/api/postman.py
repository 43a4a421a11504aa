"""A Postman collection (format 2.1) out of an OpenAPI document.

Keys come from variables that the caller sets from the environment, so none is ever in the file:
``newman run x.json --env-var "API_KEY=$API_KEY"``. Requests stand in an order in which they work:
what is made first is read, changed and then taken away. What only a person's session can do is
left out. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from apikeys.api.examples import JSON, example_of, operations

FORMAT: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_ENDS: Final = ("revoke", "revoke_all", "revoke-all", "purge_all")


def collection(document: Mapping[str, Any], *, base_url: str) -> dict[str, Any]:
    """Return the collection.

    Args:
        document: an OpenAPI 3.1 document.
        base_url: where the API answers, such as ``https://api.example.org``.
    """
    found = [entry for entry in operations(document) if not entry[2].get("x-sessions-only")]
    paths = {path for path, _, _ in found}
    found.sort(key=lambda entry: _rank(entry[0], entry[1], paths))
    names = _variables(paths)
    variables = [{"key": "base_url", "value": base_url}]
    variables += [{"key": n, "value": f"no-{n}-yet"} for n in sorted(set(names.values()))]
    return {
        "info": {"name": document["info"]["title"], "schema": FORMAT},
        "variable": variables,
        "item": [_item(document, *entry, names) for entry in found],
    }


def _rank(path: str, method: str, paths: set[str]) -> tuple[int, int, str]:
    depth = path.count("/")
    last = path.rpartition("/")[2]
    if method == "delete" or last in _ENDS:
        return 4, -depth, path
    if method == "post" and _made_by(path, paths) is not None:
        return 0, depth, path
    # A rotation begins the overlap that another request ends.
    order = {"get": 1, "put": 2, "patch": 2, "post": 2 if last == "rotate" else 3}
    return order[method], depth, path


def _made_by(path: str, paths: Iterable[str]) -> tuple[str, str] | None:
    """Return the path and the parameter that name what a POST to the path makes."""
    for other in paths:
        rest = other.removeprefix(f"{path}/")
        if rest != other and (match := _PARAMETER.fullmatch(rest)):
            return other, match[1]
    return None


def _variables(paths: Iterable[str]) -> dict[str, str]:
    """Return the variable of each parameter, by the path that ends in it.

    A parameter has the variable of its name, unless another kind of thing has that name too.
    """
    kinds: dict[str, set[str]] = {}
    for path in paths:
        for match in _PARAMETER.finditer(path):
            kinds.setdefault(match[1], set()).add(path[: match.end()])
    return {
        kind: name if len(ends) == 1 else f"{kind.split('/')[-2].replace('-', '_')}_{name}"
        for name, ends in kinds.items()
        for kind in ends
    }


def _item(
    document: Mapping[str, Any], path: str, method: str, operation: Any, names: dict[str, str]
) -> dict[str, Any]:
    headers = [
        {"key": parameter["name"], "value": "{{$guid}}", "description": parameter["description"]}
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "header" and parameter["name"] == "Idempotency-Key"
    ]
    url = "{{base_url}}" + _PARAMETER.sub(lambda m: "{{%s}}" % names[path[: m.end()]], path)  # noqa: UP031
    request: dict[str, Any] = {
        "method": method.upper(),
        "url": url,
        "header": headers,
        "auth": _auth(document, operation),
        "description": operation.get("description", ""),
    }
    if body := _body(document, operation):
        request["body"] = body
        if body["mode"] == "raw":
            headers.append({"key": "Content-Type", "value": JSON})
    made = _made_by(path, names) if method == "post" else None
    remembered = None if made is None else (names[made[0]], made[1])
    script = _script(sorted(int(status) for status in operation["responses"]), remembered)
    return {
        "name": operation["operationId"],
        "request": request,
        "event": [{"listen": "test", "script": {"type": "text/javascript", "exec": script}}],
    }


def _auth(document: Mapping[str, Any], operation: Any) -> dict[str, Any]:
    schemes = document.get("components", {}).get("securitySchemes", {})
    for requirement in operation.get("security", ()):
        for name in requirement:
            scheme = schemes[name]
            if scheme["type"] == "apiKey" and scheme["in"] == "header":
                where = {"key": scheme["name"], "in": "header"}
                return _filled("apikey", value="{{API_KEY}}", **where)
            if scheme.get("scheme") == "bearer":
                key = "LOGIN_TOKEN" if scheme.get("bearerFormat") == "JWT" else "API_KEY"
                return _filled("bearer", token="{{%s}}" % key)  # noqa: UP031
            if scheme.get("scheme") == "basic":
                return _filled("basic", username="{{TOKEN_ID}}", password="{{TOKEN_SECRET}}")  # noqa: S106
    return {"type": "noauth"}


def _filled(kind: str, **values: str) -> dict[str, Any]:
    pairs = [{"key": name, "value": value, "type": "string"} for name, value in values.items()]
    return {"type": kind, kind: pairs}


def _body(document: Mapping[str, Any], operation: Any) -> dict[str, Any] | None:
    content = operation.get("requestBody", {}).get("content", {})
    if JSON in content:
        example = content[JSON].get("example")
        if example is None:
            example = example_of(content[JSON]["schema"], document["components"])
        return {"mode": "raw", "raw": json.dumps(example, indent=2)}
    if form := content.get("multipart/form-data"):
        schema = form["schema"]
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return {"mode": "formdata", "formdata": [_part(*p) for p in schema["properties"].items()]}
    return {"mode": "file", "file": {"src": ""}} if content else None


def _part(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    if schema.get("format") == "binary":
        return {"key": name, "type": "file", "src": []}
    return {"key": name, "type": "text", "value": str(example_of(schema, {}, name))}


def _script(statuses: list[int], made: tuple[str, str] | None) -> list[str]:
    lines = [
        'pm.test("the status is documented", () => {',
        f"  pm.expect({json.dumps(statuses)}).to.include(pm.response.code);",
        "});",
    ]
    if made is not None:
        variable, member = made
        # What was made is what the next requests are about.
        lines += [
            "if (pm.response.code < 300) {",
            "  const body = pm.response.json();",
            f"  const named = (one) => one[{json.dumps(member)}] || one.public_id || one.id;",
            "  const name = named(body) || named(body.data || {});",
            f"  pm.collectionVariables.set({json.dumps(variable)}, name);",
            "}",
        ]
    return lines
