"""What stands around a token made for tests: workspace, organization and owner; and its rows."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypedDict

from django.contrib.auth import get_user_model
from django.db import models
from django.utils import timezone

from apikeys import dialects
from apikeys.models import AccessToken, Membership, Organization, Workspace
from apikeys.models.organizations import Environment
from apikeys.services.organizations import FIRST_CREDITS
from apikeys.testing import rows, states
from apikeys.testing.states import State


class About(TypedDict, total=False):
    """What a test may say of a token besides its scopes; see ``make_token``."""

    state: State
    workspace: Workspace
    owner: Any
    dialect: str
    environment: str
    allowed_networks: Iterable[object]
    expires_at: datetime
    name: str
    saved: bool


def require_known(about: Mapping[str, object]) -> None:
    """Refuse what nobody asks about: a token in another state than was meant proves nothing.

    Raises:
        TypeError: there is something else in it.
    """
    for name in about.keys() - About.__annotations__.keys():
        known = ", ".join(About.__annotations__)
        raise TypeError(f"{name}=: a token for tests is told by its scopes and {known}.")


def workspace_of(given: Workspace | None, about: About) -> Workspace:
    """Return the workspace for a token, with an organization; both have a primary key.

    Args:
        given: the one that the test wants; one without a row is filled with what is missing.
        about: what the test says of the token.

    Raises:
        ImproperlyConfigured: there is no dialect of that name.
        ValueError: it is of another dialect or environment than is asked for.
    """
    workspace = (
        given
        if given is not None
        else Workspace(
            dialect=about.get("dialect", "default"), environment=about.get("environment", "")
        )
    )
    if workspace._state.adding:
        _fill(workspace)
    for name in ("dialect", "environment"):
        if about.get(name, value := getattr(workspace, name)) != value:
            raise ValueError(f"The {name} of that workspace is {value!r}.")
    dialects.get(workspace.dialect)
    return workspace


def has_row(workspace: Workspace) -> bool:
    """Whether the database knows the workspace or its organization."""
    return not (workspace._state.adding and workspace.organization._state.adding)


def person(name: str) -> Any:
    """Return somebody without a row."""
    model = get_user_model()
    is_address = isinstance(model._meta.get_field(model.USERNAME_FIELD), models.EmailField)
    return model(**{model.USERNAME_FIELD: f"{name.lower()}@example.org" if is_address else name})


def filled(token: AccessToken) -> AccessToken:
    """Give a token without a row, and what it leads to, the values that saving would have given."""
    rows.pretend_key(token)
    token.name_key = AccessToken.objects.none().name_key_of(token.name)
    for instance in (token, token.workspace, token.organization):
        for column in instance._meta.concrete_fields:
            stamped = getattr(column, "auto_now", False) or getattr(column, "auto_now_add", False)
            if stamped and getattr(instance, column.attname) is None:
                setattr(instance, column.attname, timezone.now())
    return token


def save(token: AccessToken, state: State) -> None:
    """Write the rows that are missing, and what the state has changed of those that are there.

    No service is asked: there is no audit event, and a name may be written that one would refuse.
    """
    workspace, owner = token.workspace, token.owner
    organization = workspace.organization
    _write(organization)
    workspace.organization = organization  # by the key that it has now
    _write(workspace)
    token.workspace = workspace
    if owner is not None:
        _write(owner)
        token.owner = owner
    if (changed := states.changed_beside(token, state)) is not None:
        changed[0].save(update_fields=[changed[1]])
    if owner is not None:
        _join(organization, owner, wanted=token.__dict__["owner_is_member"])
    token.save(force_insert=True)
    del token.__dict__["owner_is_member"]  # the database knows from here on


def _fill(workspace: Workspace) -> None:
    workspace.environment = workspace.environment or Environment.PRODUCTION.value
    workspace.slug = workspace.slug or workspace.environment
    workspace.name = workspace.name or workspace.slug.title()
    given = workspace.serializable_value("organization_id") is not None
    if not (given or "organization" in workspace._state.fields_cache):
        workspace.organization = Organization(credits=FIRST_CREDITS)
    organization = workspace.organization
    rows.pretend_key(workspace)
    if organization._state.adding:
        rows.pretend_key(organization)
        organization.slug = organization.slug or f"organization-{uuid.uuid4().hex[:8]}"
        organization.name = organization.name or organization.slug.title()
    workspace.organization = organization


def _write(instance: models.Model) -> None:
    if not instance._state.adding:
        return
    if isinstance(instance.pk, int) and instance.pk < 0:
        instance.pk = None
    instance.save(force_insert=True)


def _join(organization: Organization, owner: Any, *, wanted: bool) -> None:
    belongs = Membership.objects.filter(organization=organization, user=owner)
    if not wanted:
        belongs.delete()
    elif not belongs.exists():
        Membership.objects.create(organization=organization, user=owner)
