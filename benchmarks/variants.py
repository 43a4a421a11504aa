"""What is measured against what: each way to authenticate, and the credentials it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.names import API_KEY, DJANGO_VIEW, FLOOR, FLOOR_401, KNOX, STATELESS

ACCEPTED, UNKNOWN, WRONG, MALFORMED = "accepted", "unknown", "wrong", "malformed"


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to authenticate.

    Attributes:
        name: how tables call it.
        path: the view.
        system: whose keys it is sent.
        scheme: what stands before the key in the header ``Authorization``.
        options: what its ``APIKEYS`` says beyond the defaults.
        handler: the middleware it runs through, a key of ``MIDDLEWARES``.
        rejects: the kinds of bad keys it is sent.
        needs: ``"postgresql"``, ``"redis"`` or nothing.
        status: what it answers a good key.
    """

    name: str
    path: str
    system: str = "ours"
    scheme: str = "Bearer"
    options: Mapping[str, Any] = field(default_factory=dict)
    handler: str = "bare"
    rejects: tuple[str, ...] = ()
    needs: str = ""
    status: int = 200

    @property
    def is_ours(self) -> bool:
        """Whether it is this library."""
        return self.name.startswith("apikeys")


_ALL = (UNKNOWN, WRONG, MALFORMED)

VARIANTS = (
    Variant(FLOOR, "/floor"),
    Variant("constant authentication", "/constant"),
    Variant(FLOOR_401, "/refusing", status=401),
    Variant("apikeys", "/ours", rejects=_ALL),
    Variant("apikeys, rows not met before", "/ours-new"),
    Variant("apikeys, PREPARE", "/ours", options={"PREPARE": True}, needs="postgresql"),
    Variant("apikeys, Argon2", "/ours", system="ours-argon2", options={"TOKEN_HASHER": "argon2"}),
    Variant("apikeys, CACHE host", "/ours", options={"CACHE": "host"}, rejects=_ALL),
    Variant(DJANGO_VIEW, "/django"),
    Variant(f"{DJANGO_VIEW}, CACHE host", "/django", options={"CACHE": "host"}),
    Variant("apikeys, CACHE redis", "/ours", options={"CACHE": "redis"}, needs="redis"),
    Variant("apikeys, all of it", "/pipeline", "ours-listed", handler="recording"),
    Variant(
        "apikeys, PREPARE, all of it",
        "/pipeline",
        "ours-listed",
        options={"PREPARE": True},
        handler="recording",
        needs="postgresql",
    ),
    Variant(
        "DRF TokenAuthentication", "/drf-token", "drf-token", "Token", rejects=(UNKNOWN, MALFORMED)
    ),
    Variant(API_KEY, "/drf-api-key", "drf-api-key", "Api-Key", rejects=_ALL),
    Variant(KNOX, "/knox", "knox", "Token", rejects=_ALL),
    Variant(
        "django-oauth-toolkit", "/oauth-toolkit", "oauth-toolkit", rejects=(UNKNOWN, MALFORMED)
    ),
    Variant("simplejwt, user", "/jwt-user", "jwt"),
    Variant(STATELESS, "/jwt-stateless", "jwt", rejects=(WRONG, MALFORMED)),
)
BY_NAME = {variant.name: variant for variant in VARIANTS}


def spoil(key: str, system: str, kind: str) -> str:
    """Return a key that is bad in that way: well formed and unknown, or of a known token with a
    wrong secret, or no key at all."""
    if kind == MALFORMED:
        return key[: len(key) // 2] + "!" + key[len(key) // 2 + 1 :]
    if system == "ours":
        return _spoil_ours(key, kind)
    flipped: Callable[[str], str] = lambda text: text[:-1] + ("a" if text[-1] != "a" else "b")  # noqa: E731
    if kind == UNKNOWN:
        return "0" * 8 + key[8:] if system != "oauth-toolkit" else "unknown-" + key
    return key[:-2] + flipped(key[-2:-1]) + key[-1]


def _spoil_ours(key: str, kind: str) -> str:
    from apikeys.credentials.keys import KeyShape

    prefix, token_id, _ = key.rsplit("_", 2)
    shape = KeyShape()
    if kind == UNKNOWN:
        token_id = shape.new_id()
    return f"{prefix}_{token_id}_{shape.new_secret(token_id)}"
