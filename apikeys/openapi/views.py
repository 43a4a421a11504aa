"""The documentation: an index of all endpoints, a page for each document, documents to download.

Open to everybody: it says nothing that an answer would not say. Each page brings its own headers,
so it works under the strictest policy and without another host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apikeys import dialects, languages
from apikeys.openapi import catalogue, postman
from apikeys.openapi.catalogue import MANAGEMENT
from apikeys.openapi.examples import operations

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One line of the index."""

    name: str
    method: str
    path: str
    summary: str
    scopes: str
    carriers: str
    cost: int | None
    limits: str


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """List every endpoint of every document with what it asks for."""
    sections = [
        {"name": name, "title": document["info"]["title"], "endpoints": _endpoints(document)}
        for name, document in catalogue.documents().items()
    ]
    context = {"sections": sections, "management": MANAGEMENT}
    return _page(request, "apikeys/docs/index.html", context)


@require_safe
def page(request: HttpRequest, name: str) -> HttpResponse:
    """Show one document with Swagger UI."""
    context = {"name": name, "title": _document(name)["info"]["title"], "management": MANAGEMENT}
    return _page(request, "apikeys/docs/page.html", context)


@require_safe
def schema(request: HttpRequest, name: str = MANAGEMENT) -> HttpResponse:
    """Answer with one OpenAPI document."""
    return JsonResponse(_document(name))


@require_safe
def postman_collection(request: HttpRequest, name: str) -> HttpResponse:
    """Answer with one document as a Postman collection, as a file to save."""
    document = _document(name)
    # Management takes keys of every dialect and speaks the default one.
    dialect = dialects.get("default" if name == MANAGEMENT else name)
    found = postman.collection(
        document,
        base_url=request.build_absolute_uri("/")[:-1],
        env_names=dialect.env_names,
    )
    headers = {"Content-Disposition": f'attachment; filename="{name}.postman_collection.json"'}
    return JsonResponse(found, headers=headers, json_dumps_params={"indent": 2})


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    with languages.speaking():
        response = render(request, template, context)
        response.headers["Content-Language"] = languages.spoken()
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


def _document(name: str) -> dict[str, Any]:
    try:
        return catalogue.documents()[name]
    except KeyError:
        raise Http404 from None


def _endpoints(document: dict[str, Any]) -> list[Endpoint]:
    return [
        Endpoint(
            name=operation["operationId"],
            method=method.upper(),
            path=path,
            summary=operation.get("summary", ""),
            scopes=_scopes(operation),
            carriers=", ".join(_carriers(document, operation)),
            cost=operation.get("x-cost"),
            limits=", ".join(operation.get("x-limits", ())),
        )
        for path, method, operation in operations(document)
    ]


def _scopes(operation: dict[str, Any]) -> str:
    scopes = operation.get("x-required-scopes", {})
    return " or ".join(scopes.get("anyOf", ())) or " and ".join(scopes.get("allOf", ()))


def _carriers(document: dict[str, Any], operation: dict[str, Any]) -> list[str]:
    schemes = document["components"].get("securitySchemes", {})
    found = []
    for requirement in operation.get("security", ()):
        for scheme in map(schemes.__getitem__, requirement):
            if scheme["type"] == "apiKey":
                found.append("session" if scheme["in"] == "cookie" else scheme["name"])
            else:
                found.append("log-in" if "bearerFormat" in scheme else scheme["scheme"].title())
        if not requirement:
            found.append("none")
    return found or ["none"]
