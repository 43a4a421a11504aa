"""What Django's own mails and pages, and files of exports, show of keys."""

from __future__ import annotations

from typing import Any

from tests.hosts import canary
from tests.hosts.kept import BLOCKS, host, server, travel
from tests.hosts.visit import Visit, same

# Django's own ------------------------------------------------------------------------------------

MAILS = """
ADMINS = [("Admin", "admin@example.com")]
LOGGING["handlers"]["mail"] = {
    "class": "django.utils.log.AdminEmailHandler", "include_html": True, "level": "ERROR",
}
LOGGING["root"] = {"handlers": ["mail"], "level": "ERROR"}
"""


def _mails(visit: Visit) -> str:
    from django.core import mail

    return "".join(
        message.subject + message.body + "".join(part[0] for part in message.alternatives)
        for message in mail.outbox
    )


def _debug_pages(visit: Visit) -> None:
    """The technical pages under DEBUG show no secret."""
    pages: list[str] = []
    secrets = canary.Secrets(visit)
    ask = server(visit, "wsgi")

    def look(*asked: Any) -> canary.Answer:
        answer = ask(*asked)
        if answer.status in (404, 500):
            pages.append(answer.body.decode())
        return answer

    secrets.travel(look)
    same(len(pages), 12, "technical pages")
    same(secrets.in_("".join(pages)), set(), "secrets on technical pages")


# Files -------------------------------------------------------------------------------------------

EXPORT_ADMIN = """
from django.contrib import admin
from import_export.admin import ExportMixin, ImportExportModelAdmin

from apikeys.admin import AccessTokenAdmin
from apikeys.models import AccessToken

admin.site.unregister(AccessToken)


@admin.register(AccessToken)
class ExportedTokens(ImportExportModelAdmin, AccessTokenAdmin):
    pass
"""


def _exports(visit: Visit) -> None:
    """Every format of an export is without digests; reading one back changes no token."""
    import tablib
    from import_export.formats.base_formats import DEFAULT_FORMATS
    from import_export.resources import modelresource_factory

    from apikeys.models import AccessToken
    from apikeys.services.actors import Actor
    from apikeys.services.tokens import rotate_token

    secrets = canary.Secrets(visit)
    from datetime import timedelta

    rotate_token(
        actor=Actor.person(visit.alice), token=secrets.notes.token, overlap=timedelta(hours=1)
    )
    digests = secrets.digests()
    same(len(digests), 5, "digests")
    tokens = AccessToken.objects.all()
    data = modelresource_factory(AccessToken)().export(tokens)
    for form in DEFAULT_FORMATS:
        if not form.is_available() or form.__name__ == "YAML":
            continue  # PyYAML takes no subclass of str: the page says what to exclude
        text = form().export_data(data)
        text = text.decode("latin-1") if isinstance(text, bytes) else text
        assert not [one for one in digests if one[:16] in text], form
    assert '"digest": "***"' in data.get_json(), data.get_json()[:500]
    browser = visit.client(visit.superuser())
    form = {"format": "0", "resource": "0"} | {
        f"{name}": "on" for name in ("accesstokenresource_digest", "accesstokenresource_token_id")
    }
    answer = browser.post("/admin/apikeys/accesstoken/export/", form)
    same(answer.status_code, 200, answer.content[:500].decode())
    assert visit.token.token_id in answer.content.decode(), answer.content[:500]
    assert not [one for one in digests if one[:16] in answer.content.decode()]
    file = tablib.Dataset().load(data.export("csv"), "csv")
    result = modelresource_factory(AccessToken)().import_data(file, raise_errors=False)
    assert result.has_errors(), "a file without digests was read back"
    same(secrets.digests(), digests, "digests after an import")


HOSTS = [
    host(
        "mails to ADMINS",
        MAILS,
        travel(_mails, expects="this view fails"),
        files={"mysite/wsgi.py": BLOCKS["wsgi"]},
    ),
    host(
        "technical pages of DEBUG",
        "DEBUG = True\n",
        _debug_pages,
        files={"mysite/wsgi.py": BLOCKS["wsgi"]},
    ),
    host(
        "django-import-export",
        'INSTALLED_APPS += ["import_export"]\nROOT_URLCONF = "mysite.exported"\n',
        _exports,
        "django-import-export",
        files={"mysite/exported.py": EXPORT_ADMIN + "from mysite.urls import urlpatterns\n"},
    ),
]
