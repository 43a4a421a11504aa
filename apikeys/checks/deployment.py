"""What is fine on a laptop and not in production; ``manage.py check --deploy``."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from apikeys import conf
from apikeys.checks.types import Apps

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
    return found
