"""Keys hidden around the application, and tools as they come; and what the checks say of those."""

from __future__ import annotations

from tests.hosts import canary
from tests.hosts.cases.secrets_in_records import EASY_AUDIT, LOG_KEEPS, LOGGED
from tests.hosts.cases.secrets_in_reports import KEEPS, SENTRY, sent
from tests.hosts.host import Host
from tests.hosts.kept import BLOCKS, host, travel
from tests.hosts.visit import Visit, same

INIT = "\nkeeps.sentry_sdk.init()\n"
# A middleware outside of all others, as nobody has thought of.
NOSY = """
from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware
import logging


@sync_and_async_middleware
def copies(get_response):
    def keep(request):
        headers = getattr(request, "scope", {}).get("headers")
        logging.getLogger("nosy").info("%s %r", {**request.META, **request.headers}, headers)

    if iscoroutinefunction(get_response):

        async def middleware(request):
            keep(request)
            return await get_response(request)

    else:

        def middleware(request):
            keep(request)
            return get_response(request)

    return middleware
"""
MIDDLEWARE = '\nMIDDLEWARE = ["mysite.nosy.copies", *MIDDLEWARE]\n'
AS_THEY_COME = """
INSTALLED_APPS += ["silk"]
MIDDLEWARE = ["silk.middleware.SilkyMiddleware", *MIDDLEWARE]
"""


def _hidden_host(name: str, kind: str) -> Host:
    files = {f"mysite/{kind}.py": BLOCKS[kind], "mysite/keeps.py": KEEPS}
    settings = SENTRY.replace("{more}", "send_default_pii=True,") + INIT
    return host(name, settings, travel(sent, kind=kind), "sentry-sdk", files=files)


def _nosy_host(name: str, kind: str) -> Host:
    files = {
        f"mysite/{kind}.py": BLOCKS[kind],
        "mysite/nosy.py": NOSY,
        "mysite/keeps.py": LOG_KEEPS,
    }
    return host(name, LOGGED + MIDDLEWARE, travel(_lines, kind=kind), files=files)


def _lines(visit: Visit) -> str:
    from mysite import keeps

    text = "\n".join(keeps.heard)
    assert text.count("HTTP_X_DOOR") >= 6, "the middleware has seen too little"
    return text


def _checks_name_them(visit: Visit) -> None:
    found = [each for each in visit.check() if each.startswith("apikeys.W09")]
    same(found, ["apikeys.W090", "apikeys.W091", "apikeys.W092"], "checks")


HOSTS = [
    _hidden_host("keys hidden, Sentry as it comes", "wsgi"),
    _hidden_host("keys hidden under ASGI, Sentry as it comes", "asgi"),
    _nosy_host("keys hidden, a middleware that keeps headers", "wsgi"),
    _nosy_host("keys hidden under ASGI, a middleware that keeps headers", "asgi"),
    host(
        "silk, django-easy-audit and Sentry as they come",
        EASY_AUDIT + AS_THEY_COME + SENTRY.replace("{more}", "send_default_pii=True,") + INIT,
        _checks_name_them,
        "django-silk",
        "django-easy-audit",
        "sentry-sdk",
        files={"mysite/keeps.py": KEEPS, "mysite/urls.py": canary.URLS},
    ),
]
