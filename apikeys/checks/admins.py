"""Which organizations nobody manages: what an update by queryset or SQL can leave behind."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DatabaseError, connections, router
from django.db.models import Exists, OuterRef

from apikeys.checks.types import Apps
from apikeys.models import Membership, Organization, people

NAMED: Final = 10


@register(Tags.database)
def check_admins(
    app_configs: Apps, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Every organization has an admin who can log in, but for the suspended ones."""
    using = router.db_for_write(Membership)
    if using not in (databases or ()):
        return []
    try:
        if Membership._meta.db_table not in connections[using].introspection.table_names():
            return []
        slugs = list(islice(_unmanaged(), NAMED + 1))
    except DatabaseError:
        return []
    if not slugs:
        return []
    names = ", ".join(slugs[:NAMED]) + (" and others" if len(slugs) > NAMED else "")
    hint = (
        "manage.py grant_admin ORG USERNAME for each, or manage.py suspend_organization ORG where "
        "nobody is to manage it."
    )
    return [Warning(f"No admin who can log in: {names}.", hint, id="apikeys.W045")]


def _unmanaged() -> Any:
    """Yield the slugs of organizations without an active admin, in order."""
    running = Organization.objects.filter(suspended_at__isnull=True).order_by("slug")
    admins = Membership.objects.admins()
    if people.is_known_to_queries():
        managed = Exists(admins.filter(organization=OuterRef("pk")).of_active_people())
        return iter(running.exclude(managed).values_list("slug", flat=True)[: NAMED + 1])
    # The user model works it out: all admins are read, and each is asked.
    found = admins.filter(organization__suspended_at__isnull=True).active()
    kept = {one.organization_id for one in found}
    return (slug for pk, slug in running.values_list("pk", "slug") if pk not in kept)
