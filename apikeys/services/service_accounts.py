"""The user that stands for a workspace where ``AUTOMATION_USER`` is ``service_account``.

A row of the host's user model, whatever its columns, that nobody can log in as. The workspace knows
it by a foreign key: a name alone would be whoever took it first. Knows no request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import (
    NON_FIELD_ERRORS,
    FieldDoesNotExist,
    ImproperlyConfigured,
    ValidationError,
)
from django.db import models, router
from django.utils.crypto import get_random_string

from apikeys.models import AccessToken, Workspace
from apikeys.services import audit
from apikeys.services.actors import Actor
from apikeys.services.audit import Action
from apikeys.services.errors import LostRace
from apikeys.services.locks import lock_organization
from apikeys.services.transactions import atomic

# Nobody reads mail there (RFC 2606), so no link to a new password or to log in arrives.
DOMAIN: Final = "service-account.invalid"
LONGEST_NAME: Final = 64  # the local part of an address (RFC 5321)
_ATTEMPTS: Final = 8
# A host's function stands between who makes a token and the account that comes with it.
_maker: ContextVar[Actor | None] = ContextVar("apikeys_service_account_maker", default=None)


def of(token: AccessToken, fields: Mapping[str, Any] | None = None) -> Any:
    """Return the user of the token's workspace; the first call makes it.

    Args:
        token: an automation token; it is the actor of the event, unless ``made_by`` names another.
        fields: values of the new row's columns besides ours.

    Raises:
        ImproperlyConfigured: the user model needs more than a name; says what.
    """
    if (known := token.workspace.service_account) is not None:
        return known
    actor = _maker.get() or Actor.bearer(token)
    try:
        account = _create(actor=actor, workspace=token.workspace, fields=fields or {})
    except LostRace as lost:
        # No answer to a request, to which the database was not there for a moment.
        raise lost.__cause__ or lost from None
    token.workspace.service_account = account
    return account


@contextmanager
def made_by(actor: Actor) -> Iterator[None]:
    """Have accounts that are made meanwhile answered for by whoever makes their first token."""
    before = _maker.set(actor)
    try:
        yield
    finally:
        _maker.reset(before)


@atomic
def _create(*, actor: Actor, workspace: Workspace, fields: Mapping[str, Any]) -> Any:
    # Of callers that meet one makes it.
    organization = lock_organization(workspace.organization)
    row = Workspace.objects.select_for_update(of=("self",), no_key=True)
    current = row.select_related("service_account").get(pk=workspace.pk)
    if current.service_account is not None:
        return current.service_account
    account = current.service_account = _insert(organization.slug, current, fields)
    current.save(update_fields=["service_account"])
    audit.record(
        actor,
        Action.SERVICE_ACCOUNT_CREATED,
        organization=organization,
        workspace=current,
        target=str(account.get_username()),
        user_id=str(account.pk),
    )
    return account


def problems(fields: Iterable[str] = ()) -> dict[str, list[str]]:
    """Return why the user model takes no such row, by column; nothing where it does. No I/O.

    Args:
        fields: columns that a host fills itself.
    """
    user = _unsaved("apikeys-acme-production", {})
    # A foreign key with a value would be looked for.
    filled = [f.name for f in user._meta.fields if f.is_relation and f.value_from_object(user)]
    try:
        user.clean_fields(exclude={*fields, *filled, *_not_ours(user)})
    except ValidationError as error:
        return {name: list(said) for name, said in error.message_dict.items()}
    return {}


def _insert(organization: str, workspace: Workspace, fields: Mapping[str, Any]) -> Any:
    using = router.db_for_write(Workspace)
    base = f"apikeys-{organization}-{workspace.slug}"
    for attempt in range(_ATTEMPTS):
        # Somebody else may have the name; then letters that nobody could foresee make another.
        end = f"-{get_random_string(8).lower()}" if attempt else ""
        user = _unsaved(base, fields, end)
        if not _is_taken(user, using):
            break
    try:
        user.full_clean(exclude=_not_ours(user))
    except ValidationError as error:
        by_column = getattr(error, "error_dict", {NON_FIELD_ERRORS: error})
        said = "; ".join(
            f"{k}: {' '.join(ValidationError(v).messages)}" for k, v in by_column.items()
        )
        raise ImproperlyConfigured(
            f"{user._meta.label} takes no service account ({said}). Name a function of your own as "
            "APIKEYS['AUTOMATION_USER'] that calls apikeys.principals.service_account with values "
            "for these columns."
        ) from None
    user.save(using=using)
    return user


def _not_ours(user: Any) -> set[str]:
    """Return the columns that need no value of ours: they are filled as the row is saved, or may
    stay NULL, whatever a form would say."""
    links = {field.name for field in type(user)._meta.parents.values() if field is not None}
    empty = {f.name for f in user._meta.fields if f.null and f.value_from_object(user) is None}
    return {"password", *links, *empty}


def _unsaved(base: str, fields: Mapping[str, Any], end: str = "") -> Any:
    model = get_user_model()
    longest = LONGEST_NAME - len(end)
    for name in (model.USERNAME_FIELD, model.get_email_field_name()):
        length = getattr(_field(model, name), "max_length", None)
        if length is not None:
            room = length - len(f"@{DOMAIN}") if _is_address(_field(model, name)) else length
            longest = min(longest, room - len(end))
    name = base[: max(longest, 1)].rstrip("-") + end
    user = model(**{**_names(model, name), **fields})
    for flag in ("is_staff", "is_superuser"):
        if _field(model, flag) is not None:
            setattr(user, flag, False)
    user.set_unusable_password()
    return user


def _names(model: Any, name: str) -> dict[str, str]:
    """Return log-in name and address of an account, in so far as the model wants them from us."""
    address = f"{name}@{DOMAIN}"
    found: dict[str, str] = {}
    log_in = _field(model, model.USERNAME_FIELD)
    if _is_address(log_in):
        found[model.USERNAME_FIELD] = address
    elif isinstance(log_in, models.CharField | models.TextField) and not log_in.has_default():
        found[model.USERNAME_FIELD] = name
    email = _field(model, model.get_email_field_name())
    # One that may be empty stays empty, unless another account's would be the same.
    if email is not None and not email.null and (not email.blank or email.unique):
        found[email.name] = address
    return found


def _is_taken(user: Any, using: str) -> bool:
    taken = models.Q(pk__in=())
    for name in _names(type(user), ""):
        taken |= models.Q(**{f"{name}__iexact": getattr(user, name)})
    return bool(type(user)._base_manager.using(using).filter(taken).exists())


def _is_address(field: Any) -> bool:
    return isinstance(field, models.EmailField)


def _field(model: Any, name: str) -> Any:
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
