"""The app's entry for Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DashboardConfig(AppConfig):
    """Configuration of the app ``dashboard``."""

    name = "dashboard"
    verbose_name = _("Access tokens dashboard")
