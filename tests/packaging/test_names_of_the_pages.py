"""The pages beside a project's own ``dashboard``: neither takes the other's place.

Each project is a folder of its own, served by a process of its own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.once]

SETTINGS = """
SECRET_KEY = "x" * 60
DEBUG = True
USE_TZ = True
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "django.contrib.messages", "django.contrib.staticfiles", "rest_framework", "django_filters",
] + {apps!r}
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "apikeys.middleware.AccessTokenMiddleware",
]
TEMPLATES = [{{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "DIRS": ["templates"],
    "APP_DIRS": True,
    "OPTIONS": {{"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]}},
}}]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "host_urls"
STATIC_URL = "static/"
REST_FRAMEWORK = {{"EXCEPTION_HANDLER": "apikeys.exceptions.exception_handler"}}
APIKEYS = {{"SCOPES": {{"notes:read": "Read notes"}}, "REQUIRE_HTTPS": False}}
"""
URLS = """
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import include, path

import apikeys.api.urls

def board(request, organization=""):
    return render(request, "board.html")

theirs = [path("", board, name="home"), path("<slug:organization>/tokens", board, name="tokens")]
urlpatterns = [
    path("access/", include("apikeys.api.urls")),
    path("login/", board, name="login"),
    path("board/", include((theirs, "dashboard"))),
    {line}
]
"""
# Checks, migrations, and the pages of both as alice sees them.
VISIT = """
import io, json
import django
django.setup()
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

said = io.StringIO()
call_command("check", stdout=said, stderr=said)
call_command("migrate", verbosity=0)
call_command("makemigrations", "--check", verbosity=0)
from apikeys.services.actors import Actor
from apikeys.services.organizations import create_organization
alice = get_user_model().objects.create_user("alice", "alice@example.org", "a passphrase of hers")
create_organization(actor=Actor.system("test"), name="Acme", admin=alice)
client = Client()
client.force_login(alice)
paths = [reverse("apikeys_dashboard:tokens", args=["acme"])]
paths += [f"/keys/acme/{name}" for name in ("tokens/new", "usage", "audit", "members")]
pages = {path: client.get(path) for path in paths}
board = client.get(reverse("dashboard:tokens", args=["acme"]))
print(json.dumps({
    "said": said.getvalue(),
    "name": apps.get_app_config("apikeys_dashboard").name,
    "folder": apps.get_app_config("apikeys_dashboard").path,
    "statuses": sorted({page.status_code for page in pages.values()}),
    "framed": all("Acme" in page.text and "THEIRS" not in page.text for page in pages.values()),
    "style": finders.find("apikeys_dashboard/dashboard.css"),
    "board": board.text.strip(),
}))
"""
OWN_APP = {
    "__init__.py": "",
    "apps.py": """
        from django.apps import AppConfig

        class OwnConfig(AppConfig):
            name = "{name}"
        """,
    "models.py": """
        from django.db import models

        class Widget(models.Model):
            title = models.CharField(max_length=20)
        """,
    "migrations/__init__.py": "",
    "migrations/0001_initial.py": """
        from django.db import migrations, models

        class Migration(migrations.Migration):
            operations = [migrations.CreateModel("Widget", [
                ("id", models.BigAutoField(primary_key=True, serialize=False, auto_created=True,
                                           verbose_name="ID")),
                ("title", models.CharField(max_length=20)),
            ])]
        """,
    "urls.py": "urlpatterns = []",
    "views.py": "raise RuntimeError('nobody asked for these')",
    "templatetags/__init__.py": "",
    **{
        f"templatetags/{library}.py": """
            from django import template
            register = template.Library()

            @register.simple_tag
            def mine():
                return "tag of theirs"
            """
        for library in ("dashboard", "labels", "charts", "numbers")
    },
    "templates/dashboard/base.html": "THEIRS {% block content %}{% endblock %}",
    "static/dashboard/dashboard.css": "/* theirs */",
}
PLAIN_BOARD = {"templates/board.html": "THEIRS"}
TAGGED_BOARD = {
    "templates/board.html": "{% extends 'dashboard/base.html' %}{% load dashboard labels charts "
    "numbers %}{% block content %}{% mine %}{% endblock %}"
}
OWN_PACKAGE = {"dashboard/__init__.py": "", "dashboard/urls.py": "urlpatterns = []", **PLAIN_BOARD}


def app(folder: str, name: str) -> dict[str, str]:
    return {f"{folder}/{file}": text.replace("{name}", name) for file, text in OWN_APP.items()}


def make(folder: Path, files: dict[str, str], apps: list[str], line: str) -> None:
    """Write a project; `line` is the pages' own in its URLconf."""
    files = {
        "host_settings.py": SETTINGS.format(apps=apps),
        "host_urls.py": URLS.replace("{line}", line),
        **files,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))


def run(folder: Path, *arguments: str, library: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run Python in a project, whose own modules come before those of the library."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{folder}:{library}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "DJANGO_SETTINGS_MODULE": "host_settings",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def pages(package: str) -> str:
    return f'path("keys/", include("{package}.urls"))'


# More of them are in tests/hosts/cases/names_of_pages.py.
PROJECTS = {
    "nothing of that name": ("apikeys_dashboard", PLAIN_BOARD, []),
    "an app of its own": (
        "apikeys_dashboard",
        {**app("dashboard", "dashboard"), **TAGGED_BOARD},
        ["dashboard.apps.OwnConfig"],
    ),
    "a package of its own that is no app": ("apikeys_dashboard", OWN_PACKAGE, []),
}


@pytest.mark.parametrize("named", PROJECTS)
def test_a_project_keeps_what_it_calls_dashboard_and_has_the_pages(tmp_path, named):
    package, files, apps = PROJECTS[named]
    make(tmp_path, files, [*apps, "apikeys", package], pages(package))
    done = run(tmp_path, "-W", "error", "-c", VISIT)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert "no issues" in seen.pop("said")
    board = "THEIRS tag of theirs" if files.keys() >= TAGGED_BOARD.keys() and apps else "THEIRS"
    assert seen == {
        "name": package,
        "folder": str(ROOT / "dashboard"),
        "statuses": [200],
        "framed": True,
        "style": str(ROOT / "dashboard/static/apikeys_dashboard/dashboard.css"),
        "board": board,
    }


def test_a_page_of_ours_is_changed_on_purpose_alone(tmp_path):
    documented = (ROOT / "docs" / "dashboard.md").read_text()
    [frame] = re.findall(r"```django\n(.*?)```", documented, re.DOTALL)
    own = {"templates/apikeys_dashboard/base.html": frame.replace("Acme Cloud", "THEIRS")}
    make(tmp_path, {**PLAIN_BOARD, **own}, ["apikeys", "dashboard"], pages("dashboard"))
    seen = json.loads(run(tmp_path, "-c", VISIT).stdout)
    assert (seen["statuses"], seen["framed"]) == ([200], False)


SAID = {
    "apikeys.E100": (
        ["apikeys"],
        pages("apikeys_dashboard"),
        'INSTALLED_APPS += ["apikeys_dashboard"]',
    ),
    "apikeys.E101": (
        ["apikeys", "apikeys_dashboard"],
        pages("dashboard"),
        'path("dashboard/", include("apikeys_dashboard.urls"))',
    ),
    "apikeys.W100": (
        ["apikeys", "dashboard"],
        "",
        'path("dashboard/", include("dashboard.urls"))',
    ),
}


@pytest.mark.parametrize("said", SAID)
def test_a_check_says_which_line_is_missing(tmp_path, said):
    apps, line, words = SAID[said]
    make(tmp_path, PLAIN_BOARD, apps, line)
    done = run(tmp_path, "-m", "django", "check")
    assert (done.returncode == 0) is ("W" in said)
    assert f"({said})" in done.stderr
    assert words in done.stderr


def test_a_check_says_that_the_name_led_to_another_package(tmp_path):
    make(tmp_path, OWN_PACKAGE, ["apikeys", "dashboard"], pages("dashboard"))
    done = run(tmp_path, "-m", "django", "check")
    assert "(apikeys.W101)" in done.stderr
    assert f'"dashboard" is {tmp_path / "dashboard"}, not the pages of apikeys' in done.stderr
    assert 'include("apikeys_dashboard.urls")' in done.stderr


def test_a_project_that_wants_no_pages_may_have_a_dashboard_of_its_own(tmp_path):
    make(tmp_path, OWN_PACKAGE, ["dashboard", "apikeys"], pages("dashboard"))
    done = run(tmp_path, "-m", "django", "check")
    assert (done.returncode, done.stderr) == (0, "")
