"""The documentation: an index of all endpoints, a page for each document, documents to download.

Open to everybody: it says nothing that an answer would not say. Each page brings its own headers,
so it works under the strictest policy and without another host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apikeys import dialects, languages
from apikeys.openapi import catalogue, postman
from apikeys.openapi.catalogue import MANAGEMENT
from apikeys.openapi.examples import operations
from apikeys.urlconfs import script_prefix

POLICY: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
)
HEADERS: Final = {
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
        {
            "name": name,
            "title": document["info"]["title"],
            "endpoints": _endpoints(document),
            "page": _link(request, "docs-page", name),
            "schema": _schema_of(request, name),
            "postman": _link(request, "postman", name),
        }
        for name, document in catalogue.documents().items()
    ]
    return _page(request, "apikeys/docs/index.html", {"sections": sections})


@require_safe
def page(request: HttpRequest, name: str) -> HttpResponse:
    """Show one document with Swagger UI."""
    document = _document(request, name)
    context = {
        "title": document["info"]["title"],
        "index": _link(request, "docs"),
        "schema": _schema_of(request, name),
    }
    return _page(request, "apikeys/docs/page.html", context, *sorted(_origins(document)))


@require_safe
def schema(request: HttpRequest, name: str = MANAGEMENT) -> HttpResponse:
    """Answer with one OpenAPI document."""
    return JsonResponse(_document(request, name))


@require_safe
def postman_collection(request: HttpRequest, name: str) -> HttpResponse:
    """Answer with one document as a Postman collection, as a file to save."""
    document = _document(request, name)
    # Management takes keys of every dialect and speaks the default one.
    dialect = dialects.get("default" if name == MANAGEMENT else name)
    found = postman.collection(
        document,
        base_url=request.build_absolute_uri(_begins(document) or "/").rstrip("/"),
        env_names=dialect.env_names,
    )
    headers = {"Content-Disposition": f'attachment; filename="{name}.postman_collection.json"'}
    return JsonResponse(found, headers=headers, json_dumps_params={"indent": 2})


def _page(
    request: HttpRequest, template: str, context: dict[str, Any], *asked: str
) -> HttpResponse:
    """Answer with a page; ``asked``: other origins that its script may ask."""
    with languages.speaking(links=True):
        response = render(request, template, context)
        response.headers["Content-Language"] = languages.spoken()
    connect = " ".join(("connect-src 'self'", *asked))
    response.headers["Content-Security-Policy"] = "; ".join((*POLICY, connect))
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


def _link(request: HttpRequest, name: str, *args: str) -> str:
    """Return the path of another page of these, under whatever names a host has included them."""
    match = request.resolver_match
    namespace = match.namespace if match is not None else "apikeys"
    return reverse(f"{namespace}:{name}", args=args)


def _schema_of(request: HttpRequest, name: str) -> str:
    return _link(request, "schema") if name == MANAGEMENT else _link(request, "schema-of", name)


def _document(request: HttpRequest, name: str) -> dict[str, Any]:
    """Return a document that says where it answers, unless that is where it is asked for.

    Raises:
        Http404: there is none of that name.
    """
    try:
        document = catalogue.documents()[name]
    except KeyError:
        raise Http404 from None
    servers = document.get("servers") or [{"url": script_prefix() or "/"}]
    paths = {path: _located(request, item) for path, item in document["paths"].items()}
    located = _located(request, {**document, "servers": servers, "paths": paths})
    if located["servers"] == [{"url": "/"}]:
        del located["servers"]  # what is said by saying nothing
    return located


def _located(request: HttpRequest, part: dict[str, Any]) -> dict[str, Any]:
    """Return a part of a document whose servers have a scheme, if they are on another host."""
    if "servers" not in part:
        return part
    servers = [
        {**each, "url": request.build_absolute_uri(each["url"])}
        if each["url"].startswith("//")
        else each
        for each in part["servers"]
    ]
    return {**part, "servers": servers}


def _begins(part: dict[str, Any]) -> str:
    """Return where the paths begin that a part of a document holds; "" where it doesn't say."""
    servers = part.get("servers") or [{"url": ""}]
    return str(servers[0]["url"])


def _origins(document: dict[str, Any]) -> set[str]:
    found = set()
    for part in (document, *document["paths"].values()):
        parts = urlsplit(_begins(part))
        if parts.netloc:
            found.add(f"{parts.scheme}://{parts.netloc}")
    return found


def _endpoints(document: dict[str, Any]) -> list[Endpoint]:
    below = _begins(document) or script_prefix()
    return [
        Endpoint(
            name=operation["operationId"],
            method=method.upper(),
            path=f"{_begins(document['paths'][path]) or below}{path}",
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
