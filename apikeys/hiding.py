"""Keys out of a request's headers before any tool sees them: put it around the whole application.

What copies headers before a view is asked (Sentry, OpenTelemetry, silk, the debug toolbar) copies a
stand-in, which shows no secret; our faces read the key from it. Imports no models, so that
``wsgi.py`` and ``asgi.py`` may import it first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

from apikeys import dialects
from apikeys.credentials.hiding import Keys
from apikeys.recognition import may_be_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from wsgiref.types import StartResponse, WSGIApplication

    from apikeys.dialects import Dialect

__all__ = ["hide_keys_asgi", "hide_keys_wsgi"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_built: tuple[Mapping[str, Dialect], Keys] | None = None


def hide_keys_wsgi(application: WSGIApplication) -> WSGIApplication:
    """Return a WSGI application that hides keys in the environ before another one::

        application = hide_keys_wsgi(get_wsgi_application())

    The headers that dialects have for themselves are hidden whole. ``Authorization`` is where it
    brings what may be a key of any dialect (``apikeys.recognition``), whatever the scheme; a JWT,
    an opaque token or a password of another scheme stays.

    Args:
        application: the application of the site, with all that wraps it.

    Raises:
        ImproperlyConfigured: a dialect can't be loaded.
    """
    _keys()

    def hidden(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        _keys().hide_in(environ)
        return application(environ, start_response)

    return hidden


def hide_keys_asgi(application: App) -> App:
    """Return an ASGI application that hides keys in the scope before another one.

    For HTTP and WebSocket; other scopes, such as ``lifespan``, pass as they are.

    Args:
        application: the application of the site, with all that wraps it.

    Raises:
        ImproperlyConfigured: a dialect can't be loaded.
    """
    _keys()

    async def hidden(scope: Scope, receive: Receive, send: Send) -> None:
        await application(_keys().hidden_in(scope), receive, send)

    return hidden


def _keys() -> Keys:
    global _built
    known = dialects.all_dialects()
    if _built is None or _built[0] is not known:
        every = [carrier for dialect in known.values() for carrier in dialect.carriers]
        _built = (known, Keys(every, may_be_key))
    return _built[1]
