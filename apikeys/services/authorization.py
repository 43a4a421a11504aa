"""Who may do what. Asked by every service, so that no edge can forget it.

Admins manage their organization. A token with ``tokens:manage`` manages tokens of its own
workspace and never makes one that is more than itself. Members manage their own personal tokens
where the workspace's dialect says ``self_service``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import router
from django.utils.translation import gettext as _

from apikeys.models import AccessToken, Membership, Organization, Workspace, people
from apikeys.models.organizations import Role
from apikeys.models.tokens import Kind
from apikeys.scopes import MANAGE, is_narrower
from apikeys.services.actors import Actor
from apikeys.services.errors import NotAllowed
from apikeys.services.widening import networks_widen


def require_admin(actor: Actor, organization: Organization) -> None:
    """Refuse everybody but active admins of the organization, in a session, and the system.

    Raises:
        NotAllowed: ``organization.admin_required``.
    """
    if actor.kind == "system" or (actor.kind == "user" and _is_admin(actor, organization)):
        return
    raise NotAllowed(
        "organization.admin_required", _("Only admins of the organization may do this.")
    )


def require_operator(actor: Actor) -> None:
    """Refuse everybody but the system and the operator's people: staff users, in a session.

    Raises:
        NotAllowed: ``limits.operator_required``.
    """
    user = _person_now(actor)
    if actor.kind == "system" or (
        user is not None and people.is_active(user) and is_operator(user)
    ):
        return
    raise NotAllowed("limits.operator_required", _("Only the operator of this site sets limits."))


def is_operator(user: Any) -> bool:
    """Whether the person belongs to those who run the site: Django's ``is_staff``."""
    return bool(getattr(user, "is_staff", False))


def require_token_manager(actor: Actor, workspace: Workspace, token: AccessToken | None) -> None:
    """Refuse who may not manage tokens of the workspace, or this one token.

    Args:
        actor: who wants to.
        workspace: the token's workspace.
        token: the token concerned; None when one is to be created.

    Raises:
        NotAllowed: ``organization.admin_required``, ``token.manage_required`` or
            ``token.not_yours``.
    """
    if actor.kind == "token":
        _require_managing_token(actor, workspace, token)
    elif actor.kind == "user" and not _is_admin(actor, workspace.organization):
        _require_self_service(actor, workspace, token)


def require_owner_choice(actor: Actor, workspace: Workspace, *, kind: str, owner: object) -> None:
    """Refuse to make a personal token for somebody else, and a member's any other kind.

    Raises:
        NotAllowed: ``token.owner_not_you`` or ``organization.admin_required``.
    """
    if (
        kind != Kind.PERSONAL
        and actor.kind == "user"
        and not _is_admin(actor, workspace.organization)
    ):
        raise NotAllowed("organization.admin_required", _("Members make personal tokens only."))
    if kind == Kind.PERSONAL and actor.kind != "system" and owner != actor.user:
        raise NotAllowed(
            "token.owner_not_you", _("You can make personal tokens for yourself only.")
        )


def require_within_parent(
    parent: AccessToken,
    *,
    workspace: Workspace,
    scopes: Sequence[str],
    expires_at: datetime | None,
    allowed_networks: Sequence[str],
) -> None:
    """Refuse a token that would be more than the token that makes it.

    Args:
        parent: the making token as it is in the database now.
        workspace: where the new one works.
        scopes: its scopes.
        expires_at: its expiry.
        allowed_networks: its networks.

    Raises:
        NotAllowed: ``token.exceeds_parent``, ``token.grandchild`` or ``token.parent_not_usable``.
    """
    if not parent.is_usable:
        raise NotAllowed("token.parent_not_usable", _("The token that makes this one has ended."))
    if parent.parent_id is not None:
        raise NotAllowed("token.grandchild", _("A token made by a token can't make another one."))
    dialect = workspace.speaks
    within = {
        "workspace": workspace.pk == parent.workspace_id,
        "scopes": is_narrower(scopes, parent.scopes, dialect.available_scopes, dialect.implies),
        "expires_at": parent.expires_at is None
        or (expires_at is not None and expires_at <= parent.expires_at),
        "allowed_networks": not networks_widen(parent.allowed_networks, allowed_networks),
    }
    exceeded = [name for name, holds in within.items() if not holds]
    if exceeded:
        raise NotAllowed(
            "token.exceeds_parent",
            _("The new token would exceed the one that makes it in: %(fields)s.")
            % {"fields": ", ".join(exceeded)},
            exceeds=exceeded,
        )


def _person_now(actor: Actor) -> Any:
    """Return the person as the database knows them now; None for a token and the system."""
    if actor.kind != "user" or actor.user is None:
        return None
    # Not its type: a session brings a lazy object.
    model = get_user_model()
    people_now = model._base_manager.using(router.db_for_write(model))
    return people_now.filter(pk=actor.user.pk).first()


def _is_admin(actor: Actor, organization: Organization) -> bool:
    return _is_member(actor, organization, role=Role.ADMIN)


def _is_member(actor: Actor, organization: Organization, **conditions: Any) -> bool:
    """Whether the person is in the organization and active, as the database knows it now."""
    return (
        actor.user is not None
        and people.is_active(actor.user)
        and Membership.objects.filter(
            organization=organization, user=actor.user, **conditions
        ).some_active()
    )


def _bearer_now(actor: Actor) -> AccessToken | None:
    """Return the actor's token as the database knows it now.

    Raises:
        NotAllowed: it has been revoked, disabled or the like since the request was let in.
    """
    if actor.token is None:
        return None
    bearer = AccessToken.objects.for_status().filter(pk=actor.token.pk).first()
    if bearer is None or not bearer.is_usable:
        raise NotAllowed("token.parent_not_usable", _("The token of this request has ended."))
    return bearer


def _require_managing_token(actor: Actor, workspace: Workspace, token: AccessToken | None) -> None:
    bearer = _bearer_now(actor)
    if bearer is None or MANAGE not in bearer.scopes:
        raise NotAllowed(
            "token.manage_required", _("This needs the scope %(scope)s.") % {"scope": MANAGE}
        )
    if workspace.pk != bearer.workspace_id:
        raise NotAllowed("token.manage_required", _("This token manages its own workspace only."))
    if token is not None and token.pk != bearer.pk and token.parent_id != bearer.pk:
        raise NotAllowed("token.not_yours", _("A token manages itself and the tokens it has made."))


def _require_self_service(actor: Actor, workspace: Workspace, token: AccessToken | None) -> None:
    if not workspace.speaks.self_service or not _is_member(actor, workspace.organization):
        raise NotAllowed("organization.admin_required", _("Only admins may manage access tokens."))
    if token is not None and (token.kind != Kind.PERSONAL or token.owner != actor.user):
        raise NotAllowed("token.not_yours", _("You can manage your own personal tokens only."))
