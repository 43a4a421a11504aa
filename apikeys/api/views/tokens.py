"""Access tokens: list, create, change, rotate, stop, revoke; and the presented token itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from apikeys.api.base import (
    AnyTokenAuthentication,
    ManagementMixin,
    NoStoreMixin,
    OneLanguageMixin,
    OwnWordsMixin,
    PlainAddressMixin,
    ViewSchema,
)
from apikeys.api.filtering import StrictFilterBackend, TokenListFilter
from apikeys.api.inputs import (
    BulkRevokeSerializer,
    RevokeAllSerializer,
    RevokeSerializer,
    RotateSerializer,
    TokenCreateSerializer,
    TokenUpdateSerializer,
)
from apikeys.api.pagination import KeysetPagination
from apikeys.api.serializers import (
    AccessTokenSerializer,
    IssuedTokenSerializer,
    RevokedSerializer,
)
from apikeys.idempotency import idempotency_key
from apikeys.models import AccessToken
from apikeys.models.tokens import Kind
from apikeys.networks import address_of
from apikeys.openapi.operations import IDEMPOTENCY, Operation
from apikeys.parsers import BoundedJSONParser
from apikeys.permissions import HasScope, requires_scopes
from apikeys.scopes import MANAGE
from apikeys.services import tokens as services
from apikeys.services.actors import Actor
from apikeys.services.errors import Invalid
from apikeys.services.tokens import IssuedToken


class IdempotencyKeyReused(APIException):
    """The ``Idempotency-Key`` was sent before with another request (HTTP 422)."""

    status_code = 422
    default_code = "idempotency_key.reused"
    default_detail = "This Idempotency-Key was used for another request. Send a new one."


class TokenViewSet(ManagementMixin, GenericViewSet[AccessToken]):
    """``/organizations/{organization}/tokens``."""

    documented_as = "tokens"
    queryset = AccessToken.objects.none()  # for the inspector of documentation
    serializer_class = AccessTokenSerializer
    filter_backends = (StrictFilterBackend,)
    filterset_class = TokenListFilter
    pagination_class = KeysetPagination
    keyset_tie = "token_id"
    lookup_field = "token_id"
    lookup_value_converter = "str"
    operations: ClassVar[Any] = {
        "list": Operation(response=AccessTokenSerializer, many=True),
        "create": Operation(
            request=TokenCreateSerializer,
            response=IssuedTokenSerializer,
            status=201,
            errors=(409, 422),
            headers=IDEMPOTENCY,
            example={"workspace": "production", "name": "CI deploy", "scopes": []},
        ),
        "retrieve": Operation(response=AccessTokenSerializer),
        "partial_update": Operation(
            request=TokenUpdateSerializer,
            response=AccessTokenSerializer,
            errors=(409,),
            example={"description": "Deploys from the main branch"},
        ),
        "rotate": Operation(
            request=RotateSerializer,
            response=IssuedTokenSerializer,
            errors=(409, 422),
            headers=IDEMPOTENCY,
            example={"overlap_seconds": 3600},
        ),
        "end_overlap": Operation(response=AccessTokenSerializer, errors=(409,)),
        "disable": Operation(response=AccessTokenSerializer, errors=(409,)),
        "enable": Operation(response=AccessTokenSerializer, errors=(409,)),
        "revoke": Operation(
            request=RevokeSerializer, response=AccessTokenSerializer, example={"reason": "Leaked"}
        ),
        "bulk_revoke": Operation(
            request=BulkRevokeSerializer,
            response=RevokedSerializer,
            example={"token_ids": ["0123456789ABCDef"], "reason": "Leaked"},
            ends_caller=True,
        ),
        "revoke_all": Operation(
            request=RevokeAllSerializer,
            response=RevokedSerializer,
            sessions_only=True,
            ends_caller=True,
        ),
    }

    def get_queryset(self) -> QuerySet[AccessToken]:
        return AccessToken.objects.filter(workspace__in=self.workspaces()).for_status()

    def get_token(self) -> AccessToken:
        """Return the token of the URL; 404 when the caller can't see one of that id."""
        token_id = self.kwargs["token_id"]
        if not (token_id.isascii() and token_id.isalnum()):
            raise Http404  # PostgreSQL can't even look for some texts
        return get_object_or_404(self.get_queryset(), token_id=token_id)

    def list(self, request: Request, organization: str) -> Response:
        """List tokens, newest first."""
        return self.page()

    def create(self, request: Request, organization: str) -> Response:
        """Make a token. The secret is in this answer and nowhere else."""
        workspaces = self.workspaces()
        data = self.input()
        self.require_recent_password()
        workspace = workspaces.filter(slug=data.pop("workspace")).first()
        if workspace is None:
            raise Invalid("workspace.unknown", _("There is no such workspace."), field="workspace")
        actor = self.actor()
        owner = actor.user if data["kind"] == Kind.PERSONAL else None
        issued = self._issue(
            services.create_token, actor=actor, workspace=workspace, owner=owner, **data
        )
        return self.output(issued)

    def retrieve(self, request: Request, organization: str, token_id: str) -> Response:
        """Read a token."""
        return self.output(self.get_token())

    def partial_update(self, request: Request, organization: str, token_id: str) -> Response:
        """Change a token field by field; what is left out stays as it is."""
        token = self.get_token()
        data = self.input()
        return self.output(services.update_token(actor=self.actor(), token=token, **data))

    @requires_scopes(MANAGE)
    @action(methods=["post"], detail=True)
    def rotate(self, request: Request, organization: str, token_id: str) -> Response:
        """Give the token a new secret. It is in this answer and nowhere else."""
        token = self.get_token()
        data = self.input()
        self.require_recent_password()
        overlap = timedelta(seconds=data["overlap_seconds"])
        issued = self._issue(
            services.rotate_token, actor=self.actor(), token=token, overlap=overlap, **_seen(data)
        )
        return self.output(issued)

    @requires_scopes(MANAGE)
    @action(methods=["post"], detail=True, url_path="end-overlap")
    def end_overlap(self, request: Request, organization: str, token_id: str) -> Response:
        """Stop accepting the secret before the last rotation."""
        return self.output(services.end_overlap(actor=self.actor(), token=self.get_token()))

    @requires_scopes(MANAGE)
    @action(methods=["post"], detail=True)
    def disable(self, request: Request, organization: str, token_id: str) -> Response:
        """Stop the token until it is enabled again."""
        return self.output(services.disable_token(actor=self.actor(), token=self.get_token()))

    @requires_scopes(MANAGE)
    @action(methods=["post"], detail=True)
    def enable(self, request: Request, organization: str, token_id: str) -> Response:
        """Let a disabled token work again."""
        return self.output(services.enable_token(actor=self.actor(), token=self.get_token()))

    @requires_scopes(MANAGE)
    @action(methods=["post"], detail=True, url_path="revoke", url_name="revoke")
    def revoke(self, request: Request, organization: str, token_id: str) -> Response:
        """End the token for ever."""
        token = self.get_token()
        data = self.input()
        return self.output(services.revoke_token(actor=self.actor(), token=token, **data))

    @requires_scopes(MANAGE)
    @action(methods=["post"], detail=False, url_path="bulk-revoke", url_name="bulk-revoke")
    def bulk_revoke(self, request: Request, organization: str) -> Response:
        """Revoke several tokens, all or none."""
        found = self.organization()
        data = self.input()
        self.require_recent_password()
        return self.output(services.revoke_tokens(actor=self.actor(), organization=found, **data))

    @requires_scopes(MANAGE)
    @action(methods=["post"], detail=False, url_path="revoke-all", url_name="revoke-all")
    def revoke_all(self, request: Request, organization: str) -> Response:
        """Revoke all tokens of a workspace."""
        workspaces = self.workspaces()
        self.require_person()
        data = self.input()
        self.require_recent_password()
        workspace = workspaces.filter(slug=data.pop("workspace")).first()
        if workspace is None:
            raise Invalid("workspace.unknown", _("There is no such workspace."), field="workspace")
        return self.output(services.revoke_all(actor=self.actor(), workspace=workspace, **data))

    def _issue(self, service: Any, **arguments: Any) -> IssuedToken:
        key = idempotency_key(self.request)
        try:
            issued: IssuedToken = service(creation_id=key, **arguments)
        except Invalid as error:
            if error.code == "creation_id.reused":
                raise IdempotencyKeyReused from None
            raise
        return issued


class TokenSelfView(OneLanguageMixin, PlainAddressMixin, NoStoreMixin, OwnWordsMixin, APIView):
    """``/token``: the token that carries the request. Needs no scope."""

    authentication_classes = (AnyTokenAuthentication,)
    permission_classes = (HasScope,)
    scopes_not_needed = True
    parser_classes = (BoundedJSONParser,)
    renderer_classes = (JSONRenderer,)
    documented_as = "token"
    operations: ClassVar[Any] = {
        "get": Operation(response=AccessTokenSerializer),
        "delete": Operation(status=204, ends_caller=True),
    }
    schema = ViewSchema()

    def get(self, request: Request) -> Response:
        """Read the presented token."""
        token: Any = request.auth
        return Response(AccessTokenSerializer(token).data)

    def delete(self, request: Request) -> Response:
        """Revoke the presented token: whoever holds it may end it."""
        token: Any = request.auth
        services.revoke_own(actor=Actor.bearer(token, address=address_of(request)), token=token)
        return Response(status=204)


def _seen(data: dict[str, Any]) -> dict[str, Any]:
    """Return what the caller has seen of the last rotation, for the service."""
    if "seen_rotated_at" in data:
        return {"seen_rotated_at": data["seen_rotated_at"]}
    return {"unless_rotated_within": services.JUST_ROTATED}
