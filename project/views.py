"""The start page, and addresses that browsers ask for by themselves."""

from __future__ import annotations

from typing import Any

from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apikeys import dialects, urlconfs
from apikeys.dialects import Dialect
from project.demo import introductions
from project.demo.introductions import Introduction


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Introduce the systems of this server, each with its own examples for this very address."""
    host = request.build_absolute_uri(urlconfs.script_prefix() or "/").rstrip("/")
    spoken = dialects.all_dialects()
    systems = [
        _system(system, spoken[system.dialect], host)
        for system in introductions.INTRODUCTIONS
        if system.dialect in spoken
    ]
    return render(request, "start.html", {"systems": systems})


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Lead to the icon; pages that are not ours, such as Django's admin, name none."""
    return redirect(staticfiles_storage.url("apikeys_dashboard/icon.svg"))


def _system(system: Introduction, dialect: Dialect, host: str) -> dict[str, Any]:
    headers = [introductions.header_of(dialect, name) for name in ("production", "development")]
    return {
        "name": system.dialect,
        "title": dialect.title,
        "summary": _(system.summary),
        "keys": _(system.keys),
        "pages": [(name, _(title)) for name, title in system.pages],
        "headers": list(dict.fromkeys(headers)),
        "examples": [
            {
                "title": _(example.title),
                "snippets": introductions.snippets(system, example, host=host),
            }
            for example in system.examples
        ],
    }
