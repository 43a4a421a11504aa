"""Python that several host projects have, and what a page of the documentation has of it.

Text alone: no Django, no library.
"""

from __future__ import annotations

import re

from tests.hosts.host import ROOT

API = 'include("apikeys.api.urls")'
ADMIN = 'path("admin/", admin.site.urls)'
ACCESS = f'path("access/", {API})'
PAGES = 'path("dashboard/", include("dashboard.urls"))'
NOTES = 'path("notes", NotesView.as_view())'
# The routes of the README.
ROUTES = (ADMIN, ACCESS, PAGES, NOTES)

# drf-spectacular: what it is to settings, and to pip.
DOCUMENTED = 'INSTALLED_APPS += ["drf_spectacular", "drf_spectacular_sidecar"]\n'
SPECTACULAR = ("drf-spectacular", "drf-spectacular-sidecar")
SIGNED = 'SIMPLE_JWT = {"SIGNING_KEY": "0123456789abcdef" * 4}\n'
LANGUAGES = 'MIDDLEWARE.insert(2, "django.middleware.locale.LocaleMiddleware")\n'


def urls(*routes: str, before: str = "") -> str:
    """Return a mysite/urls.py of these routes, after imports and views of the host's own."""
    return (
        "from django.contrib import admin\n"
        "from django.urls import include, path\n\n"
        "from mysite.notes import NotesView\n"
        f"{before}\n\nurlpatterns = [{', '.join(routes)}]\n"
    )


def blocks(page: str, mark: str = "file") -> list[tuple[str, str]]:
    """Return the marked blocks of Python of a page, in their order, each with its name.

    Args:
        page: path from the root, as in "docs/drf.md".
        mark: what stands before the name, as in ```` ```python file=mysite/urls.py````.
    """
    text = (ROOT / page).read_text()
    found = re.findall(rf"^```python {mark}=(\S+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise ValueError(f"{page} has no block of Python marked with {mark}=.")
    return found
