"""Would the tools of others keep secrets or digests, as they are set up?

Only what can be told for certain: a function of the host's own may do what ours do. Imports none of
these tools.
"""

from __future__ import annotations

import ast
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

from apikeys.checks.types import Apps

_PAGE = "docs/secrets-in-other-tools.md"
_WRAPPERS = frozenset({"hide_keys_asgi", "hide_keys_wsgi"})
_TOKEN = "apikeys.accesstoken"  # noqa: S105


@register(Tags.security)
def check_tools(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """Neither silk nor django-easy-audit nor Sentry keeps what is secret."""
    found: list[CheckMessage] = []
    if _silk_keeps_answers():
        hint = f"SILKY_INTERCEPT_FUNC = apikeys.scrubbing.makes_no_secret; see {_PAGE}."
        found.append(Warning("silk keeps every new secret.", hint, id="apikeys.W090"))
    if _easy_audit_keeps_tokens():
        hint = 'DJANGO_EASY_AUDIT_UNREGISTERED_CLASSES_EXTRA = ["apikeys.AccessToken"]'
        text = "django-easy-audit keeps the digests of tokens."
        found.append(Warning(text, hint, id="apikeys.W091"))
    if _sentry_is_sent_everything() and not _hides_keys():
        hint = (
            "Give sentry_sdk.init before_send, before_send_transaction and before_send_log="
            'apikeys.scrubbing.before_send, with trace_lifecycle="stream" before_send_span too; or '
            f"put hide_keys_wsgi or hide_keys_asgi around the application; see {_PAGE}."
        )
        found.append(Warning("Sentry is sent keys.", hint, id="apikeys.W092"))
    return found


def _silk_keeps_answers() -> bool:
    return (
        "silk.middleware.SilkyMiddleware" in settings.MIDDLEWARE
        and getattr(settings, "SILKY_INTERCEPT_FUNC", None) is None
        and getattr(settings, "SILKY_MAX_RESPONSE_BODY_SIZE", -1) != 0
    )


def _easy_audit_keeps_tokens() -> bool:
    if not any(name.partition(".")[0] == "easyaudit" for name in settings.INSTALLED_APPS):
        return False
    if not getattr(settings, "DJANGO_EASY_AUDIT_WATCH_MODEL_EVENTS", True):
        return False
    if only := _labels("REGISTERED_CLASSES"):
        return _TOKEN in only
    return _TOKEN not in _labels("UNREGISTERED_CLASSES_EXTRA") | _labels(
        "UNREGISTERED_CLASSES_DEFAULT"
    )


def _labels(name: str) -> set[str]:
    listed = getattr(settings, f"DJANGO_EASY_AUDIT_{name}", ())
    # The package puts classes into the place of the names.
    return {one.lower() if isinstance(one, str) else one._meta.label_lower for one in listed}


def _sentry_is_sent_everything() -> bool:
    sentry = sys.modules.get("sentry_sdk")
    client = sentry.get_client() if hasattr(sentry, "get_client") else None  # type: ignore[union-attr]
    if client is None or not client.is_active():
        return False
    options = client.options
    hooks = ["before_send"]
    if options.get("traces_sample_rate") or options.get("traces_sampler"):
        # Streamed, spans are sent by themselves and no transaction is.
        streamed = _sentry_option(options, "trace_lifecycle") == "stream"
        hooks.append("before_send_span" if streamed else "before_send_transaction")
    return any(_sentry_option(options, hook) is None for hook in hooks)


def _sentry_option(options: Any, name: str) -> Any:
    """Return an option; what is new in Sentry is first an experiment."""
    found = options.get(name)
    return (options.get("_experiments") or {}).get(name) if found is None else found


def _hides_keys() -> bool:
    """Whether the server's application is wrapped, by the text of its module: importing that would
    make the application."""
    named = [getattr(settings, f"{kind}_APPLICATION", None) or "" for kind in ("WSGI", "ASGI")]
    modules = [name.rpartition(".")[0] for name in named]
    modules.append(f"{modules[0].rpartition('.')[0]}.asgi".lstrip("."))
    return any(_calls(_source(each), _WRAPPERS) for each in modules if each)


def _calls(source: bytes, names: frozenset[str]) -> bool:
    """Whether a module calls a function of one of these names, or decorates something with it."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError):
        return False
    aliases = [each for node in nodes if isinstance(node, ast.ImportFrom) for each in node.names]
    known = names | {each.asname for each in aliases if each.asname and each.name in names}
    called: list[ast.expr] = [node.func for node in nodes if isinstance(node, ast.Call)]
    for node in nodes:
        called += getattr(node, "decorator_list", ())
    return any(_last_name(each) in known for each in called)


def _last_name(expression: ast.expr) -> str:
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""


def _source(module: str) -> bytes:
    try:
        spec = find_spec(module)
        return Path(spec.origin).read_bytes() if spec and spec.origin else b""
    except (ImportError, OSError, ValueError):
        return b""
