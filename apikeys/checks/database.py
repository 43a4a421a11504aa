"""What the database itself knows; ``manage.py check --database default``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections, router

from apikeys import conf
from apikeys.checks.types import Apps
from apikeys.credentials import digests
from apikeys.models import AccessToken


@register(Tags.database)
def check_peppers(
    app_configs: Apps, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Every pepper that the digest of a token needs, which has not ended, is configured."""
    using = router.db_for_write(AccessToken)
    if using not in (databases or ()):
        return []
    try:
        if AccessToken._meta.db_table not in connections[using].introspection.table_names():
            return []
        known = conf.get().peppers
        # The tokens' own columns alone: whoever is gone or suspended costs no join here.
        stored = AccessToken.objects.current().values_list("digest", flat=True)
        signed = stored.filter(digest__startswith="hmac-sha256$")
        for version in known:
            signed = signed.exclude(digest__startswith=f"hmac-sha256${version}$")
        first = signed.first()
    except (DatabaseError, ImproperlyConfigured):
        return []
    if first is None:
        return []
    missing = digests.pepper_version(first)
    text = f"Tokens that have not ended need pepper {missing}, which is not in APIKEYS['PEPPERS']."
    hint = "Put it back: without it these tokens are refused."
    return [Error(text, hint, id="apikeys.E040")]
