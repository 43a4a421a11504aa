"""How one API speaks: carriers, prefixes, key shape, scopes, errors, headers, file of secrets.

A workspace belongs to one dialect and its tokens work on views of that dialect only. Subclass
``Dialect``, name the class in ``APIKEYS["DIALECTS"]`` and name the dialect on an authentication
class. Knows values only: no models, no requests, no DRF.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any, ClassVar, Final, Literal, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from apikeys import conf
from apikeys.credentials.carriers import Basic, Bearer, Carrier, Header, by_header, header_name
from apikeys.credentials.keys import BASE62, HEX, KeyShape, api_key
from apikeys.languages import status_phrase
from apikeys.limits import Window
from apikeys.restrictions import Restriction
from apikeys.scopes import MANAGE, expand, validate_name

__all__ = [
    "BASE62",
    "BY_PAGE",
    "HEX",
    "JSON",
    "PROBLEM_JSON",
    "Basic",
    "Bearer",
    "Carrier",
    "DefaultDialect",
    "Dialect",
    "EnvNames",
    "Header",
    "KeyShape",
    "Problem",
    "all_dialects",
    "get",
]

PROBLEM_JSON: Final = "application/problem+json"
JSON: Final = "application/json"
BY_PAGE: Final = ("Origin", "Sec-Fetch-Site")
"""The headers by which a browser says whose page sends a request."""
# Of RFC 9110, section 15.5; Python has these words since 3.13.
_OF_RFC_9110: Final = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus} | _OF_RFC_9110


@dataclass(slots=True, kw_only=True)
class Problem:
    """One error, before a dialect puts it into its own words.

    Attributes:
        status: the HTTP status.
        code: the library's stable machine code, such as ``scope.insufficient``.
        detail: a sentence that says what is wrong and what to do.
        fields: field name to message, for errors in the input.
        extra: further members, such as ``required_scope`` or ``retry_after`` (seconds).
        allowed: the methods that the endpoint answers to, for a 405.
        asked_host: returns the host that the request names, "" when unknown; see ``host``.
    """

    status: int
    code: str
    detail: str
    fields: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    asked_host: Callable[[], str] = str
    allowed: Sequence[str] = ()

    @property
    def title(self) -> str:
        """The standard phrase of the status in our language, ``Error`` where it has none."""
        return status_phrase(self.phrase)

    @property
    def phrase(self) -> str:
        """The same in English, for a dialect whose words are never translated."""
        return _PHRASES.get(self.status, "Error")

    @property
    def host(self) -> str:
        """The host that the request names, for addresses in the words; "" when unknown."""
        return self.asked_host()


class EnvNames(NamedTuple):
    """Variable names of the ``.env`` file; an empty name leaves the line out."""

    token_id: str = "ACCESS_TOKEN_ID"  # noqa: S105
    secret: str = "ACCESS_TOKEN_SECRET"  # noqa: S105
    api_key: str = "API_KEY"


class Dialect:
    """The base of all dialects, and what each of them may say for itself.

    Attributes:
        name: the key in ``APIKEYS["DIALECTS"]``; set when the dialect is loaded.
        title: how people call this API.
        realm: the realm of its challenges.
        carriers: how a credential may travel, the preferred one first.
        prefixes: workspace environment to key prefix; the first entry serves every environment
            not listed. An empty prefix leaves no leading underscore.
        earlier_prefixes: prefixes of keys issued before a change; they keep working.
        key_shape: the shape of new tokens.
        earlier_key_shapes: shapes of tokens issued before a change; they keep working.
        scopes: scope name to description, which may be lazy; a closed set. Wildcards can be
            granted when listed.
        implies: scope name to the names it covers besides itself.
        read_scopes: what the preset "Read-only" grants; by default all ``…:read`` scopes.
        env_names: the variables of the ``.env`` file.
        first_party_origins: origins whose pages may call this API, exact.
        foreign_origins: ``"refuse"`` a proven key that a foreign browser page sends.
        self_service: members may make personal tokens through this dialect's own key API.
        validation_status: 400 or 422 for input that parses and breaks a rule.
        restrictions: the API's own rules of when and from where a key may be used, asked after the
            library's; see ``restrictions``.
        example_path: a path that answers a GET, for the snippets, counted from where the project's
            URLs begin; a whole address, where the API is not of this project. "" is what a token is
            told about itself by the management API.
    """

    name: str = ""
    title: ClassVar[str] = "API"
    realm: ClassVar[str] = "api"
    carriers: ClassVar[tuple[Carrier, ...]] = (Header("X-API-Key"), Bearer(), Basic())
    prefixes: ClassVar[Mapping[str, str]] = {"development": "ak_dev", "production": "ak_prod"}
    earlier_prefixes: ClassVar[frozenset[str]] = frozenset()
    key_shape: ClassVar[KeyShape] = KeyShape()
    earlier_key_shapes: ClassVar[tuple[KeyShape, ...]] = ()
    scopes: Mapping[str, str | Promise] = {}
    implies: ClassVar[Mapping[str, frozenset[str]]] = {}
    read_scopes: Sequence[str] | None = None
    env_names: ClassVar[EnvNames] = EnvNames()
    first_party_origins: frozenset[str] = frozenset()
    foreign_origins: ClassVar[Literal["refuse", "allow"]] = "allow"
    self_service: ClassVar[bool] = False
    validation_status: ClassVar[int] = 400
    restrictions: ClassVar[Sequence[Restriction]] = ()
    example_path: ClassVar[str] = ""

    @cached_property
    def carriers_by_header(self) -> Mapping[str, Mapping[str, Carrier]]:
        """The carriers by the header they read, and by its scheme."""
        return by_header(self.carriers)

    @cached_property
    def vary(self) -> tuple[str, ...]:
        """The headers on which its answers depend: all that can bring a credential, each once.

        With them those by which pages of strangers are known, where it refuses these.
        """
        names = (_own_spelling(carrier) for carrier in self.carriers)
        return tuple(
            dict.fromkeys((*names, *(BY_PAGE if self.foreign_origins == "refuse" else ())))
        )

    @cached_property
    def key_headers(self) -> tuple[str, ...]:
        """The headers that can bring a key, with the word before it: ``Authorization: Bearer``."""
        return tuple(dict.fromkeys(_travels_in(carrier) for carrier in self.carriers))

    @cached_property
    def available_scopes(self) -> frozenset[str]:
        """Every scope a token of this dialect can hold."""
        return frozenset(self.scopes) | {MANAGE}

    @cached_property
    def accepted_prefixes(self) -> frozenset[str]:
        """Every prefix that a key of this dialect may carry."""
        return frozenset(self.prefixes.values()) | self.earlier_prefixes

    @cached_property
    def accepted_key_shapes(self) -> tuple[KeyShape, ...]:
        """Every shape that a token of this dialect may have, the present one first."""
        return (self.key_shape, *self.earlier_key_shapes)

    def prefix(self, environment: str) -> str:
        """Return the prefix of new keys of a workspace of that environment."""
        prefixes = self.prefixes
        return prefixes.get(environment, next(iter(prefixes.values())))

    def accepts_prefix(self, prefix: str | None, environment: str) -> bool:
        """Whether a key of that environment may carry the prefix (None: it has none)."""
        return (
            prefix is None or prefix == self.prefix(environment) or prefix in self.earlier_prefixes
        )

    def api_key(self, environment: str, token_id: str, secret: str) -> str:
        """Return the one-string form of a token of a workspace of that environment."""
        return api_key(self.prefix(environment), token_id, secret)

    def held_scopes(self, granted: Sequence[str]) -> frozenset[str]:
        """Return every scope that the granted ones cover."""
        return expand(tuple(granted), self.available_scopes, self.implies)

    def challenges(self, *, browser: bool) -> list[str]:
        """Return the values of ``WWW-Authenticate`` for a 401.

        Args:
            browser: the request comes from a browser, where ``Basic`` would open a password box.
        """
        carriers = [c for c in self.carriers if not (browser and isinstance(c, Basic))]
        return [c.challenge(self.realm) for c in carriers] or [f'ApiKey realm="{self.realm}"']

    @cached_property
    def www_authenticate(self) -> Mapping[bool, str]:
        """The value of ``WWW-Authenticate`` of a 401, by whether a browser asks."""
        return {browser: ", ".join(self.challenges(browser=browser)) for browser in (True, False)}

    def render(self, problem: Problem) -> tuple[Any, str]:
        """Return the body of an error, ready for JSON, and its content type (RFC 9457)."""
        body: dict[str, Any] = {
            "title": problem.title,
            "status": problem.status,
            "error": problem.code,
            "detail": problem.detail,
        }
        if problem.fields:
            body["fields"] = dict(problem.fields)
        return {**body, **problem.extra}, PROBLEM_JSON

    def limit_headers(self, windows: Sequence[Window]) -> dict[str, str]:
        """Return the headers that tell the limits (draft-ietf-httpapi-ratelimit-headers).

        Args:
            windows: the state of each limit the request was counted on.
        """
        now = time.time()

        def seconds_left(window: Window) -> int:
            # Within the window also if the clock has stepped since the verdict.
            return min(max(0, math.ceil(window.reset_at - now)), window.limit.seconds)

        return {
            "RateLimit-Policy": ", ".join(
                f'"{w.limit.name}";q={w.limit.amount};w={w.limit.seconds}' for w in windows
            ),
            "RateLimit": ", ".join(
                f'"{w.limit.name}";r={w.remaining};t={seconds_left(w)}' for w in windows
            ),
        }

    def env_file(self, *, token_id: str, secret: str, key: str) -> str:
        """Return the ``.env`` file: this dialect's variables and nothing a user has typed."""
        names = self.env_names
        lines = ((names.token_id, token_id), (names.secret, secret), (names.api_key, key))
        return "".join(f"{name}={value}\n" for name, value in lines if name)


class DefaultDialect(Dialect):
    """The library's own dialect; its scopes are ``APIKEYS["SCOPES"]``."""

    title = "Your own API"

    def __init__(self) -> None:
        self.scopes = conf.get().scopes


def _travels_in(carrier: Carrier) -> str:
    if not carrier.scheme:
        return _own_spelling(carrier)
    known = carrier.label.lower() == carrier.scheme
    return f"{_own_spelling(carrier)}: {carrier.label if known else carrier.scheme}"


def _own_spelling(carrier: Carrier) -> str:
    own = carrier.label.upper().replace("-", "_")
    if carrier.meta_key == f"HTTP_{own}":
        return carrier.label  # in the dialect's own spelling
    return header_name(carrier.meta_key)


_loaded: tuple[conf.Settings, dict[str, Dialect]] | None = None


def get(name: str) -> Dialect:
    """Return the dialect of that name.

    Raises:
        ImproperlyConfigured: no such dialect, or its class can't be used.
    """
    try:
        return all_dialects()[name]
    except KeyError:
        raise ImproperlyConfigured(f"APIKEYS['DIALECTS'] has no dialect {name!r}.") from None


def all_dialects() -> Mapping[str, Dialect]:
    """Return every configured dialect by name."""
    global _loaded
    settings = conf.get()
    if _loaded is None or _loaded[0] is not settings:
        _loaded = (settings, {name: _load(name, path) for name, path in settings.dialects.items()})
    return _loaded[1]


def _load(name: str, path: str) -> Dialect:
    try:
        cls = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(f"APIKEYS['DIALECTS'][{name!r}]: {error}") from error
    if not (isinstance(cls, type) and issubclass(cls, Dialect)):
        raise ImproperlyConfigured(f"APIKEYS['DIALECTS'][{name!r}]: {path} is not a Dialect.")
    dialect: Dialect = cls()
    dialect.name = name
    for scope in dialect.scopes:
        try:
            validate_name(scope)
        except ValueError as error:
            raise ImproperlyConfigured(f"Scopes of dialect {name!r}: {error}") from None
    return dialect
