"""A Postman collection (format 2.1) out of an OpenAPI document.

Keys come from variables that the caller sets from the environment, so none is ever in the file:
``newman run x.json --env-var "API_KEY=$API_KEY"``. A run needs nothing else, leaves the key as it
was and fails where a request does. So left out is what can end the key that carries it
(``x-ends-caller``), what only a person's session or password can do, and what would take away
something that no request here has made. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from apikeys.dialects import EnvNames
from apikeys.openapi.examples import JSON, example_of, operations
from apikeys.openapi.postman_scripts import only_with, tests

FORMAT: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
LOG_IN: Final = "LOGIN_TOKEN"
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_ENDS: Final = ("revoke", "bulk-revoke", "purge_all")
# Where a key belongs, in the words of the management API.
_HOME: Final = frozenset({"organization", "workspace"})
_BINARY: Final = "binary"

Entry = tuple[str, str, dict[str, Any]]
"""Path, method in small letters, operation."""


def collection(
    document: Mapping[str, Any], *, base_url: str, env_names: EnvNames | None = None
) -> dict[str, Any]:
    """Return the collection.

    Args:
        document: an OpenAPI 3.1 document.
        base_url: where the API answers, such as ``https://api.example.org``; what the document says
            of a single path goes before.
        env_names: the variables of the dialect's ``.env`` file, which bring the key.
    """
    return _Plan(document, env_names or EnvNames()).collection(base_url)


class _Plan:
    """What a collection knows of its document.

    Attributes:
        names: the variable of each parameter, by the path that ends in it.
        made: the variables that a request sets to what it has made.
        teller: path of the request that says where the key belongs; None where there is none.
        told: the variables that it sets.
    """

    def __init__(self, document: Mapping[str, Any], env_names: EnvNames) -> None:
        self.document, self.env_names = document, env_names
        entries = [each for each in operations(document) if not self._is_left_out(each[2])]
        paths = {path for path, _, _ in entries}
        self.names = _variables(paths)
        makers = [
            _made_by(path, paths)
            for path, method, operation in entries
            if method == "post" and not self._needs_a_file(operation)
        ]
        self.made = {self.names[maker[0]] for maker in makers if maker is not None}
        self.teller, self.told = self._find_teller(entries)
        self.entries = [each for each in entries if not self._takes_away_a_strangers(each)]
        self.entries.sort(key=lambda entry: self._rank(entry[0], entry[1], paths))

    def collection(self, base_url: str) -> dict[str, Any]:
        used = {self.names[path[: m.end()]] for path, _, _ in self.entries for m in _found(path)}
        variables = [{"key": "base_url", "value": base_url}]
        variables += [{"key": n, "value": f"no-{n}-yet"} for n in sorted(used | self.told)]
        return {
            "info": {"name": self.document["info"]["title"], "schema": FORMAT},
            "variable": variables,
            "item": [self._item(*entry) for entry in self.entries],
        }

    def _is_left_out(self, operation: Mapping[str, Any]) -> bool:
        if operation.get("x-sessions-only") or operation.get("x-ends-caller"):
            return True
        content = operation.get("requestBody", {}).get("content", {})
        # A person's password has no place in a collection.
        return any("password" in self._members(each.get("schema")) for each in content.values())

    def _takes_away_a_strangers(self, entry: Entry) -> bool:
        """Whether it ends something of which the collection can't know that it is its own."""
        path, method, _ = entry
        if method != "delete" and path.rpartition("/")[2] not in _ENDS:
            return False
        return not {self.names[path[: m.end()]] for m in _found(path)} <= self.made | self.told

    def _find_teller(self, entries: Iterable[Entry]) -> tuple[str | None, set[str]]:
        """Return the request whose answer says where the key belongs, and what it says."""
        wanted = _HOME & set(self.names.values()) - self.made
        best: tuple[str | None, set[str]] = (None, set())
        for path, method, operation in entries:
            if method == "get" and "{" not in path:
                members = self._members(_answer(operation).get("schema"))
                if len(told := wanted & set(members)) > len(best[1]):
                    best = path, {*told, *({"expires_at", "allowed_networks"} & set(members))}
        return best

    def _rank(self, path: str, method: str, paths: Collection[str]) -> tuple[int, int, str]:
        depth = path.count("/")
        last = path.rpartition("/")[2]
        if method == "delete" or last in _ENDS:
            return 4, -depth, path
        if method == "post" and _made_by(path, paths) is not None:
            return 0, depth, path
        if method == "get" and path == self.teller:
            return -1, depth, path
        # A rotation begins the overlap that another request ends.
        order = {"get": 1, "put": 2, "patch": 2, "post": 2 if last == "rotate" else 3}
        return order[method], depth, path

    def _item(self, path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
        headers = [
            {
                "key": parameter["name"],
                "value": "{{$guid}}",
                "description": parameter["description"],
            }
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "header" and parameter["name"] == "Idempotency-Key"
        ]
        variables = [self.names[path[: match.end()]] for match in _found(path)]
        names = iter(variables)
        servers = self.document["paths"][path].get("servers")
        begins = servers[0]["url"] if servers else "{{base_url}}"
        request: dict[str, Any] = {
            "method": method.upper(),
            "url": begins + _PARAMETER.sub(lambda _: _use(next(names)), path),
            "header": headers,
            "auth": self._auth(operation),
            "description": operation.get("description", ""),
        }
        makes = _made_by(path, self.names) if method == "post" else None
        if body := self._body(operation, makes=makes is not None):
            request["body"] = body
            if body["mode"] == "raw":
                headers.append({"key": "Content-Type", "value": JSON})
        provides_all = set(variables) <= self.made | self.told and not self._needs_a_file(operation)
        statuses = sorted(int(status) for status in operation["responses"])
        script = tests(
            statuses,
            provides_all=provides_all,
            made=None if makes is None else (self.names[makes[0]], makes[1]),
            told=sorted(self.told) if path == self.teller and method == "get" else (),
        )
        events = [("test", script)]
        if request["auth"] == _filled("bearer", token=_use(LOG_IN)):
            events.insert(0, ("prerequest", only_with(LOG_IN)))
        return {
            "name": operation["operationId"],
            "request": request,
            "event": [
                {"listen": listen, "script": {"type": "text/javascript", "exec": lines}}
                for listen, lines in events
            ],
        }

    def _auth(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        """Return how the key travels: by the first scheme whose variables the ``.env`` file has."""
        names = self.env_names
        schemes = self.document.get("components", {}).get("securitySchemes", {})
        for requirement in operation.get("security", ()):
            for scheme in map(schemes.__getitem__, requirement):
                if scheme["type"] == "apiKey" and scheme["in"] == "header" and names.api_key:
                    where = {"key": scheme["name"], "in": "header"}
                    return _filled("apikey", value=_use(names.api_key), **where)
                if scheme.get("scheme") == "bearer":
                    key = LOG_IN if scheme.get("bearerFormat") == "JWT" else names.api_key
                    if key:
                        return _filled("bearer", token=_use(key))
                if scheme.get("scheme") == "basic" and names.token_id and names.secret:
                    pair = {"username": _use(names.token_id), "password": _use(names.secret)}
                    return _filled("basic", **pair)
        return {"type": "noauth"}

    def _body(self, operation: Mapping[str, Any], *, makes: bool) -> dict[str, Any] | None:
        content = operation.get("requestBody", {}).get("content", {})
        if JSON in content:
            schema = content[JSON]["schema"]
            example = content[JSON].get("example")
            if example is None:
                example = example_of(schema, self.document["components"])
            text = json.dumps(self._at_home(example, schema, makes=makes), indent=2)
            # These hold JSON, not text.
            text = re.sub(r'"(\{\{(?:expires_at|allowed_networks)\}\})"', r"\1", text)
            return {"mode": "raw", "raw": text}
        if form := content.get("multipart/form-data"):
            parts = self._members(form["schema"]).items()
            return {"mode": "formdata", "formdata": [_part(*each) for each in parts]}
        return {"mode": "file", "file": {"src": ""}} if content else None

    def _at_home(self, example: Any, schema: Any, *, makes: bool) -> Any:
        """Let a body name what the key belongs to, and what is made be no more than the key."""
        if not isinstance(example, dict):
            return example
        filled = {name: _use(name) if name in self.told else each for name, each in example.items()}
        if makes:
            members = self._members(schema)
            bounds = {"expires_at", "allowed_networks"} & self.told & set(members)
            filled |= {name: _use(name) for name in sorted(bounds)}
            # What an earlier run has left behind may have the name.
            name, size = members.get("name", {}), len(" 01234567-89ab-cdef-0123-456789abcdef")
            if (
                self.told
                and "name" in filled
                and len(filled["name"]) + size <= name.get("maxLength", 0)
            ):
                filled["name"] += " {{$guid}}"
        return filled

    def _needs_a_file(self, operation: Mapping[str, Any]) -> bool:
        content = operation.get("requestBody", {}).get("content", {})
        if not content or JSON in content:
            return False
        members = self._members(content.get("multipart/form-data", {}).get("schema"))
        return not members or any(each.get("format") == _BINARY for each in members.values())

    def _members(self, schema: Any) -> Mapping[str, Any]:
        """Return the members of an object's schema; none of anything else."""
        schema = schema or {}
        if "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        members: Mapping[str, Any] = schema.get("properties", {})
        return members


def _answer(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    for status, answer in operation["responses"].items():
        if status < "300":
            found: Mapping[str, Any] = answer.get("content", {}).get(JSON, {})
            return found
    return {}


def _found(path: str) -> Iterable[re.Match[str]]:
    return _PARAMETER.finditer(path)


def _use(variable: str) -> str:
    return "{{%s}}" % variable  # noqa: UP031


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
        for match in _found(path):
            kinds.setdefault(match[1], set()).add(path[: match.end()])
    return {
        kind: name if len(ends) == 1 else f"{kind.split('/')[-2].replace('-', '_')}_{name}"
        for name, ends in kinds.items()
        for kind in ends
    }


def _filled(kind: str, **values: str) -> dict[str, Any]:
    pairs = [{"key": name, "value": value, "type": "string"} for name, value in values.items()]
    return {"type": kind, kind: pairs}


def _part(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    if schema.get("format") == _BINARY:
        return {"key": name, "type": "file", "src": []}
    return {"key": name, "type": "text", "value": str(example_of(schema, {}, name))}
