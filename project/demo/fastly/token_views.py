"""The token API: a thin layer over the services.

A personal token acts as its owner on the owner's personal tokens of its workspace; an automation
token sees itself and what it has made. Everything else is the same 404 as a missing token.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db.models import Q
from django.http import Http404
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request
from rest_framework.response import Response

from apikeys.idempotency import idempotency_key
from apikeys.models import AccessToken
from apikeys.models.tokens import Kind
from apikeys.networks import address_of
from apikeys.openapi.operations import IDEMPOTENCY, Operation, listed
from apikeys.parsers import BoundedJSONParser
from apikeys.permissions import any_of
from apikeys.scopes import MANAGE
from apikeys.services import tokens as services
from apikeys.services.actors import Actor
from project.demo.bodies import storable_or_404
from project.demo.fastly import shapes
from project.demo.fastly.authentication import password_of
from project.demo.fastly.serializers import (
    DIALECT,
    BulkSerializer,
    NewTokenSerializer,
    token_facts,
    tokens_facts,
)
from project.demo.fastly.views import FastlyView
from project.demo.people import (
    actor_for,
    log_in,
    membership_in,
    open_workspace,
    workspace_of,
)

READ = any_of("global:read", MANAGE)
REVOKE = any_of("global", MANAGE)
ANY = any_of("global", "global:read", "purge_all", "purge_select", MANAGE)


class BulkParser(BoundedJSONParser):
    """JSON:API's extension for several objects in one request."""

    media_type = "application/vnd.api+json; ext=bulk"


class TokenApiView(FastlyView):
    """What the views of tokens have in common."""

    def visible(self) -> Any:
        """Return the tokens that the caller may know of."""
        token = self.token
        tokens = AccessToken.objects.filter(workspace=token.workspace, revoked_at__isnull=True)
        if token.kind == Kind.PERSONAL:
            tokens = tokens.filter(kind=Kind.PERSONAL, owner=token.owner)
        else:
            tokens = tokens.filter(Q(pk=token.pk) | Q(parent=token))
        return tokens.select_related("workspace__organization").order_by("-created_at", "-id")

    def actor(self) -> Actor:
        """Return who answers for what this request changes."""
        token = self.token
        if token.kind != Kind.PERSONAL:
            return Actor.bearer(token, address=address_of(self.request))
        person = actor_for(self.request, token.owner)
        return replace(person, label=f"{person.label} by {token.token_id}")

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Cache-Control"] = "no-store"
        return response


class TokensView(TokenApiView):
    """`GET`, `POST` and `DELETE /tokens`."""

    required_scopes = {"GET": READ, "POST": ANY, "DELETE": REVOKE}
    operations = {
        "get": Operation(name="token_list", response=listed(shapes.TOKEN)),
        "post": Operation(
            name="token_create",
            request=NewTokenSerializer,
            response=shapes.NEW_TOKEN,
            errors=(409,),
            headers=IDEMPOTENCY,
        ),
        "delete": Operation(
            name="token_delete_bulk",
            request=BulkSerializer,
            body_type=BulkParser.media_type,
            status=204,
            errors=(404, 413, 415, 422),
            ends_caller=True,
        ),
    }

    def get_parsers(self) -> Any:
        return (
            [BulkParser()]
            if getattr(self.request, "method", "") == "DELETE"
            else super().get_parsers()
        )

    def get(self, request: Request) -> Response:
        return Response(tokens_facts(self.visible()))

    @sensitive_variables()
    def post(self, request: Request) -> Response:
        serializer = NewTokenSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        password = password_of(
            request, username=given.get("username", ""), password=given.get("password", "")
        )
        user = log_in(request, email=password.username, password=password.password)
        issued = services.create_token(
            actor=actor_for(request, user),
            workspace=self._workspace(user, given["workspace"]),
            name=given["name"],
            scopes=given["scope"],
            kind=Kind.PERSONAL,
            owner=user,
            expires_at=given["expires_at"],
            creation_id=idempotency_key(request),
        )
        return Response({**token_facts(issued.token), "access_token": issued.api_key})

    # The password is asked for by `post` itself; a Fastly-Key beside it has to be a good one.
    post.anonymous_access = "everyone"  # type: ignore[attr-defined]

    def delete(self, request: Request) -> Response:
        serializer = BulkSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted = {entry["id"] for entry in serializer.validated_data["data"]}
        found = set(self.visible().filter(token_id__in=wanted).values_list("token_id", flat=True))
        if found != wanted:
            raise Http404
        services.revoke_tokens(
            actor=self.actor(), organization=self.token.organization, token_ids=wanted
        )
        return Response(status=204)

    def _workspace(self, user: Any, named: str) -> Any:
        token: AccessToken | None = self.request.auth  # type: ignore[assignment]
        if token is None:
            return workspace_of(user, dialect=DIALECT, named=named)[1]
        slug = token.organization.slug
        membership = membership_in(user, dialect=DIALECT, organization=slug)
        named = named.removeprefix(f"{slug}/") or token.workspace.slug
        return open_workspace(membership, dialect=DIALECT, slug=named)


class TokenView(TokenApiView):
    """`GET` and `DELETE /tokens/{id}`."""

    required_scopes = {"GET": READ, "DELETE": REVOKE}
    operations = {
        "get": Operation(name="token_read", response=shapes.TOKEN),
        "delete": Operation(name="token_delete", status=204),
    }

    def get(self, request: Request, token_id: str) -> Response:
        return Response(token_facts(self._find(token_id)))

    def delete(self, request: Request, token_id: str) -> Response:
        services.revoke_token(actor=self.actor(), token=self._find(token_id))
        return Response(status=204)

    def _find(self, token_id: str) -> AccessToken:
        token: AccessToken | None = (
            self.visible().filter(token_id=storable_or_404(token_id)).first()
        )
        if token is None:
            raise Http404
        return token


class TokenSelfView(TokenApiView):
    """`GET` and `DELETE /tokens/self`: any token may look at itself and end itself."""

    scopes_not_needed = True
    operations = {
        "get": Operation(name="token_self_read", response=shapes.TOKEN),
        "delete": Operation(name="token_self_delete", status=204, ends_caller=True),
    }

    def get(self, request: Request) -> Response:
        return Response(token_facts(self.token))

    def delete(self, request: Request) -> Response:
        services.revoke_token(actor=self.actor(), token=self.token)
        return Response(status=204)
