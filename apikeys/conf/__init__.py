"""The ``APIKEYS`` setting as one typed, validated object.

Read when used, so ``override_settings`` works; parsed again only when the setting is another
object than last time. Knows no model, no dialect class and no request.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any, Final

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise

from apikeys.conf.converters import (
    CONVERTERS,
    DEFAULT_LIMITS,
    DEFAULT_RETENTION,
    UNIX,
    TrustedProxy,
    UnixSocket,
)

__all__ = ["UNIX", "Settings", "TrustedProxy", "UnixSocket", "get"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What ``APIKEYS`` says, checked. One attribute per key, in lower case.

    Attributes:
        scopes: scope name to description, which may be lazy; the closed set of the default
            dialect.
        dialects: dialect name to the dotted path of its class.
        peppers: version to pepper; the highest version signs, all verify.
        token_hasher: ``"hmac"`` or ``"argon2"``.
        trusted_proxies: networks whose ``X-Forwarded-*`` headers are believed, and ``UNIX`` for
            peers of a Unix socket.
        require_https: refuse keys over plain HTTP; ``not DEBUG`` when not given.
        limits: rates of the library's own limits, such as failed credentials.
        limits_storage: URI for the ``limits`` library, ``memory://`` or ``redis://…``.
        flush_seconds: seconds between two writes of the usage buffer.
        retention: days to keep each kind of activity.
        max_lifetime: longest life of a new token, or None.
        reauthenticate_after: age of the last password check that sensitive acts accept.
        reauthenticate_url: a page of the host's own that confirms people, or its URL's name.
        reauthenticated_at: dotted path of what tells when the host has last confirmed a person.
        confirm_revoke: where the name must be typed: production, always, never.
        cache: None, ``"host"`` or ``"redis"``.
        prepare: send a prepared statement on PostgreSQL, and don't call the stored function.
        automation_user: dotted path of what makes ``request.user`` of an automation token.
        urlconfs: dotted path of each URLconf to the address at which it begins, without a slash at
            the end; "" for whichever host is asked.
    """

    scopes: Mapping[str, str | Promise] = field(default_factory=dict)
    dialects: Mapping[str, str] = field(
        default_factory=lambda: {"default": "apikeys.dialects.DefaultDialect"}
    )
    peppers: Mapping[int, str] = field(default_factory=dict, repr=False)
    token_hasher: str = "hmac"  # noqa: S105
    trusted_proxies: tuple[TrustedProxy, ...] = ()
    require_https: bool = True
    limits: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_LIMITS))
    limits_storage: str = field(default="memory://", repr=False)
    flush_seconds: float = 10.0
    retention: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_RETENTION))
    max_lifetime: timedelta | None = None
    reauthenticate_after: timedelta = timedelta(minutes=15)
    reauthenticate_url: str | None = None
    reauthenticated_at: str | None = None
    confirm_revoke: str = "production"
    cache: str | None = None
    prepare: bool = False
    automation_user: str = "apikeys.principals.token"
    urlconfs: Mapping[str, str] = field(default_factory=dict)


_NAMES: Final = {f.name.upper(): f.name for f in fields(Settings)}
_parsed: tuple[object, bool, Settings] | None = None
# LazySettings caches each setting in its instance dictionary. Reading it there is ten times faster
# than attribute access, and a request does it several times.
_read_before: Final = vars(django_settings)


def get() -> Settings:
    """Return the settings now in force.

    Raises:
        ImproperlyConfigured: a key is unknown or a value can't be used; says which and why.
    """
    global _parsed
    try:
        raw, debug = _read_before["APIKEYS"], _read_before["DEBUG"]
    except KeyError:
        raw, debug = getattr(django_settings, "APIKEYS", None), django_settings.DEBUG
    if _parsed is None or _parsed[0] is not raw or _parsed[1] is not debug:
        _parsed = (raw, debug, _parse(raw, debug=debug))
    return _parsed[2]


def _parse(raw: object, *, debug: bool) -> Settings:
    if raw is None:
        raw = {}
    if not isinstance(raw, Mapping):
        raise ImproperlyConfigured("APIKEYS must be a dictionary.")
    for key in raw:
        if key not in _NAMES:
            close = difflib.get_close_matches(str(key), _NAMES, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ImproperlyConfigured(f"APIKEYS[{key!r}] is not a setting.{hint}")
    values: dict[str, Any] = {"require_https": not debug}
    for key, value in raw.items():
        name = _NAMES[key]
        values[name] = CONVERTERS[name](f"APIKEYS[{key!r}]", value)
    settings = Settings(**values)
    if settings.cache == "redis" and settings.limits_storage.startswith("memory"):
        raise ImproperlyConfigured(
            "APIKEYS['CACHE'] = 'redis' keeps its epoch in the Redis of APIKEYS['LIMITS_STORAGE']."
        )
    return settings
