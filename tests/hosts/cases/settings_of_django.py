"""Hosts with other settings of Django's for databases, sessions, forms and languages."""

from __future__ import annotations

import re

from tests.hosts import tour
from tests.hosts.host import Host
from tests.hosts.texts import LANGUAGES, ROUTES, urls
from tests.hosts.visit import Visit, same


def _quiet(visit: Visit) -> None:
    same(visit.check(), [], "checks")


def _in_german(visit: Visit) -> None:
    """A page in another language works, and the codes of errors stay the same."""
    client = visit.client(visit.alice)
    answer = client.get("/dashboard/acme/tokens", headers={"Accept-Language": "de"})
    same(answer.status_code, 200, "a page in German")
    refused = visit.get("/notes", headers={"Accept-Language": "de"})
    same(refused.json()["error"], "api_key.missing", "code")


def _atomic(visit: Visit) -> None:
    """A view that fails is rolled back, and its use is counted all the same."""
    from apikeys.activity import usage
    from apikeys.models import UsageCounter

    usage.flush()
    before = sum(row.count for row in UsageCounter.objects.filter(token=visit.token))
    same(visit.get("/fails", visit.key).status_code, 500, "a view that fails")
    usage.flush()
    after = sum(row.count for row in UsageCounter.objects.filter(token=visit.token))
    same(after - before, 1, "counted")
    from django.contrib.auth import get_user_model

    same(get_user_model().objects.filter(username="half").count(), 0, "rows of a failed view")


def _routed(visit: Visit) -> None:
    """All rows are where the router puts them."""
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    call_command("migrate", database="people", verbosity=0)
    visit.set_up()
    for part in (tour.view, tour.errors, tour.pages):
        part(visit)
    from apikeys.models import AccessToken

    same(AccessToken.objects.all().db, "people", "database of tokens")
    tables = connections["default"].introspection.table_names()
    same([each for each in tables if each.startswith("apikeys")], [], "tables beside")
    same([each for each in visit.check() if each.startswith("apikeys.E")], [], "errors")


def _forms_work(visit: Visit) -> None:
    """Forms pass CSRF for real, messages come back, a forged form gets the host's page."""
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(visit.alice)
    page = client.get("/dashboard/acme/members/invite").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token, page[-800:]
    form = {"email": "dave@example.org", "role": "member"}
    forged = client.post("/dashboard/acme/members/invite", form)
    same(forged.status_code, 403, "a forged form")
    assert b"the host's own words" in forged.content, forged.content[:300]
    sent = client.post(
        "/dashboard/acme/members/invite", {**form, "csrfmiddlewaretoken": token[1]}, follow=True
    )
    assert "An invitation is on its way to dave@example.org." in sent.content.decode()


def _no_migrations_are_missing(visit: Visit) -> None:
    from django.core.management import call_command

    call_command("makemigrations", "--check", "--dry-run", "apikeys", verbosity=0)


def _redirected(visit: Visit) -> None:
    """Pages are led to HTTPS by the host; behind it all works."""
    same(visit.client().get("/dashboard/").status_code, 301, "a page over plain HTTP")
    same(visit.get("/notes", visit.key, secure=True).status_code, 200, "over HTTPS")
    client = visit.client(visit.alice)
    same(client.get("/dashboard/acme/tokens", secure=True).status_code, 200, "a page")


def _wrong_clock_is_refused(visit: Visit) -> None:
    """``USE_TZ = False`` is an error of the checks, which says why."""
    import django
    from django.core.checks import run_checks

    django.setup()
    found = [each for each in run_checks() if str(each.id) == "apikeys.E003"]
    same([each.msg for each in found], ["USE_TZ must be True: expiry is a moment."], "E003")


ROUTER = """
class Router:
    def db_for_read(self, model, **hints):
        return "people"

    db_for_write = db_for_read

    def allow_relation(self, *rows, **hints):
        return True

    def allow_migrate(self, db, app_label, **hints):
        return db == "people"
"""
FAILING = urls(
    *ROUTES,
    'path("fails", Fails.as_view())',
    before="""
from django.contrib.auth import get_user_model


class Fails(NotesView):
    def get(self, request):
        get_user_model().objects.create_user("half")
        raise RuntimeError("after a row was written")
""",
)

HOSTS = [
    Host(
        name="LocaleMiddleware",
        settings=LANGUAGES,
        steps=_in_german,
    ),
    Host(
        name="ATOMIC_REQUESTS",
        settings='DATABASES["default"]["ATOMIC_REQUESTS"] = True\n',
        files={"mysite/urls.py": FAILING},
        steps=_atomic,
    ),
    Host(
        name="Two databases and a router",
        settings='DATABASES["people"] = {**DATABASES["default"], "NAME": BASE_DIR / "people"}\n'
        'DATABASE_ROUTERS = ["mysite.router.Router"]\n',
        files={"mysite/router.py": ROUTER},
        runs=False,
        steps=_routed,
    ),
    Host(
        name="Sessions in signed cookies",
        settings='SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"\n'
        'MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"\n',
        steps=_quiet,
    ),
    Host(
        name="Sessions in the cache, CSRF in the session",
        settings='SESSION_ENGINE = "django.contrib.sessions.backends.cache"\n'
        "CSRF_USE_SESSIONS = True\n"
        'CSRF_FAILURE_VIEW = "mysite.failures.csrf"\n'
        'MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"\n',
        files={
            "mysite/failures.py": "from django.http import HttpResponseForbidden\n\n\n"
            'def csrf(request, reason=""):\n'
            '    return HttpResponseForbidden("the host\'s own words")\n'
        },
        steps=_forms_work,
    ),
    Host(
        name="Small keys of rows, and no slashes added",
        settings='DEFAULT_AUTO_FIELD = "django.db.models.AutoField"\nAPPEND_SLASH = False\n',
        steps=_no_migrations_are_missing,
    ),
    Host(
        name="SECURE_SSL_REDIRECT",
        settings='SECURE_SSL_REDIRECT = True\nDEBUG = False\nALLOWED_HOSTS = ["testserver"]\n',
        tour=(),
        steps=_redirected,
    ),
    Host(
        name="USE_TZ = False",
        settings="USE_TZ = False\n",
        runs=False,
        steps=_wrong_clock_is_refused,
    ),
]
