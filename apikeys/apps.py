"""The app's entry for Django: what it registers, and the signals it hears."""

from typing import Any

from django.apps import AppConfig
from django.db import connections, router
from django.utils.translation import gettext_lazy as _


class ApiKeysConfig(AppConfig):
    """Configuration of the app ``apikeys``."""

    name = "apikeys"
    label = "apikeys"
    verbose_name = _("API keys")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in
        from django.db.models.signals import post_migrate

        from apikeys import (  # noqa: F401
            checks,
            departures,
            invalidation,
            log_ins,
            reauthentication,
        )

        user_logged_in.connect(reauthentication.stamp_log_in, dispatch_uid="apikeys.stamp_log_in")
        log_ins.connect()
        invalidation.connect()
        departures.connect()
        post_migrate.connect(_store_query, self, dispatch_uid="apikeys.store_query")


def _store_query(using: str, **kwargs: Any) -> None:
    from apikeys.models import AccessToken, lookup

    if not router.allow_migrate_model(using, AccessToken):
        return
    if AccessToken._meta.db_table in connections[using].introspection.table_names():
        lookup.store(using)
