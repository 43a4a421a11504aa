"""What the host's user model says about people."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from apikeys import conf
from apikeys.checks.types import Apps
from apikeys.models import people
from apikeys.services import service_accounts

SERVICE_ACCOUNT: Final = "apikeys.principals.service_account"


@register()
def check_activity(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Queries know which people are active."""
    if people.is_known_to_queries():
        return []
    return [
        Warning(
            "The user model works out is_active in Python, which no query can ask.",
            "Requests and single tokens ask it all the same; filters and counts of tokens take "
            "every owner for active. Store it in a column to have them agree.",
            id="apikeys.W046",
        )
    ]


@register()
def check_service_accounts(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """The user model takes the rows that stand for workspaces, where the site wants such."""
    try:
        path = conf.get().automation_user
    except ImproperlyConfigured:
        return []
    if path != SERVICE_ACCOUNT or not (lacking := service_accounts.problems()):
        return []
    said = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in sorted(lacking.items()))
    values = ", ".join(f"{name}=…" for name in sorted(lacking))
    return [
        Error(
            f"{get_user_model()._meta.label} takes no service account: {said}",
            'Name a function of your own as APIKEYS["AUTOMATION_USER"]: def account(token): '
            f"return apikeys.principals.service_account(token, {values})",
            id="apikeys.E080",
        )
    ]
