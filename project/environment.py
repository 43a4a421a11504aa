"""Variables of the environment as values that settings can use.

What can't be used is an error of one line that names the variable and says what to write. It never
repeats what may hold a password. Knows how values are written, not what they are for.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import django
import environ
from django.core.exceptions import ImproperlyConfigured

from apikeys.networks import normalise_origin

_SWITCHES: Final = {"on": True, "1": True, "true": True, "yes": True} | dict.fromkeys(
    ("off", "0", "false", "no"), False
)


def load(file: Path) -> None:
    """Read a file of variables, where there is one; those that are set already win."""
    if file.is_file():
        environ.Env.read_env(file)


def text(name: str, default: str = "") -> str:
    """Return a text; an empty one is the default."""
    return os.environ.get(name, "").strip() or default


def switch(name: str, *, default: bool) -> bool:
    """Return an on/off variable; a typo must not turn a guard off."""
    value = text(name).lower()
    if value and value not in _SWITCHES:
        raise ImproperlyConfigured(f"{name} must be on or off, not {value!r}.")
    return _SWITCHES.get(value, default)


def number(name: str, *, default: float) -> float:
    """Return a number."""
    value = text(name, str(default))
    try:
        return float(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}.") from None


def log_level(name: str) -> str:
    """Return the name of a level of Python's logging; INFO when not given."""
    value = text(name, "INFO").upper()
    levels = logging.getLevelNamesMapping()
    if value not in levels:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(levels)}, not {value!r}.")
    return value


def texts(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Return the parts of a list, which commas separate."""
    parts = [part.strip() for part in text(name).split(",")]
    return [part for part in parts if part] or list(default)


def prefix(name: str) -> str | None:
    """Return a path such as `/app`; None when not given."""
    value = text(name)
    if value and not re.fullmatch(r"(?:/[A-Za-z0-9._~-]+)+", value):
        raise ImproperlyConfigured(
            f"{name} must be a path such as /app: a slash before each part, none at the end."
        )
    return value or None


def origins(name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return a list of web origins as browsers spell them; a default that is none is left out."""
    for part in texts(name):
        if normalise_origin(part) is None:
            raise ImproperlyConfigured(f"{name}: {part!r} is no origin, scheme://host[:port].")
    return tuple(filter(None, map(normalise_origin, texts(name, default))))


def peppers(name: str) -> dict[int, str]:
    """Return `1:value,2:value` by version."""
    found: dict[int, str] = {}
    for part in texts(name):
        version, colon, value = part.partition(":")
        if not (colon and version.isascii() and version.isdigit()):
            raise ImproperlyConfigured(f"{name} must read VERSION:VALUE, separated by commas.")
        if int(version) in found:
            raise ImproperlyConfigured(f"{name} names version {int(version)} twice.")
        found[int(version)] = value
    return found


def redis(name: str, default: str) -> str:
    """Return the address of a Redis."""
    url = text(name)
    if url:
        _require_scheme(name, url, "redis://", "rediss://", "unix://", "redis+unix://")
        _parsed(name, url, lambda url: urlsplit(url).port)
    return url or default


def database(name: str, default: str, *, folder: Path, deadline: float) -> dict[str, Any]:
    """Return an entry of `DATABASES`; a relative SQLite file lies in the folder.

    `deadline`: seconds until a server that hangs is given up.
    """
    url = text(name, default)
    if url != "sqlite://:memory:":
        _require_scheme(name, url, "sqlite:///", "postgres://", "postgresql://")
    config: dict[str, Any] = _parsed(name, url, environ.Env.db_url_config)
    if url.startswith("sqlite"):
        if config["NAME"] != ":memory:":
            config["NAME"] = str(folder / config["NAME"])
        config["OPTIONS"] = {
            # Without these, writers at the same time fail instead of waiting for each other.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
        return config
    # A fresh connection costs 3 ms, a kept one nothing; a dead one is noticed before its use.
    config["CONN_MAX_AGE"] = 60
    config["CONN_HEALTH_CHECKS"] = True
    config["ENGINE"] = "apikeys.postgresql"
    config["OPTIONS"] = {
        "deadline": deadline,
        "statement_timeout": 10,
        # For packets that are lost, which the system notices: this is in milliseconds.
        "tcp_user_timeout": round(deadline * 1000),
        **config.get("OPTIONS", {}),
    }
    return config


def mail(name: str) -> dict[str, Any]:
    """Return the settings of `smtp+tls://user:password@host:587`; nothing means the console."""
    url = text(name, "consolemail://")
    _require_scheme(name, url, *(f"{scheme}://" for scheme in environ.Env.EMAIL_SCHEMES))
    config: dict[str, Any] = _parsed(name, url, environ.Env.email_url_config)
    if django.VERSION < (6, 1):
        return {name: value for name, value in config.items() if value is not None}
    # Named anew in Django 6.1, which warns of the settings of old.
    options = {
        "EMAIL_HOST": "host",
        "EMAIL_PORT": "port",
        "EMAIL_HOST_USER": "username",
        "EMAIL_HOST_PASSWORD": "password",
        "EMAIL_USE_TLS": "use_tls",
        "EMAIL_USE_SSL": "use_ssl",
    }
    given = {new: config[old] for old, new in options.items() if config.get(old)}
    return {"MAILERS": {"default": {"BACKEND": config["EMAIL_BACKEND"], "OPTIONS": given}}}


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _require_scheme(name: str, url: str, *schemes: str) -> None:
    # Before anything parses it: what the libraries say of an unknown scheme repeats the password.
    if not url.startswith(schemes):
        raise ImproperlyConfigured(f"{name} must start with {_or(schemes)}.")


def _parsed(name: str, url: str, parse: Callable[[str], Any]) -> Any:
    # A "/" in a password ends the host: the rest of the password would be taken for a port, and
    # the error would repeat it.
    try:
        return parse(url)
    except ValueError:
        raise ImproperlyConfigured(
            f"{name} can't be read: write special characters of a password as %XX, the port as a"
            " number."
        ) from None


def _or(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
