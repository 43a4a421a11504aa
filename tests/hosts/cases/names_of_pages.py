"""Hosts that have something called ``dashboard``: neither takes the other's place."""

from __future__ import annotations

from pathlib import Path

from tests.hosts.host import Host
from tests.hosts.texts import ACCESS, ADMIN, NOTES, PAGES, urls
from tests.hosts.visit import Visit, same

SECOND_NAME = """
INSTALLED_APPS[INSTALLED_APPS.index("dashboard")] = "apikeys_dashboard"
"""
TEMPLATES = """
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
"""
BEFORE = """
from django.shortcuts import render


def board(request, organization=""):
    return render(request, "board.html")


# The names of addresses that ours have too.
theirs = [path("", board, name="home"), path("<slug:organization>/tokens", board, name="tokens")]
"""
BOARD_ROUTE = 'path("board/", include((theirs, "dashboard")))'
LIBRARY = """
from django import template

register = template.Library()


@register.simple_tag
def mine():
    return "a tag of theirs"
"""
# With the names that our libraries of tags would have without their prefix.
TAGS = ("dashboard", "charts", "labels", "numbers")
BOARD = """{% extends "dashboard/base.html" %}{% load dashboard charts labels numbers %}
{% block content %}{% mine %}{% endblock %}"""


def _app(name: str) -> dict[str, str]:
    """The files of an app with a model, tags, templates and static files of its own."""
    folder = name.replace(".", "/")
    return {
        f"{folder}/__init__.py": "",
        f"{folder}/models.py": "from django.db import models\n\n\n"
        "class Widget(models.Model):\n    title = models.CharField(max_length=20)\n",
        f"{folder}/urls.py": "urlpatterns = []\n",
        f"{folder}/templatetags/__init__.py": "",
        **{f"{folder}/templatetags/{each}.py": LIBRARY for each in TAGS},
        f"{folder}/templates/dashboard/base.html": "THEIRS {% block content %}{% endblock %}",
        f"{folder}/templates/board.html": BOARD,
        f"{folder}/static/dashboard/dashboard.css": "/* theirs */",
    }


def _keeps_its_own(visit: Visit) -> None:
    """Their page is in their frame, ours in ours, each with its own files."""
    from django.apps import apps
    from django.contrib.staticfiles import finders
    from django.urls import reverse

    same(visit.check(), [], f"checks: {visit.messages}")
    alice = visit.client(visit.alice)
    board = alice.get(reverse("dashboard:tokens", args=["acme"])).content.decode()
    same(board.split(), ["THEIRS", "a", "tag", "of", "theirs"], "their page")
    page = alice.get(reverse("apikeys_dashboard:tokens", args=["acme"])).content.decode()
    assert "Access tokens" in page, page[-500:]
    assert "THEIRS" not in page, page[-500:]
    same(reverse("apikeys_dashboard:tokens", args=["acme"]), "/dashboard/acme/tokens", "address")
    folder = apps.get_app_config("apikeys_dashboard").path
    style = finders.find("apikeys_dashboard/dashboard.css")
    same(style, f"{folder}/static/apikeys_dashboard/dashboard.css", "our stylesheet")
    assert "theirs" not in Path(style).read_text()
    assert "theirs" in Path(finders.find("dashboard/dashboard.css")).read_text()


def _host(name: str, package: str, own: str) -> Host:
    first = "" if package == "dashboard" else SECOND_NAME
    installed = f'INSTALLED_APPS += ["{own}"]\n'
    above = {f"{own.partition('.')[0]}/__init__.py": ""} if "." in own else {}
    pages = PAGES.replace("dashboard.urls", f"{package}.urls")
    text = urls(ADMIN, ACCESS, pages, BOARD_ROUTE, NOTES, before=BEFORE)
    return Host(
        name=name,
        settings=f"{first}{installed}",
        files={**above, **_app(own), "mysite/urls.py": text},
        steps=_keeps_its_own,
    )


def _frame_is_changed(visit: Visit) -> None:
    """A frame of theirs of the same path as ours takes its place, and may extend it."""
    page = visit.client(visit.alice).get("/dashboard/acme/tokens").content.decode()
    assert ">Acme Cloud</a>" in page, page[:1500]
    assert "Access tokens · Acme Cloud" in page, page[:1500]


def _frame_is_ours(visit: Visit) -> None:
    page = visit.client(visit.alice).get("/dashboard/acme/tokens").content.decode()
    assert "Access tokens · API keys" in page, page[:1500]


HOSTS = [
    _host("an app called dashboard", "apikeys_dashboard", "dashboard"),
    _host("an app called core.dashboard", "dashboard", "core.dashboard"),
    _host(
        "an app called core.dashboard, ours by the second name",
        "apikeys_dashboard",
        "core.dashboard",
    ),
    Host(
        name="a template dashboard/base.html",
        settings=TEMPLATES,
        files={"templates/dashboard/base.html": "THEIRS{% block content %}{% endblock %}"},
        steps=_frame_is_ours,
    ),
    Host(
        name="a frame of its own for our pages",
        settings=TEMPLATES,
        files={
            "templates/apikeys_dashboard/base.html": '{% extends "apikeys_dashboard/base.html" %}'
            "{% block product %}Acme Cloud{% endblock %}"
            "{% block product_title %}Acme Cloud{% endblock %}"
        },
        steps=_frame_is_changed,
    ),
]
