"""The app's entry for Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DashboardConfig(AppConfig):
    """Configuration of the pages, whichever of their two names they were imported by."""

    name = __name__.rpartition(".")[0]
    # Not the last part of the name: many a project has an app `dashboard` of its own.
    label = "apikeys_dashboard"
    verbose_name = _("Access tokens dashboard")
