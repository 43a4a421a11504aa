"""The values of ``APIKEYS``, each checked and put into the form in which it is used.

Knows no setting but its own, and one thing of Django's: that no pepper may be ``SECRET_KEY``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise

MINIMUM_PEPPER_LENGTH: Final = 32
LONGEST_SECONDS: Final = 100 * 366 * 86_400
# No query, no fragment, and nothing that would need quotes in a shell.
_ADDRESS: Final = re.compile(r"[A-Za-z0-9:/._~%\[\]-]+")


class UnixSocket:
    """Stands among the trusted proxies for whoever connects through a Unix socket.

    It has no address, so it holds none.
    """

    def __contains__(self, address: object) -> bool:
        return False

    def __repr__(self) -> str:
        return '"unix"'


UNIX: Final = UnixSocket()
TrustedProxy = IPv4Network | IPv6Network | UnixSocket

DEFAULT_LIMITS: Final[Mapping[str, str]] = {
    "failed_credentials": "60/minute",
    "log_in": "10/minute",
    "log_in_account": "5/hour",
}
DEFAULT_RETENTION: Final[Mapping[str, int]] = {
    "usage_hours": 35,
    "usage_days": 730,
    "refusals": 35,
    "audit": 730,
}


def _mapping_of_strings(where: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(
        isinstance(k, str) and isinstance(v, str) for k, v in value.items()
    ):
        raise ImproperlyConfigured(f"{where} must map strings to strings.")
    return dict(value)


def _scopes(where: str, value: object) -> dict[str, str | Promise]:
    """Take lazy descriptions as they are: the language is that of whoever reads them."""
    if not isinstance(value, Mapping) or not all(
        isinstance(k, str) and isinstance(v, (str, Promise)) for k, v in value.items()
    ):
        raise ImproperlyConfigured(f"{where} must map strings to strings, which may be lazy.")
    return dict(value)


def _dialects(where: str, value: object) -> dict[str, str]:
    names = _mapping_of_strings(where, value)
    return {"default": "apikeys.dialects.DefaultDialect", **names}


def _peppers(where: str, value: object) -> dict[int, str]:
    if not isinstance(value, Mapping):
        raise ImproperlyConfigured(f"{where} must map version numbers to peppers.")
    peppers: dict[int, str] = {}
    for version, pepper in value.items():
        if isinstance(version, bool) or not isinstance(version, int) or version < 1:
            raise ImproperlyConfigured(f"{where}: versions are whole numbers from 1.")
        if not isinstance(pepper, str) or len(pepper) < MINIMUM_PEPPER_LENGTH:
            raise ImproperlyConfigured(
                f"{where}[{version}] must be a string of at least {MINIMUM_PEPPER_LENGTH} "
                "characters."
            )
        if pepper == django_settings.SECRET_KEY:
            raise ImproperlyConfigured(
                f"{where}[{version}] must not be SECRET_KEY: rotating that would kill all tokens."
            )
        peppers[version] = pepper
    return dict(sorted(peppers.items()))


def _one_of(*allowed: object) -> Any:
    def convert(where: str, value: object) -> object:
        if value not in allowed:
            raise ImproperlyConfigured(f"{where} must be one of {', '.join(map(repr, allowed))}.")
        return value

    return convert


def _proxies(where: str, value: object) -> tuple[TrustedProxy, ...]:
    if isinstance(value, str) or not isinstance(value, (list, tuple, set, frozenset)):
        raise ImproperlyConfigured(f'{where} must be a list, such as ["10.0.0.0/8"] or ["unix"].')
    return tuple(UNIX if text == "unix" else _network(where, text) for text in value)


def _network(where: str, text: object) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(str(text))
    except ValueError as error:
        hint = ' Write "unix" for Unix sockets.' if str(text).startswith(("unix", "/")) else ""
        raise ImproperlyConfigured(f"{where}: {error}.{hint}") from None
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        raise ImproperlyConfigured(f"{where}: write {text} as an IPv4 network.")
    if network.prefixlen == 0:
        raise ImproperlyConfigured(f"{where}: {text} would believe headers from anybody.")
    return network


def _urlconfs(where: str, value: object) -> dict[str, str]:
    return {
        urlconf: _address(f"{where}[{urlconf!r}]", address)
        for urlconf, address in _mapping_of_strings(where, value).items()
    }


def _address(where: str, text: str) -> str:
    try:
        parts = urlsplit(text)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    plain = _ADDRESS.fullmatch(text) is not None and "@" not in text
    if text and not (named and plain):
        raise ImproperlyConfigured(
            f"{where} must be an address such as 'https://api.example.org', "
            "or '' for the host that is asked."
        )
    return text.rstrip("/")


def _boolean(where: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ImproperlyConfigured(f"{where} must be True or False.")
    return value


def _string(where: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ImproperlyConfigured(f"{where} must be a string.")
    return value


def _dotted_path(where: str, value: object) -> str:
    if not isinstance(value, str) or not all(map(str.isidentifier, value.split("."))):
        raise ImproperlyConfigured(f"{where} must be a dotted path.")
    if "." not in value:
        raise ImproperlyConfigured(f"{where} must be a dotted path, such as mysite.users.{value}.")
    return value


def _seconds(where: str, value: object) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not 0 < value <= LONGEST_SECONDS
    ):
        raise ImproperlyConfigured(f"{where} must be a positive number of seconds.")
    return float(value)


def _duration(where: str, value: object) -> timedelta:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    return timedelta(seconds=_seconds(f"{where} (a timedelta, or seconds)", seconds))


def _optional(convert: Callable[[str, object], Any]) -> Any:
    return lambda where, value: None if value is None else convert(where, value)


def _is_rate(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_days(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _over_defaults(
    defaults: Mapping[str, Any], accepts: Callable[[object], bool], words: str
) -> Any:
    def convert(where: str, value: object) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ImproperlyConfigured(f"{where} must be a dictionary.")
        for key, item in value.items():
            if key not in defaults:
                raise ImproperlyConfigured(
                    f"{where}[{key!r}] is unknown; known are {', '.join(defaults)}."
                )
            if not accepts(item):
                raise ImproperlyConfigured(f"{where}[{key!r}] must be {words}.")
        return {**defaults, **value}

    return convert


CONVERTERS: Final[Mapping[str, Any]] = {
    "scopes": _scopes,
    "dialects": _dialects,
    "peppers": _peppers,
    "token_hasher": _one_of("hmac", "argon2"),
    "trusted_proxies": _proxies,
    "require_https": _boolean,
    "limits": _over_defaults(DEFAULT_LIMITS, _is_rate, 'a rate such as "60/minute"'),
    "limits_storage": _string,
    "flush_seconds": _seconds,
    "retention": _over_defaults(DEFAULT_RETENTION, _is_days, "a number of days from 1"),
    "max_lifetime": _optional(_duration),
    "reauthenticate_after": _duration,
    "reauthenticate_url": _optional(_string),
    "reauthenticated_at": _optional(_dotted_path),
    "confirm_revoke": _one_of("production", "always", "never"),
    "cache": _one_of(None, "host", "redis"),
    "prepare": _boolean,
    "automation_user": _dotted_path,
    "urlconfs": _urlconfs,
}
"""What reads the value of each setting, by its attribute of ``Settings``."""
