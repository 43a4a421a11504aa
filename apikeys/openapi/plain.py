"""Operations of endpoints that are no DRF view: decorated Django views, and those of django-ninja.

What they take and answer is not known here; who may call them, how often and with which errors is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from rest_framework.schemas.generators import EndpointEnumerator

from apikeys import dialects
from apikeys.credentials.carriers import security_of
from apikeys.dialects import Dialect
from apikeys.endpoints import EVERY_METHOD, TokenEndpoint
from apikeys.openapi.errors import error_response, error_schema
from apikeys.openapi.facts import limit_text, scopes_of, sentences, title_of

_STATUSES: Final = (400, 401, 403, 429, 503)


def add_plain(document: dict[str, Any], name: str, endpoints: Iterable[TokenEndpoint]) -> None:
    """Add the operations of one dialect to an OpenAPI document.

    Where DRF's views have an operation already, that one stays.

    Args:
        document: the document, which is changed.
        name: the dialect.
        endpoints: those of the project.
    """
    dialect = dialects.get(name)
    for endpoint in endpoints:
        if endpoint.view is not None or endpoint.dialect != name:
            continue
        # A view that tells no methods apart is shown by the one that most answer to.
        method = "get" if endpoint.method == EVERY_METHOD else endpoint.method.lower()
        path = EndpointEnumerator().get_path_from_regex(f"/{endpoint.route}")
        operation = _operation(endpoint, dialect, path, method)
        begins = {"servers": [{"url": endpoint.base}]} if endpoint.base else {}
        document["paths"].setdefault(path, begins).setdefault(method, operation)
        _add_components(document, dialect)


def _operation(endpoint: TokenEndpoint, dialect: Dialect, path: str, method: str) -> dict[str, Any]:
    facts = dict(_facts(endpoint, method.upper()))
    said = endpoint.doc
    summary = " ".join(said.partition("\n\n")[0].split()).rstrip(".")
    view = endpoint.name.rpartition(".")[2]
    reference = {"$ref": f"#/components/schemas/{title_of(dialect)}Error"}
    security: list[dict[str, list[Any]]] = [
        {_scheme(dialect, each): []} for each in dialect.carriers
    ]
    if endpoint.asked.anonymous_for(method.upper()):
        security.append({})
    return {
        "operationId": "_".join([*re.findall(r"\w+", path), method]),
        "tags": [path.split("/")[1]],
        "summary": summary or view.replace("_", " ").capitalize(),
        "description": "\n\n".join(line for line in (said, *sentences(facts)) if line),
        "parameters": [
            {"name": each, "in": "path", "required": True, "schema": {"type": "string"}}
            for each in re.findall(r"{(\w+)}", path)
        ],
        "security": security,
        "responses": {
            "200": {"description": "The answer of the view."},
            **{str(each): error_response(dialect, each, reference) for each in _STATUSES},
        },
        **{f"x-{name}": value for name, value in facts.items()},
    }


def _facts(endpoint: TokenEndpoint, method: str) -> Iterator[tuple[str, Any]]:
    if (requirement := endpoint.asked.scopes_for(method)) is not None:
        yield "required-scopes", scopes_of(requirement)
    kind = endpoint.asked.kind_for(method)
    limits = endpoint.asked.limits
    if counted := [each for each in limits if each.on == "anonymous" or each.applies_to(kind)]:
        yield "limits", [limit_text(each) for each in counted]


def _scheme(dialect: Dialect, carrier: Any) -> str:
    return f"{dialect.name}{carrier.label}"


def _add_components(document: dict[str, Any], dialect: Dialect) -> None:
    components = document.setdefault("components", {})
    schemes = components.setdefault("securitySchemes", {})
    for carrier in dialect.carriers:
        schemes.setdefault(_scheme(dialect, carrier), security_of(carrier))
    schemas = components.setdefault("schemas", {})
    schemas.setdefault(f"{title_of(dialect)}Error", error_schema(dialect))
