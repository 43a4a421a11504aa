"""Services and their cached objects, in the workspace of the token."""

from __future__ import annotations

import re
from typing import Any, Final, cast
from uuid import UUID, uuid4

from django.http import Http404, HttpResponse
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys.limits import Limit
from apikeys.models import AccessToken
from apikeys.openapi.operations import BINARY, Operation, RequestHeader, listed
from apikeys.parsers import BoundedJSONParser
from apikeys.permissions import HasScope
from apikeys.throttling import AccessTokenThrottle
from project.demo.bodies import (
    AcceptsAnyMixin,
    SmallBodyMixin,
    is_storable,
    storable_or_404,
)
from project.demo.fastly import cache, shapes
from project.demo.fastly.authentication import FastlyAuthentication
from project.demo.fastly.models import Service
from project.demo.fastly.serializers import (
    ServiceChangeSerializer,
    ServiceSerializer,
    service_facts,
)

LARGEST_OBJECT: Final = 2 * 1024 * 1024
MOST_KEYS: Final = 64
_CONTENT_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+(; ?[\w-]+=[\w.\"-]+)*", re.ASCII)
# Documentation networks (RFC 5737, RFC 3849): no edge of ours is out there.
ADDRESSES: Final = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"]
IPV6_ADDRESSES: Final = ["2001:db8::/32"]


class FastlyView(SmallBodyMixin, APIView):
    """What all views of Fastly have in common, the limits above all."""

    authentication_classes = (FastlyAuthentication,)
    permission_classes = (HasScope,)
    throttle_classes = (AccessTokenThrottle,)
    parser_classes: tuple[Any, ...] = (FormParser, MultiPartParser, BoundedJSONParser)
    limits = (
        Limit("1000/hour", per="principal", on="write"),
        Limit("6000/minute", per="principal", on="read"),
        Limit("6000/minute", per="address", on="anonymous"),
        Limit("100000/hour", per="organization", on="purge"),
    )

    @property
    def token(self) -> AccessToken:
        """The token that carried the request."""
        return cast(AccessToken, self.request.auth)

    def services(self) -> Any:
        """Return the services of the token's workspace."""
        return Service.objects.filter(workspace=self.token.workspace).select_related(
            "workspace__organization"
        )

    def service(self, service_id: str) -> Service:
        """Return one of them; another workspace's is the same 404 as a missing one."""
        try:
            found: Service | None = self.services().filter(public_id=UUID(service_id)).first()
        except ValueError:
            found = None
        if found is None:
            raise Http404
        return found


class ServicesView(FastlyView):
    """`GET` and `POST /service`."""

    required_scopes = {"GET": {"global:read"}, "POST": {"global"}}
    operations = {
        "get": Operation(name="service_list", response=listed(shapes.SERVICE)),
        "post": Operation(
            name="service_create", request=ServiceSerializer, response=shapes.SERVICE
        ),
    }

    def get(self, request: Request) -> Response:
        return Response([service_facts(service) for service in self.services()])

    def post(self, request: Request) -> Response:
        serializer = ServiceSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = {k: v for k, v in serializer.validated_data.items() if k != "type"}
        service = Service.objects.create(workspace=self.token.workspace, **fields)
        return Response(service_facts(service))


class ServiceView(FastlyView):
    """`GET`, `PUT` and `DELETE /service/{id}`."""

    required_scopes = {"GET": {"global:read"}, "PUT": {"global"}, "DELETE": {"global"}}
    operations = {
        "get": Operation(name="service_read", response=shapes.SERVICE),
        "put": Operation(
            name="service_update",
            request=ServiceChangeSerializer,
            response=shapes.SERVICE,
        ),
        "delete": Operation(name="service_delete", response=shapes.DONE),
    }

    def get(self, request: Request, service_id: str) -> Response:
        return Response(service_facts(self.service(service_id)))

    def put(self, request: Request, service_id: str) -> Response:
        service = self.service(service_id)
        serializer = ServiceChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        changes = {k: v for k, v in serializer.validated_data.items() if k != "type"}
        return Response(service_facts(cache.change_service(service, changes)))

    def delete(self, request: Request, service_id: str) -> Response:
        self.service(service_id).delete()
        return Response({"status": "ok"})


class ObjectView(AcceptsAnyMixin, FastlyView):
    """`GET` and `PUT /service/{id}/object/{name}`: the bytes, with their surrogate keys."""

    required_scopes = {"GET": {"global:read"}, "PUT": {"global"}}
    operations = {
        "get": Operation(name="object_read", response=BINARY, media_type="*/*"),
        "put": Operation(
            name="object_store",
            request=BINARY,
            body_type="application/octet-stream",
            response=shapes.STORED,
            headers=(RequestHeader("Surrogate-Key", "Words to purge it by, separated by spaces."),),
        ),
    }
    largest_body = LARGEST_OBJECT

    def get(self, request: Request, service_id: str, name: str) -> HttpResponse:
        cached = (
            self.service(service_id)
            .objects_cached.filter(name=storable_or_404(_name(request, name)))
            .prefetch_related("surrogates")
            .first()
        )
        if cached is None:
            raise Http404
        return HttpResponse(
            bytes(cached.content),
            content_type=cached.content_type,
            headers={
                "Surrogate-Key": " ".join(sorted(s.key for s in cached.surrogates.all())),
                # Whatever was stored, it is never a page of this site.
                "Content-Disposition": "attachment",
                "Content-Security-Policy": "default-src 'none'; sandbox",
            },
        )

    def put(self, request: Request, service_id: str, name: str) -> Response:
        service = self.service(service_id)
        name = _name(request, name)
        if len(name) > 512 or not is_storable(name):
            raise ValidationError({"name": "A name has at most 512 characters, none of them NUL."})
        keys = _surrogate_keys(request)
        content_type = request.headers.get("Content-Type", "")
        if len(content_type) > 127 or not _CONTENT_TYPE.fullmatch(content_type):
            content_type = "application/octet-stream"
        content = request._request.body
        cache.store(service, name, content=content, content_type=content_type, keys=keys)
        return Response(
            {
                "name": name,
                "service_id": str(service.public_id),
                "size": len(content),
                "content_type": content_type,
                "surrogate_keys": keys,
            }
        )


class PurgeKeyView(FastlyView):
    """`POST /service/{id}/purge/{key}`."""

    required_scopes = {"POST": {"purge_select"}}
    limit_kind = "purge"
    operations = {"post": Operation(name="purge_key", response=shapes.PURGED)}

    def post(self, request: Request, service_id: str, key: str) -> Response:
        cache.purge_key(self.service(service_id), storable_or_404(key))
        return _purged()


class PurgeUrlView(FastlyView):
    """`POST /purge/{url}`."""

    required_scopes = {"POST": {"purge_select"}}
    limit_kind = "purge"
    operations = {"post": Operation(name="purge_url", response=shapes.PURGED)}

    def post(self, request: Request, url: str) -> Response:
        cache.purge_url(self.token.workspace, storable_or_404(_with_query(request, url)))
        return _purged()


class PurgeAllView(FastlyView):
    """`POST /service/{id}/purge_all`: a write like any other, for the limits."""

    required_scopes = {"POST": {"purge_all"}}
    operations = {"post": Operation(name="purge_all", response=shapes.PURGED)}

    def post(self, request: Request, service_id: str) -> Response:
        cache.purge_all(self.service(service_id))
        return _purged()


class PublicIpListView(FastlyView):
    """`GET /public-ip-list`: from where a site is fetched; anybody may ask."""

    anonymous_access = "everyone"
    scopes_not_needed = True
    operations = {"get": Operation(name="public_ip_list", response=shapes.ADDRESSES)}

    def get(self, request: Request) -> Response:
        return Response({"addresses": ADDRESSES, "ipv6_addresses": IPV6_ADDRESSES})


def _purged() -> Response:
    return Response({"status": "ok", "id": str(uuid4())})


def _with_query(request: Request, path: str) -> str:
    query = request.META.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path


def _name(request: Request, path: str) -> str:
    return cache.name_of(_with_query(request, path))


def _surrogate_keys(request: Request) -> list[str]:
    # No further than needed: a header of millions of blanks costs no more than any other.
    words = request.headers.get("Surrogate-Key", "").split(None, MOST_KEYS)
    keys = sorted(set(words))
    if len(words) > MOST_KEYS or any(
        len(key) > 255 or not key.isascii() or not key.isprintable() for key in keys
    ):
        raise ValidationError(
            {"Surrogate-Key": f"At most {MOST_KEYS} words of ASCII, 255 characters each."}
        )
    return keys
