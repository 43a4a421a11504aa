"""People whom a host's code or the Django admin deactivates or deletes: what follows here.

A last admin stays (``models/admins.py``), and memberships that go with a user end as by the
service: personal tokens revoked, invitations withdrawn, an audit event. For ``save()`` two methods
of the user model are wrapped, since Django has no signal for the one and sends the other too early:
``clean``, so that a form shows the refusal, and ``save_base``, so that the lock lasts until the row
is written.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import pre_delete

from apikeys.models import Membership, admins, heirs
from apikeys.services import members
from apikeys.services.actors import Actor

_WRAPPED: Final = "_keeps_last_admins"


def connect() -> None:
    """Begin to look after people; called once, when apps are ready."""
    heirs.connect(pre_delete, _ends, Membership, name="apikeys.membership_ends")
    model = get_user_model()
    if _WRAPPED not in vars(model):
        for name, wrap in (("clean", _checked), ("save_base", _guarded)):
            setattr(model, name, wrap(getattr(model, name)))
        setattr(model, _WRAPPED, True)


def _checked(clean: Callable[..., None]) -> Callable[..., None]:
    @wraps(clean)
    def checked(user: Any) -> None:
        clean(user)
        if admins.deactivates(user):
            try:
                admins.require_another_than(user, admins.database_of(user, None))
            except admins.LastAdminError as error:
                raise ValidationError(error.message, code="last_admin") from None

    return checked


def _guarded(save_base: Callable[..., None]) -> Callable[..., None]:
    @wraps(save_base)
    def guarded(user: Any, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("raw") or not admins.deactivates(user, kwargs.get("update_fields")):
            save_base(user, *args, **kwargs)
            return
        using = admins.database_of(user, kwargs.get("using"))
        connection = transaction.get_connection(using)
        commits_by_hand = not (connection.in_atomic_block or connection.get_autocommit())
        # There SQLite would commit what the host has begun: a savepoint is the first it hears of.
        block = nullcontext() if commits_by_hand else transaction.atomic(using=using)
        with block:
            admins.require_another_than(user, using)
            save_base(user, *args, **kwargs)

    return guarded


def _ends(instance: Membership, using: str, origin: Any = None, **kwargs: Any) -> None:
    """Before any deletion of a membership that no service makes; in the deletion's transaction."""
    if instance.ends_by_service:
        return
    begun = origin.model if isinstance(origin, QuerySet) else type(origin)
    name = "membership deleted" if issubclass(begun, Membership) else "user deleted"
    members.end_with_its_row(actor=Actor.system(name), membership=instance, using=using)
