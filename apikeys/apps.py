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
        from django.apps import apps
        from django.contrib.auth.signals import user_logged_in
        from django.db.models.signals import post_migrate

        from apikeys import checks, log_ins, reauthentication  # noqa: F401 - they register
        from apikeys.services import departures
        from apikeys.verification import invalidation

        user_logged_in.connect(reauthentication.stamp_log_in, dispatch_uid="apikeys.stamp_log_in")
        log_ins.connect()
        invalidation.connect()
        departures.connect()
        if apps.is_installed("drf_spectacular"):
            from apikeys.openapi import security  # noqa: F401 - it registers
        post_migrate.connect(_after_migrate, self, dispatch_uid="apikeys.after_migrate")


def _after_migrate(using: str, apps: Any = None, **kwargs: Any) -> None:
    """Store the query of the read path, and mend what processes of an earlier release wrote."""
    from apikeys.lookup import query
    from apikeys.models import AccessToken, names

    if not router.allow_migrate_model(using, AccessToken):
        return
    if AccessToken._meta.db_table in connections[using].introspection.table_names():
        query.store(using)
        # `flush` sends no apps and leaves no rows. `migrate` sends those of the moment: it may have
        # gone back to before the column.
        if apps and _has_field(tokens := apps.get_model("apikeys", "AccessToken"), "name_key"):
            names.fill(tokens._base_manager.using(using), "name_key")


def _has_field(model: Any, name: str) -> bool:
    return any(field.name == name for field in model._meta.fields)
