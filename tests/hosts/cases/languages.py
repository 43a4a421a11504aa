"""Hosts that do not speak English: with nobody's translation of our texts, and with their own."""

from __future__ import annotations

import json
from typing import Any

from tests.hosts.host import Host
from tests.hosts.visit import Visit, same

LAZY = """
from django.utils.translation import gettext_lazy as _

MIDDLEWARE.insert(MIDDLEWARE.index("django.middleware.common.CommonMiddleware"),
                  "django.middleware.locale.LocaleMiddleware")
APIKEYS["SCOPES"] = {"notes:read": _("View"), "notes:write": _("Change")}  # Django translates both
"""
GERMAN = LAZY + 'LANGUAGE_CODE = "de"\nTIME_ZONE = "Asia/Kathmandu"\n'
OURS = """
from tests.support.catalogues import write_catalogue

LOCALE_PATHS = [write_catalogue(BASE_DIR / "locale", "de", {
    "code of the language of these texts\\x04en": "de",
    "An API key is required.": "Ein API-Schlüssel ist nötig.",
    "HTTP status\\x04Unauthorized": "Nicht angemeldet",
    "HTTP status\\x04Bad Request": "Fehlerhafte Anfrage",
    "There is no such field. Known: %(fields)s.": "Dieses Feld gibt es nicht. Bekannt: %(fields)s.",
})]
"""


def _manage(visit: Visit, body: Any, language: str) -> dict[str, Any]:
    """Send the management API a token that can't be made; return the answer."""
    from django.utils import timezone

    from apikeys import reauthentication

    client = visit.client(visit.alice)
    session = client.session
    session[reauthentication.SESSION_KEY] = timezone.now().timestamp()
    session.save()
    response = client.post(
        "/access/v1/organizations/acme/tokens",
        json.dumps(body),
        "application/json",
        headers={"Accept-Language": language},
    )
    same(response.status_code, 400, repr(response.content[:500]))
    told: dict[str, Any] = response.json()
    return {**told, "language": response.headers["Content-Language"]}


def _is_english(visit: Visit) -> None:
    """Every answer of ours is English throughout, whatever DRF would say, and says so."""
    required = "This field is required."
    told = _manage(visit, {}, "de")
    same(told["fields"], dict.fromkeys(("workspace", "name", "scopes"), required), "fields")
    same(told["language"], "en", "the language of the answer")
    for language in ("de", "ar", "en"):
        response = visit.get("/notes", headers={"Accept-Language": language})
        same(response.json()["detail"], "An API key is required.", language)
        same(response.headers["Content-Language"], "en", language)
        asked = {"Accept-Language": language}
        told = visit.get("/notes", visit.key, method="put", headers=asked).json()
        same((told["title"], told["status"]), ("Method Not Allowed", 405), language)
        same(told["detail"], 'Method "PUT" not allowed.', language)


def _scopes_are_told(visit: Visit) -> None:
    """Lazy descriptions are settings like others: copied, pickled, told on pages."""
    import copy
    import pickle

    from django.utils import translation

    from apikeys import conf, dialects

    same(visit.check(), [], f"checks: {visit.messages}")
    for settings in (conf.get(), copy.deepcopy(conf.get()), pickle.loads(pickle.dumps(conf.get()))):
        for language, said in (("de", "Ansehen"), ("fr", "Afficher"), ("en", "View")):
            with translation.override(language):
                same(str(settings.scopes["notes:read"]), said, language)
    same(sorted(dialects.get("default").scopes), ["notes:read", "notes:write"], "names")


def _german(visit: Visit) -> None:
    _is_english(visit)
    _scopes_are_told(visit)


def _of_the_host(visit: Visit) -> None:
    """German where the host has our texts in it, and DRF's words German with them."""
    told = _manage(visit, {"nmae": "x"}, "de")
    known = "workspace, name, description, kind, scopes, allowed_networks, expires_at"
    same(told["fields"], {"nmae": f"Dieses Feld gibt es nicht. Bekannt: {known}."}, "a field")
    same((told["title"], told["language"]), ("Fehlerhafte Anfrage", "de"), "title, language")
    told = _manage(visit, {}, "de")
    same(told["fields"]["name"], "Dieses Feld ist zwingend erforderlich.", "DRF's words")
    for language, title, detail in (
        ("de", "Nicht angemeldet", "Ein API-Schlüssel ist nötig."),
        ("en", "Unauthorized", "An API key is required."),
        ("fr", "Nicht angemeldet", "Ein API-Schlüssel ist nötig."),  # the default language has it
    ):
        response = visit.get("/notes", headers={"Accept-Language": language})
        same((response.json()["title"], response.json()["detail"]), (title, detail), language)


HOSTS = [
    Host(name="German, with nobody's translation of our texts", settings=GERMAN, steps=_german),
    Host(
        name="Arabic, with nobody's translation of our texts",
        settings=LAZY + 'LANGUAGE_CODE = "ar"\n',
        steps=_is_english,
    ),
    Host(
        name="German, with the host's translation of our texts",
        settings=GERMAN + OURS,
        steps=_of_the_host,
    ),
    Host(
        name="no internationalization",
        settings='USE_I18N = False\nLANGUAGE_CODE = "de"\n',
    ),
]
