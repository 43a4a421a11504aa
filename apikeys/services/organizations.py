"""Create and change organizations, each with its audit event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from apikeys.limits import Limit
from apikeys.models import Membership, Organization
from apikeys.models.organizations import Environment, Role
from apikeys.services import audit, slugs, validation
from apikeys.services.actors import Actor
from apikeys.services.audit import Action
from apikeys.services.authorization import require_admin, require_operator
from apikeys.services.errors import Invalid, NotAllowed
from apikeys.services.locks import lock_organization
from apikeys.services.transactions import atomic, savepoint
from apikeys.services.unset import UNSET, Unset
from apikeys.services.widening import policy_widens, require_recent_password
from apikeys.services.workspaces import insert_workspace

FIRST_CREDITS: Final = 500


@atomic
def create_organization(
    *,
    actor: Actor,
    name: str,
    admin: Any,
    slug: str | None = None,
    dialect: str = "default",
    credits: int = FIRST_CREDITS,
) -> Organization:
    """Make an organization with workspaces ``development`` and ``production`` and its first admin.

    Args:
        actor: who makes it; a person makes only one whose admin they are.
        name: how people call it.
        admin: the user who becomes its first admin.
        slug: its public name, for ever; made from the name when not given.
        dialect: which API its workspaces speak.
        credits: the balance it starts with.

    Raises:
        Invalid: a value breaks a rule or the slug is taken.
        NotAllowed: the actor names somebody else as admin.
    """
    if actor.kind == "token" or (actor.kind == "user" and admin != actor.user):
        raise NotAllowed("organization.admin_not_you", _("Create organizations for yourself only."))
    name = validation.name(name)
    organization = Organization(name=name, slug=slugs.free_slug(name, slug), credits=credits)
    try:
        with savepoint():
            organization.save(force_insert=True)
    except IntegrityError:
        raise Invalid("slug.taken", _("This short name is taken."), field="slug") from None
    Membership.objects.create(organization=organization, user=admin, role=Role.ADMIN)
    audit.record(
        actor,
        Action.ORGANIZATION_CREATED,
        organization=organization,
        target=name,
        admin=str(admin.get_username()),
        dialect=dialect,
    )
    for environment in (Environment.DEVELOPMENT, Environment.PRODUCTION):
        insert_workspace(actor, organization, environment.value.capitalize(), environment, dialect)
    return organization


@atomic
def rename_organization(*, actor: Actor, organization: Organization, name: str) -> Organization:
    """Change the name people read; the slug stays.

    Raises:
        NotAllowed: the actor is no admin.
        Invalid: the name breaks a rule.
    """
    organization = lock_organization(organization)
    require_admin(actor, organization)
    name = validation.name(name)
    if name != organization.name:
        before, organization.name = organization.name, name
        organization.save(update_fields=["name"])
        audit.record(
            actor,
            Action.ORGANIZATION_UPDATED,
            organization=organization,
            target=name,
            before={"name": before},
            after={"name": name},
        )
    return organization


@atomic
def update_policy(
    *,
    actor: Actor,
    organization: Organization,
    max_lifetime_days: int | Unset | None = UNSET,
    allowed_networks: Iterable[object] | Unset = UNSET,
    limits: Mapping[str, str] | Unset = UNSET,
) -> Organization:
    """Set what holds for all tokens of the organization, from the next request on.

    What is not given stays as it is in the database now.

    Args:
        actor: an admin.
        organization: whose policy.
        max_lifetime_days: longest life of a new token; None for no rule of its own.
        allowed_networks: networks for all tokens; none means no restriction.
        limits: limit name to rate, replacing the views' own; only the operator gives them, or
            a tenant could lift what protects the site.

    Raises:
        NotAllowed: the actor is no admin, gives limits and is not of the operator's people, or
            widens the policy and had no password checked a moment ago.
        Invalid: a value breaks a rule.
    """
    organization = lock_organization(organization)
    require_admin(actor, organization)
    changes: dict[str, Any] = {}
    if max_lifetime_days is not UNSET:
        changes["max_lifetime_days"] = _lifetime(max_lifetime_days)
    if allowed_networks is not UNSET:
        changes["allowed_networks"] = validation.networks(allowed_networks)
    if limits is not UNSET:
        require_operator(actor)
        changes["limits"] = _rates(limits)
    before = {field: getattr(organization, field) for field in changes}
    changed = {field: value for field, value in changes.items() if value != before[field]}
    if policy_widens(before, changes):
        require_recent_password(actor)
    if changed:
        for field, value in changed.items():
            setattr(organization, field, value)
        organization.save(update_fields=list(changed))
        audit.record(
            actor,
            Action.ORGANIZATION_UPDATED,
            organization=organization,
            target=organization.name,
            before={field: before[field] for field in changed},
            after=changed,
        )
    return organization


@atomic
def suspend_organization(*, actor: Actor, organization: Organization) -> Organization:
    """Stop all tokens of the organization until it is resumed; the system's to do."""
    return _set_suspended(actor, organization, suspended=True)


@atomic
def resume_organization(*, actor: Actor, organization: Organization) -> Organization:
    """Let the tokens of a suspended organization work again; the system's to do."""
    return _set_suspended(actor, organization, suspended=False)


def _set_suspended(actor: Actor, organization: Organization, *, suspended: bool) -> Organization:
    if actor.kind != "system":
        raise NotAllowed("organization.operator_required", _("Only the operator may do this."))
    organization = lock_organization(organization)
    if (organization.suspended_at is not None) != suspended:
        organization.suspended_at = timezone.now() if suspended else None
        organization.save(update_fields=["suspended_at"])
        action = Action.ORGANIZATION_SUSPENDED if suspended else Action.ORGANIZATION_RESUMED
        audit.record(actor, action, organization=organization, target=organization.name)
    return organization


def _lifetime(days: int | None) -> int | None:
    if days is not None and not 1 <= days <= 36_500:
        raise Invalid(
            "lifetime.range", _("Give a number of days from 1."), field="max_lifetime_days"
        )
    return days


def _rates(limits: Mapping[str, str]) -> dict[str, str]:
    for name, rate in limits.items():
        try:
            Limit(rate, name=name)
        except ValueError as error:
            raise Invalid("limit.invalid", f"{name}: {error}", field="limits") from None
    return dict(limits)
