"""Every organization keeps an admin who can log in, whatever code changes or deletes people.

Services ask first and refuse in their own words. This holds for the rest: the Django admin and a
host's own ``save()`` and ``delete()``. An update by queryset or SQL passes it by; ``manage.py check
--database`` names what that leaves behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, models, router, transaction
from django.db.models import CASCADE, ProtectedError
from django.db.models.deletion import Collector
from django.utils.translation import gettext as _

from apikeys.models import people
from apikeys.models.locks import is_lost_race, lock

_DECIDING = frozenset({"role", "user", "user_id", "organization", "organization_id"})


class LastAdminError(PermissionDenied):
    """The change would leave an organization without an admin who can log in; nothing was written.

    A ``PermissionDenied``, so a view that does not catch it answers 403 and not 500.

    Args:
        message: who, where, and what to do first.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def with_their_memberships(
    collector: Any, field: models.ForeignKey[Any, Any], memberships: Any, using: str
) -> None:
    """Delete memberships with their user (``on_delete``), but for the last admin's.

    Raises:
        LastAdminError: before anything is deleted.
        ProtectedError: the same where a collector only looks, as that of Django's admin does: its
            page lists these memberships, each with what to do first.
    """
    found = list(memberships.select_related("user", "organization"))
    going = [*found, *collector.data.get(field.model, ())]
    blocked, why = found, ""
    try:
        hold({one.organization_id for one in found}, using)
        blocked = [one for one in last_among(going, using) if one in found]
    except LastAdminError as error:
        why = error.message
    if blocked:
        if type(collector) is Collector:
            raise LastAdminError(why) if why else _refusal(blocked)
        for one in blocked:
            one.blocked_because = why or what_to_do_first(one.organization.slug)
        raise ProtectedError(why or _refusal(blocked).message, set(blocked))
    CASCADE(collector, field, memberships, using)


def what_to_do_first(slug: str) -> str:
    """Return the sentence that an operator reads."""
    return (
        _(
            "the last admin who can log in; first make somebody else an admin, on the page Members "
            "or by manage.py grant_admin %s USERNAME"
        )
        % slug
    )


def last_among(going: Iterable[Any], using: str) -> list[Any]:
    """Return the memberships without all of which their organization has no active admin.

    Args:
        going: memberships that end together; who can't log in is no loss.
        using: the database.
    """
    rows = apps.get_model("apikeys", "Membership").objects.using(using)
    by_organization: dict[int, list[Any]] = {}
    for one in going:
        by_organization.setdefault(one.organization_id, []).append(one)
    last = []
    for organization, leaving in by_organization.items():
        losses = [one for one in leaving if one.is_admin and people.is_active(one.user)]
        if not losses:
            continue
        left = rows.filter(organization=organization).admins()
        if not left.exclude(pk__in=[one.pk for one in leaving]).some_active():
            last += losses
    return last


def require_another(memberships: Any, using: str) -> None:
    """Refuse that these end where one of them is the last active admin's; locks if it can.

    Args:
        memberships: a queryset; read again under the lock.
        using: the database. Outside a transaction there is no lock, and the answer is advice.

    Raises:
        LastAdminError: one of them is, or another transaction changed the same people first.
    """
    organizations = set(memberships.values_list("organization", flat=True))
    if organizations:
        hold(organizations, using)
        found = memberships.select_related("user", "organization")
        if last := last_among(list(found), using):
            raise _refusal(last)


def require_another_than(user: Any, using: str) -> None:
    """Refuse that the person stops being active where they are a last active admin.

    Raises:
        LastAdminError: as ``require_another``.
    """
    rows = apps.get_model("apikeys", "Membership").objects.using(using)
    require_another(rows.filter(user=user.pk).admins(), using)


def deactivates(user: Any, update_fields: Iterable[str] | None = None) -> bool:
    """Whether saving the person could make them inactive. Asks no database.

    Args:
        user: as it would be saved.
        update_fields: what would be saved, when not everything.
    """
    if user.pk is None:
        return False
    if people.is_known_to_queries() and (
        (update_fields is not None and "is_active" not in update_fields)
        or "is_active" in user.get_deferred_fields()
    ):
        return False
    return not people.is_active(user)


def require_another_if_it_ends(
    membership: Any, update_fields: Iterable[str] | None, using: str
) -> None:
    """Refuse to save a membership that is no active admin's any more and was the last one.

    Raises:
        LastAdminError: as ``require_another``.
    """
    if membership.pk is None or (update_fields is not None and _DECIDING.isdisjoint(update_fields)):
        return
    stored = type(membership).objects.using(using).filter(pk=membership.pk).admins()
    if membership.is_admin and people.is_active(membership.user):
        stored = stored.exclude(organization=membership.organization_id)
    require_another(stored, using)


def database_of(row: models.Model, using: str | None) -> str:
    """Return where a row is about to be saved."""
    return using or router.db_for_write(type(row), instance=row)


def hold(organizations: set[int], using: str) -> None:
    """Lock organizations where there is a transaction, so that an answer stays true until it ends.

    Raises:
        LastAdminError: another transaction changed them first.
    """
    if not transaction.get_connection(using).in_atomic_block:
        return
    try:
        # A savepoint: after a lost race the transaction around is still good for a page.
        with transaction.atomic(using=using):
            lock(organizations, using)
    except OperationalError as error:
        if not is_lost_race(error):
            raise
        raise LastAdminError(
            _("Somebody else has just changed who the admins are. Try again.")
        ) from error


def _refusal(last: list[Any]) -> LastAdminError:
    said = "; ".join(
        f"{one.user.get_username()} · {one.organization.name}: "
        + what_to_do_first(one.organization.slug)
        for one in last
    )
    return LastAdminError(f"{said}.")
