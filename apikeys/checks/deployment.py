"""What is fine on a laptop and not in production; ``manage.py check --deploy``."""

from __future__ import annotations

from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from apikeys import conf
from apikeys.checks.pages import LABEL
from apikeys.checks.types import Apps
from apikeys.checks.wiring import has_middleware
from apikeys.middleware import TrustedProxyMiddleware

PROXIES: Final = "apikeys.middleware.TrustedProxyMiddleware"

# How the README's begins.
_EXAMPLE: Final = "replace-me"


@register(Tags.security, deploy=True)
def check_deployment(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """What is fine on a laptop and not in production."""
    try:
        current = conf.get()
    except ImproperlyConfigured:
        return []
    found: list[CheckMessage] = []
    if not current.peppers:
        hint = 'APIKEYS["PEPPERS"] = {1: "<32 random characters or more>"}'
        found.append(Warning("Digests have no pepper.", hint, id="apikeys.W030"))
    if any(pepper.startswith(_EXAMPLE) for pepper in current.peppers.values()):
        hint = 'python -c "import secrets; print(secrets.token_hex(32))" prints one of your own.'
        text = "A pepper is the example of the documentation, which everybody knows."
        found.append(Warning(text, hint, id="apikeys.W034"))
    if current.limits_storage.startswith("memory"):
        hint = 'APIKEYS["LIMITS_STORAGE"] = "redis://…" counts across processes.'
        found.append(Warning("Limits are counted per process.", hint, id="apikeys.W031"))
    if not current.require_https:
        text = "Keys are accepted over plain HTTP."
        asked = "REQUIRE_HTTPS" in getattr(settings, "APIKEYS", {})
        hint = 'Leave out APIKEYS["REQUIRE_HTTPS"].' if asked else "Set DEBUG = False."
        found.append(Warning(text, hint, id="apikeys.W032"))
    if current.trusted_proxies and not _django_knows_of_proxies():
        text = "Behind a proxy that ends TLS, Django takes the pages' forms for foreign: 403."
        hint = f'MIDDLEWARE = ["{PROXIES}", …], first of all; see docs/servers.md.'
        found.append(Warning(text, hint, id="apikeys.W033"))
    return found


def _django_knows_of_proxies() -> bool:
    """Whether Django can learn of their TLS, or has no pages of ours to show."""
    if not any(app.label == LABEL for app in apps.get_app_configs()):
        return True
    return bool(settings.SECURE_PROXY_SSL_HEADER) or has_middleware(TrustedProxyMiddleware)
