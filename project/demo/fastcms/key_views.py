"""Log-in, and people's own keys: a thin layer over the services.

A key of somebody else, of another workspace, or revoked is the same 404 as a missing one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django.db import transaction
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import APIException
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys.idempotency import idempotency_key
from apikeys.models import AccessToken
from apikeys.models.tokens import Kind
from apikeys.openapi.operations import IDEMPOTENCY, Operation, listed
from apikeys.parsers import BoundedJSONParser
from apikeys.services import tokens as services
from project.demo.bodies import SmallBodyMixin
from project.demo.fastcms import shapes
from project.demo.fastcms.authentication import (
    DIALECT,
    JWTAuthentication,
    Login,
    LoginToken,
    NobodyYet,
)
from project.demo.fastcms.dialect import API_KEY_NOT_FOUND
from project.demo.fastcms.key_serializers import (
    ChangedKeySerializer,
    LoginSerializer,
    NewKeySerializer,
    RotationSerializer,
    key_facts,
    key_with_secret,
)
from project.demo.people import actor_for, log_in, workspace_of


class KeyNotFound(APIException):
    """There is no such key that the caller can see (HTTP 404)."""

    status_code = 404
    default_detail = API_KEY_NOT_FOUND
    extra = {"title": API_KEY_NOT_FOUND}


class BearerView(SmallBodyMixin, APIView):
    """A view for people: its 401 asks for a JWT, and nothing it says is kept by a cache."""

    parser_classes = (BoundedJSONParser,)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code == 401:
            response.headers["WWW-Authenticate"] = f'Bearer realm="{DIALECT}"'
        response.headers["Cache-Control"] = "no-store"
        return response


class LoginView(BearerView):
    """`POST /api/v1/auth/login`: e-mail and password against a JWT."""

    authentication_classes = (NobodyYet,)
    permission_classes = (AllowAny,)
    operations = {"post": Operation(name="login", request=LoginSerializer, response=shapes.LOGIN)}

    @sensitive_variables()
    def post(self, request: Request) -> Response:
        serializer = LoginSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        user = log_in(request, email=given["email"], password=given["password"])
        membership, workspace = workspace_of(user, dialect=DIALECT, named=given["workspace"])
        token = LoginToken.of(membership, workspace)
        return Response(
            {
                "access_token": str(token),
                "token_type": "bearer",
                "expires_in": int(LoginToken.lifetime.total_seconds()),
            }
        )


class KeysView(BearerView):
    """`GET` and `POST /api/v1/api-keys`."""

    authentication_classes = (JWTAuthentication,)
    permission_classes = (IsAuthenticated,)
    operations = {
        "get": Operation(name="api_keys_list", response=listed(shapes.KEY)),
        "post": Operation(
            name="api_keys_create",
            request=NewKeySerializer,
            response=shapes.NEW_KEY,
            status=201,
            errors=(409,),
            headers=IDEMPOTENCY,
        ),
    }

    def get(self, request: Request) -> Response:
        return Response([key_facts(token) for token in _own(request)])

    @sensitive_variables()
    def post(self, request: Request) -> Response:
        serializer = NewKeySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        issued = services.create_token(
            actor=actor_for(request, request.user),
            workspace=_login(request).workspace,
            kind=Kind.PERSONAL,
            owner=request.user,
            creation_id=idempotency_key(request),
            **serializer.validated_data,
        )
        return Response(key_with_secret(issued.token, issued.api_key), status=201)


class KeyView(BearerView):
    """`GET`, `PATCH` and `DELETE /api/v1/api-keys/{id}`."""

    authentication_classes = (JWTAuthentication,)
    permission_classes = (IsAuthenticated,)
    operations = {
        "get": Operation(name="api_keys_read", response=shapes.KEY),
        "patch": Operation(
            name="api_keys_update",
            request=ChangedKeySerializer,
            response=shapes.KEY,
            errors=(409,),
            example={"name": "CI deploy", "active": True},
        ),
        "delete": Operation(name="api_keys_delete", status=204),
    }

    def get(self, request: Request, public_id: str) -> Response:
        return Response(key_facts(_find(request, public_id)))

    def patch(self, request: Request, public_id: str) -> Response:
        token = _find(request, public_id)
        serializer = ChangedKeySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        changes = dict(serializer.validated_data)
        active = changes.pop("active", None)
        actor = actor_for(request, request.user)
        with transaction.atomic():
            if changes:
                token = services.update_token(actor=actor, token=token, **changes)
            if active is not None:
                switch = services.enable_token if active else services.disable_token
                token = switch(actor=actor, token=token)
        return Response(key_facts(token))

    def delete(self, request: Request, public_id: str) -> Response:
        token = _find(request, public_id)
        services.revoke_token(actor=actor_for(request, request.user), token=token)
        return Response(status=204)


class RotateKeyView(BearerView):
    """`POST /api/v1/api-keys/{id}/rotate`: a new secret; the old one works for `overlap` more
    seconds."""

    authentication_classes = (JWTAuthentication,)
    permission_classes = (IsAuthenticated,)
    operations = {
        "post": Operation(
            name="api_keys_rotate",
            request=RotationSerializer,
            response=shapes.NEW_KEY,
            errors=(409,),
            headers=IDEMPOTENCY,
        )
    }

    @sensitive_variables()
    def post(self, request: Request, public_id: str) -> Response:
        token = _find(request, public_id)
        serializer = RotationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        issued = services.rotate_token(
            actor=actor_for(request, request.user),
            token=token,
            overlap=timedelta(seconds=serializer.validated_data["overlap"]),
            creation_id=idempotency_key(request),
            unless_rotated_within=services.JUST_ROTATED,
        )
        return Response(key_with_secret(issued.token, issued.api_key))


class RevokeAllKeysView(BearerView):
    """`POST /api/v1/api-keys/revoke-all`: the caller's own, in the JWT's workspace."""

    authentication_classes = (JWTAuthentication,)
    permission_classes = (IsAuthenticated,)
    operations = {
        "post": Operation(name="api_keys_revoke_all", response=shapes.REVOKED, ends_caller=True)
    }

    def post(self, request: Request) -> Response:
        revoked = services.revoke_all(
            actor=actor_for(request, request.user),
            workspace=_login(request).workspace,
            owner=request.user,
        )
        count = len(revoked)
        keys = "API key" if count == 1 else "API keys"
        return Response({"revoked": count, "message": f"Revoked {count} {keys}"})


def _login(request: Request) -> Login:
    return cast(Login, request.auth)


def _own(request: Request) -> Any:
    return (
        AccessToken.objects.filter(
            workspace=_login(request).workspace,
            kind=Kind.PERSONAL,
            owner=cast(Any, request.user),
            revoked_at__isnull=True,
        )
        .select_related("workspace__organization", "owner")
        .order_by("-created_at", "-id")
    )


def _find(request: Request, public_id: str) -> AccessToken:
    try:
        token: AccessToken | None = _own(request).filter(public_id=UUID(public_id)).first()
    except ValueError:
        token = None
    if token is None:
        raise KeyNotFound
    return token
