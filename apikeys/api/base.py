"""Who reaches the management API: a person's session, or a token that holds ``tokens:manage``.

Both see their own organizations only: a foreign one is the same 404 as a missing one. What they
may change is decided by the services.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from rest_framework.authentication import SessionAuthentication
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.schemas import DefaultSchema

from apikeys import addresses, languages, reauthentication
from apikeys.authentication import AccessTokenAuthentication
from apikeys.exceptions import exception_handler
from apikeys.models import AccessToken, Membership, Organization, Workspace
from apikeys.models.organizations import Role
from apikeys.networks import address_of
from apikeys.openapi.operations import Operation
from apikeys.parsers import BoundedJSONParser
from apikeys.permissions import HasScope
from apikeys.scopes import MANAGE
from apikeys.services.actors import Actor
from apikeys.services.errors import NotAllowed
from apikeys.services.widening import require_recent_password


class ViewSchema:
    """What documents a view: ours where drf-spectacular is installed, else DRF's default.

    A descriptor that makes one inspector for each view instance, as DRF's own default does: an
    inspector that classes share forgets its view.
    """

    def __get__(self, instance: Any, owner: type) -> Any:
        if importlib.util.find_spec("drf_spectacular") is None:
            return DefaultSchema().__get__(instance, owner)
        from apikeys.openapi.schema import AccessTokenSchema  # needs drf-spectacular, an extra

        inspector = AccessTokenSchema()
        inspector.view = instance
        return inspector


class AnyTokenAuthentication(AccessTokenAuthentication):
    """Tokens of every dialect, answered in the words of the default one."""

    any_dialect = True


class ManagesTokens(HasScope):
    """A token with ``tokens:manage``, or an admin of the organization in a session."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if isinstance(request.auth, AccessToken):
            return super().has_permission(request, view)
        return bool(request.user.is_authenticated)


class NoStoreMixin:
    """Keep what is answered out of every cache: it is one caller's own."""

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Forbid to store the response."""
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        response.headers["Cache-Control"] = "no-store"
        return response


class PlainAddressMixin:
    """Cut keys in the address to their ids: no link, error or log line repeats a secret."""

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Clean the request before anything reads it."""
        addresses.hide(request)
        return super().initialize_request(request, *args, **kwargs)  # type: ignore[misc]


class OneLanguageMixin:
    """Answer wholly in the language of our texts: what DRF and Django say in between, too."""

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Parse, validate, answer and refuse in that language."""
        with languages.speaking():
            response = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
            response.headers.setdefault("Content-Language", languages.spoken())
        return response


class OwnWordsMixin:
    """Answer errors as they are documented, and by one version, whatever the host's views do."""

    versioning_class: ClassVar[Any] = None

    def get_exception_handler(self) -> Any:
        """Return the library's."""
        return exception_handler


class ManagementMixin(OneLanguageMixin, PlainAddressMixin, NoStoreMixin, OwnWordsMixin):
    """Authentication, permission and scoping that all management views share."""

    authentication_classes: ClassVar[Any] = (AnyTokenAuthentication, SessionAuthentication)
    permission_classes: ClassVar[Any] = (ManagesTokens,)
    required_scopes: ClassVar[Any] = {MANAGE}
    # Not the host's defaults: JSON alone, and never a page with a secret or a form in it.
    parser_classes: ClassVar[Any] = (BoundedJSONParser,)
    renderer_classes: ClassVar[Any] = (JSONRenderer,)
    schema = ViewSchema()

    operations: ClassVar[Mapping[str, Operation]]
    request: Any
    kwargs: dict[str, Any]

    @property
    def operation(self) -> Operation:
        """What the view declares of the operation that runs: documented, parsed and sent alike."""
        # HEAD runs the handler of GET.
        method = self.request.method.lower().replace("head", "get")
        return self.operations[getattr(self, "action", None) or method]

    def input(self) -> dict[str, Any]:
        """Return the body, as the declared serializer reads it.

        Raises:
            ValidationError: it says what is wrong with which field.
        """
        return self._validated(self.operation.request, self.request.data)

    def query(self) -> dict[str, Any]:
        """Return the query parameters, as the declared serializer reads them.

        Raises:
            ValidationError: as ``input``.
        """
        return self._validated(self.operation.query, self.request.query_params)

    def output(self, value: Any = None) -> Response:
        """Answer a value as the declared serializer writes it, or with an empty body."""
        serializer = self.operation.response
        body = serializer(value).data if serializer is not None else None
        return Response(body, status=self.operation.status)

    def page(self) -> Response:
        """Answer a page of the rows that the caller sees, filtered as asked."""
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))  # type: ignore[attr-defined]
        body = self.operation.response(rows, many=True).data
        return self.get_paginated_response(body)  # type: ignore[attr-defined, no-any-return]

    def _validated(self, serializer_class: Any, data: Any) -> dict[str, Any]:
        serializer = serializer_class(data=data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    @property
    def bearer(self) -> AccessToken | None:
        """The token that carries the request; None for a session."""
        return self.request.auth if isinstance(self.request.auth, AccessToken) else None

    def actor(self) -> Actor:
        """Return who makes this request, for the services."""
        address = address_of(self.request)
        if self.bearer is not None:
            return Actor.bearer(self.bearer, address=address)
        recent = reauthentication.is_recent(self.request._request)
        return Actor.person(self.request.user, address=address, password_recent=recent)

    def organizations(self, **membership: Any) -> QuerySet[Organization]:
        """Return the organizations that this caller is in.

        Args:
            membership: conditions on a person's membership, such as ``role``.
        """
        if self.bearer is not None:
            return Organization.objects.filter(pk=self.bearer.workspace.organization_id)
        own = Membership.objects.filter(user=self.request.user.pk, **membership)
        return Organization.objects.filter(pk__in=own.values("organization"))

    def organization(self) -> Organization:
        """Return the organization of the URL.

        Raises:
            Http404: there is none that this caller can see.
            NotAllowed: a member who is no admin asks for more than the organization itself.
        """
        organization = get_object_or_404(self.organizations(), slug=self.kwargs["organization"])
        if self.bearer is None and not self._is_admin(organization):
            raise NotAllowed(
                "organization.admin_required", _("Only admins of the organization may do this.")
            )
        return organization

    def workspaces(self) -> QuerySet[Workspace]:
        """Return the workspaces of the URL's organization that this caller manages."""
        workspaces = Workspace.objects.filter(organization=self.organization())
        if self.bearer is not None:
            workspaces = workspaces.filter(pk=self.bearer.workspace_id)
        return workspaces

    def require_person(self) -> None:
        """Refuse a token where only people have business.

        Raises:
            NotAllowed: ``session.required``.
        """
        if self.bearer is not None:
            raise NotAllowed("session.required", _("Tokens can't do this; an admin's session can."))

    def require_recent_password(self) -> None:
        """Refuse a session whose last password check is too old; a token needs none.

        For what asks whatever it does; what asks only where it widens is judged by its service.

        Raises:
            NotAllowed: ``reauthentication.required``.
        """
        require_recent_password(self.actor())

    def _is_admin(self, organization: Organization) -> bool:
        return Membership.objects.filter(
            organization=organization, user=self.request.user.pk, role=Role.ADMIN
        ).exists()
