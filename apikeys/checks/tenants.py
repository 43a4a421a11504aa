"""Whether tenants in schemas of their own can be kept apart."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router

from apikeys import conf
from apikeys.checks.types import Apps
from apikeys.models import AccessToken, stores


@register(Tags.security)
def check_schemas(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """A backend that changes schemas says which it uses, and the cached mode fits it."""
    try:
        cache = conf.get().cache
    except ImproperlyConfigured:
        return []
    connection = connections[router.db_for_write(AccessToken)]
    if not stores.changes_schemas(connection):
        return []
    engine = connection.settings_dict["ENGINE"]
    if not (hasattr(connection, "schema_name") and hasattr(connection, "set_schema")):
        text = (
            f"{engine} changes schemas, and limits, usage and what is remembered of one tenant "
            "can't be told from another's."
        )
        hint = "Use a backend with schema_name and set_schema(), as that of django-tenants."
        return [Error(text, hint, id="apikeys.E070")]
    if cache == "host" and not stores.is_shared():
        text = "CACHE = 'host' does not work with a schema for each tenant: nothing is remembered."
        return [Error(text, "Use 'redis', or leave CACHE out.", id="apikeys.E071")]
    return []
