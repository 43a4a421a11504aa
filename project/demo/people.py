"""People at the key APIs of the systems that have one: log-in by password, and who acts where.

Shared by FastCMS and Fastly; knows neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import authenticate
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import (
    AuthenticationFailed,
    PermissionDenied,
    Throttled,
    ValidationError,
)
from rest_framework.request import Request

from apikeys import conf, log_ins, networks
from apikeys.exceptions import Refused
from apikeys.models import Membership, Workspace
from apikeys.refusals import Reason, Refusal
from apikeys.services.actors import Actor

if TYPE_CHECKING:
    from project.accounts.models import User

DEFAULT_WORKSPACE = "production"


def require_https(request: Request) -> None:
    """Refuse a password, or what a password was exchanged for, that came in the clear.

    Raises:
        Refused: it came over plain HTTP, and the settings want HTTPS.
    """
    settings = conf.get()
    http = request._request
    # The server's own word: `scheme` may believe a header that anybody can send.
    scheme = http._get_scheme() or "http"  # type: ignore[attr-defined]
    if settings.require_https and not networks.is_secure(
        http.META, scheme, settings.trusted_proxies
    ):
        raise Refused(Refusal(Reason.PLAIN_HTTP))


@sensitive_variables("password")
def log_in(request: Request, *, email: str, password: str) -> User:
    """Return the person whose password this is, behind the limits on attempts.

    Raises:
        AuthenticationFailed: nobody has this address and password.
        Throttled: too many attempts from this address, or at this account.
        Refused: it came over plain HTTP, and the settings want HTTPS.
    """
    require_https(request)
    http = request._request
    user: User | None = authenticate(http, username=email, password=password)
    if user is None:
        if wait := getattr(http, "log_in_wait", 0):
            raise Throttled(wait=wait)
        raise AuthenticationFailed
    log_ins.logged_in(user, http)
    return user


def membership_in(user: User, *, dialect: str, organization: str = "") -> Membership:
    """Return the person's membership in an organization that uses the system.

    Args:
        user: the person.
        dialect: the system.
        organization: a slug, needed only by people in several such organizations.

    Raises:
        PermissionDenied: they are in none.
        ValidationError: they are in several and name none.
    """
    found = (
        Membership.objects.filter(
            user=user,
            organization__suspended_at__isnull=True,
            organization__workspaces__dialect=dialect,
            organization__workspaces__archived_at__isnull=True,
        )
        .select_related("organization", "user")
        .order_by("organization__slug")
        .distinct()
    )
    if organization:
        found = found.filter(organization__slug=organization)
    memberships = list(found[:2])
    if not memberships:
        raise PermissionDenied
    if len(memberships) > 1:
        raise ValidationError(
            {"workspace": _("You are in several organizations: write organization/workspace.")}
        )
    return memberships[0]


def workspace_of(user: User, *, dialect: str, named: str = "") -> tuple[Membership, Workspace]:
    """Return the workspace that a person names, with their membership.

    Args:
        user: the person.
        dialect: the system.
        named: ``workspace`` or ``organization/workspace``; ``production`` when empty.

    Raises:
        PermissionDenied: the person is in no organization of the system.
        ValidationError: there is no such workspace.
    """
    organization, _slash, slug = named.rpartition("/")
    membership = membership_in(user, dialect=dialect, organization=organization)
    return membership, open_workspace(membership, dialect=dialect, slug=slug)


def open_workspace(membership: Membership, *, dialect: str, slug: str) -> Workspace:
    """Return the workspace of that name, ``production`` when it is empty.

    Raises:
        ValidationError: there is no such workspace.
    """
    workspace = (
        Workspace.objects.filter(
            organization=membership.organization,
            dialect=dialect,
            slug=slug or DEFAULT_WORKSPACE,
            archived_at__isnull=True,
        )
        .select_related("organization")
        .first()
    )
    if workspace is None:
        raise ValidationError({"workspace": _("There is no such workspace.")})
    return workspace


def actor_for(request: Request, user: Any) -> Actor:
    """Return the person as the actor of the services."""
    return Actor.person(user, address=networks.address_of(request))
