"""No secret in what other tools keep: names for their lists, and functions for their hooks.

For Sentry, silk, OpenTelemetry, Elastic APM, loggers of APIs and of requests, and whatever takes a
list of names or a function; docs/secrets-in-other-tools.md says which takes what. Imports none of
them and no models, so a settings module may import it::

    APIKEYS = {"DIALECTS": {...}}
    SILKY_SENSITIVE_KEYS = scrubbing.denylist(APIKEYS)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.urls import Resolver404, resolve
from django.utils import translation
from django.utils.module_loading import import_string

from apikeys import conf, dialects, pasted, urlconfs
from apikeys.credentials.carriers import header_name
from apikeys.dialects import Dialect

__all__ = [
    "before_send",
    "denylist",
    "elastic_apm_processor",
    "field_names",
    "header_names",
    "makes_no_secret",
    "scrub",
    "structlog_processor",
]

WITHHELD: Final = pasted.WITHHELD
# As the management API and our pages call them.
_FIELDS: Final = ("secret", "api_key")
# Our packages and our namespaces; a package `dashboard` may be the host's own.
_OURS: Final = frozenset({"apikeys", "apikeys_dashboard"})
_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
# What is left of a report where nobody can tell what a key looks like.
_VALUES: Final = ("request", "breadcrumbs", "extra", "contexts", "spans", "context")
_DEEPEST: Final = 50
# Blanks and quotes, as they are and percent-encoded.
_FILL: Final = r"""(?:[\s"'\\]|%2[027])*"""

_built: tuple[Mapping[str, Dialect], frozenset[str], re.Pattern[str]] | None = None


def header_names(apikeys: Mapping[str, Any] | None = None) -> list[str]:
    """Return the headers that bring keys, spelled as Django's ``request.headers`` spells them.

    Args:
        apikeys: the setting ``APIKEYS``, for a settings module; None for the one in force.

    Raises:
        ImproperlyConfigured: a dialect can't be imported.
    """
    carriers = [carrier for dialect in _dialects(apikeys) for carrier in dialect.carriers]
    keys = dict.fromkeys(carrier.meta_key for carrier in carriers)
    return list(map(header_name, keys))


def field_names(apikeys: Mapping[str, Any] | None = None) -> list[str]:
    """Return what secrets are called in JSON, forms and ``.env`` files. Arguments as above."""
    found = dict.fromkeys(_FIELDS)
    for dialect in _dialects(apikeys):
        names = dialect.env_names
        found |= dict.fromkeys(name for name in (names.secret, names.api_key) if name)
    return list(found)


def denylist(apikeys: Mapping[str, Any] | None = None) -> list[str]:
    """Return every name of a secret in lower case: headers with ``-`` and with ``_``, as WSGI has
    them (``http_x_api_key``), and fields. Arguments as above."""
    found: dict[str, None] = {}
    for name in map(str.lower, header_names(apikeys)):
        plain = name.replace("-", "_")
        found |= dict.fromkeys((name, plain, f"http_{plain}"))
    return list(found | dict.fromkeys(map(str.lower, field_names(apikeys))))


def scrub(value: Any) -> Any:
    """Return data without secrets: what stands under a name of one, and keys in any text.

    Takes the types that JSON has, tuples and bytes; anything else stays as it is. A key in a text
    is cut to its token id, whatever it is called; among the ``vars`` of a frame a secret alone is
    withheld, too.

    Args:
        value: nested data, which is not changed.
    """
    _dialects, denied, assigned = _known()
    return _Scrubber(denied, assigned).clean(value)


def before_send(event: Any, hint: Any = None) -> Any:
    """Return a report of Sentry's without secrets.

    For ``before_send``, ``before_send_transaction``, ``before_send_log`` and their like. Where what
    keys look like can't be told, since a dialect can't be imported, all values are left out.
    """
    try:
        return scrub(event)
    except Exception:
        return _without_values(event)


def elastic_apm_processor(client: Any, event: Any) -> Any:
    """Return an event of Elastic APM's without secrets: for ``ELASTIC_APM["PROCESSORS"]``."""
    return before_send(event)


def structlog_processor(logger: Any, method_name: str, event_dict: Any) -> Any:
    """Return a line of structlog's without secrets; put it before the renderer."""
    return before_send(event_dict)


def makes_no_secret(request: Any) -> bool:
    """Whether the answer to a Django request holds no new secret of ours.

    False for every change by the management API and the dashboard, in whichever URLconf and
    language they are. Looks at method and path alone, so it can be asked before any middleware. For
    ``SILKY_INTERCEPT_FUNC`` and other filters.

    Args:
        request: the Django request.
    """
    if request.method in _SAFE_METHODS:
        return True
    # A middleware inside may choose them yet.
    chosen = getattr(request, "urlconf", None)
    known = [chosen] if chosen else [place.urlconf for place in urlconfs.places()]
    for language in _languages(request):
        with translation.override(language):
            if any(_leads_to_ours(request.path_info, urlconf) for urlconf in known):
                return False
    return True


def _languages(request: Any) -> set[str]:
    of_request = translation.get_language_from_request(request, check_path=True)
    return {translation.get_language() or of_request, of_request, settings.LANGUAGE_CODE}


def _leads_to_ours(path: str, urlconf: Any) -> bool:
    try:
        match = resolve(path, urlconf)
    except (Resolver404, ImportError):
        return False
    package = getattr(match.func, "__module__", "").partition(".")[0]
    return package in _OURS or not _OURS.isdisjoint(match.app_names)


class _Scrubber:
    """Goes through nested data."""

    def __init__(self, denied: frozenset[str], assigned: re.Pattern[str]) -> None:
        self.denied = denied
        self.assigned = assigned

    def clean(self, value: Any, *, lone: bool = False, depth: int = 0) -> Any:
        if isinstance(value, str):
            return self._text(value, lone)
        if isinstance(value, (bytes, bytearray)):
            text = value.decode("latin-1")
            return (
                value
                if (shown := self._text(text, lone)) == text
                else shown.encode("latin-1", "replace")
            )
        if depth > _DEEPEST:
            return WITHHELD
        if isinstance(value, dict):
            return dict(self._items(value, lone, depth + 1))
        if isinstance(value, (list, tuple)):
            items = self._elements(value, lone, depth + 1)
            return tuple(items) if type(value) is tuple else list(items)
        return value

    def _items(self, value: dict[Any, Any], lone: bool, depth: int) -> Iterable[tuple[Any, Any]]:
        for name, item in value.items():
            if self._is_denied(name):
                yield name, item if item in (None, "") else WITHHELD
            else:
                inner = lone or name == "vars"
                yield self.clean(name, depth=depth), self.clean(item, lone=inner, depth=depth)

    def _elements(self, value: Any, lone: bool, depth: int) -> Iterable[Any]:
        if len(value) == 2 and self._is_denied(value[0]):
            return [value[0], WITHHELD]  # headers and parameters as pairs
        return [self.clean(item, lone=lone, depth=depth) for item in value]

    def _is_denied(self, name: Any) -> bool:
        if isinstance(name, bytes):
            name = name.decode("latin-1")
        # Reports quote the names of a frame's variables.
        return isinstance(name, str) and name.strip("'\"").lower() in self.denied

    def _text(self, text: str, lone: bool) -> str:
        return pasted.cut(self.assigned.sub(rf"\1{WITHHELD}", text), lone=lone).text


def _known() -> tuple[Mapping[str, Dialect], frozenset[str], re.Pattern[str]]:
    global _built
    known = dialects.all_dialects()
    if _built is None or _built[0] is not known:
        names = "|".join(sorted(map(re.escape, field_names()), key=len, reverse=True))
        # A secret in the text of JSON, of a form, of a `.env` file, of an address and of `repr`.
        between = rf"{_FILL}(?:[:=]|%3[AD]){_FILL}"
        assigned = rf"((?:{names}){between})[A-Za-z0-9_]{{20,}}"
        _built = (known, frozenset(denylist()), re.compile(assigned, re.IGNORECASE))
    return _built


def _dialects(apikeys: Mapping[str, Any] | None) -> list[type[Dialect]]:
    """Return the classes, which say all this themselves: making one of them may need settings."""
    if apikeys is None:
        paths: Mapping[str, str] = conf.get().dialects
    else:
        paths = {**conf.Settings().dialects, **apikeys.get("DIALECTS", {})}
    found = []
    for name, path in paths.items():
        try:
            found.append(import_string(path))
        except Exception as error:  # whatever its module does when it is imported
            raise ImproperlyConfigured(
                f"APIKEYS['DIALECTS'][{name!r}]: {path} can't be imported here ({error}). In a "
                "settings module, its own module must import no models and read no settings."
            ) from error
    return found


def _without_values(event: Any) -> Any:
    if not isinstance(event, dict):
        return event
    kept = {name: item for name, item in event.items() if name not in _VALUES}
    return _without_variables(kept)


def _without_variables(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_variables(item) for k, item in value.items() if k != "vars"}
    if isinstance(value, list):
        return [_without_variables(item) for item in value]
    return value
