"""Create, rename and archive workspaces, each with its audit event."""

from __future__ import annotations

from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from apikeys import dialects, visible
from apikeys.models import AccessToken, Organization, Workspace
from apikeys.models.organizations import Environment
from apikeys.services import audit, validation
from apikeys.services.actors import Actor
from apikeys.services.audit import Action
from apikeys.services.authorization import require_admin
from apikeys.services.errors import Conflict, Invalid
from apikeys.services.locks import lock_organization, lock_tokens
from apikeys.services.tokens import revoke_unchecked
from apikeys.services.transactions import atomic


@atomic
def create_workspace(
    *, actor: Actor, organization: Organization, name: str, environment: str, dialect: str
) -> Workspace:
    """Add a workspace.

    Raises:
        NotAllowed: the actor is no admin.
        Invalid: a value breaks a rule or the name is taken.
    """
    organization = lock_organization(organization)
    require_admin(actor, organization)
    if environment not in Environment.values:
        raise Invalid("environment.unknown", _("Choose an environment."), field="environment")
    name = validation.name(name)
    return insert_workspace(actor, organization, name, environment, dialect)


@atomic
def rename_workspace(*, actor: Actor, workspace: Workspace, name: str) -> Workspace:
    """Change the name people read; the slug stays.

    Raises:
        NotAllowed: the actor is no admin.
        Conflict: it is archived.
        Invalid: the name breaks a rule, or another open workspace has it.
    """
    workspace = _lock_workspace(actor, workspace)
    name = validation.name(name)
    if name != workspace.name:
        _require_free(workspace.organization, name, but=workspace)
        before, workspace.name = workspace.name, name
        workspace.save(update_fields=["name"])
        audit.record(
            actor,
            Action.WORKSPACE_UPDATED,
            organization=workspace.organization,
            workspace=workspace,
            target=name,
            before={"name": before},
            after={"name": name},
        )
    return workspace


@atomic
def archive_workspace(*, actor: Actor, workspace: Workspace) -> Workspace:
    """Close a workspace for ever and revoke its tokens.

    Raises:
        NotAllowed: the actor is no admin.
        Conflict: it is archived already.
    """
    workspace = _lock_workspace(actor, workspace)
    tokens = lock_tokens(AccessToken.objects.filter(workspace=workspace, revoked_at__isnull=True))
    revoke_unchecked(actor=actor, tokens=tokens, reason="Workspace archived")
    workspace.archived_at = timezone.now()
    workspace.save(update_fields=["archived_at"])
    audit.record(
        actor,
        Action.WORKSPACE_ARCHIVED,
        organization=workspace.organization,
        workspace=workspace,
        target=workspace.name,
        revoked_tokens=len(tokens),
    )
    return workspace


def insert_workspace(
    actor: Actor, organization: Organization, name: str, environment: str, dialect: str
) -> Workspace:
    """Add a workspace as part of a change that was allowed already, inside its transaction.

    Raises:
        Invalid: the name makes no slug or is taken, or there is no such dialect.
    """
    if dialect not in dialects.all_dialects():
        raise Invalid("dialect.unknown", _("Choose an API."), field="dialect")
    _require_free(organization, name)
    slug = slugify(name)[:64]
    if not slug:
        raise Invalid("name.no_slug", _("Use at least one letter or digit."), field="name")
    if Workspace.objects.filter(organization=organization, slug=slug).exists():
        raise Invalid("workspace.name_taken", _("Another workspace has this name."), field="name")
    workspace = Workspace.objects.create(
        organization=organization, slug=slug, name=name, environment=environment, dialect=dialect
    )
    audit.record(
        actor,
        Action.WORKSPACE_CREATED,
        organization=organization,
        workspace=workspace,
        target=name,
        environment=str(environment),
        dialect=dialect,
    )
    return workspace


def _require_free(organization: Organization, name: str, *, but: Workspace | None = None) -> None:
    """Refuse the name of another open workspace, compared as ``visible.compared`` has it."""
    others = Workspace.objects.filter(organization=organization, archived_at__isnull=True)
    if but is not None:
        others = others.exclude(pk=but.pk)
    names = others.values_list("name", flat=True)
    if visible.compared(name) in map(visible.compared, names):
        raise Invalid("workspace.name_taken", _("Another workspace has this name."), field="name")


def _lock_workspace(actor: Actor, workspace: Workspace) -> Workspace:
    organization = lock_organization(workspace.organization)
    require_admin(actor, organization)
    workspace = Workspace.objects.select_related("organization").get(pk=workspace.pk)
    if workspace.archived_at is not None:
        raise Conflict("workspace.archived", _("This workspace is archived."))
    return workspace
