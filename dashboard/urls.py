"""URLs of the dashboard. Each area lists its own.

A key that somebody pasted into an address is taken out before any view, log-in included. Each
page is in one language throughout, Django's own texts included.
"""

from __future__ import annotations

from django.urls import URLPattern

from apikeys.addresses import guarded
from apikeys.languages import speaking

from .views import audit, confirm, home, log_in, members, tokens, usage, workspaces

app_name = "apikeys_dashboard"

_patterns = [
    *confirm.urlpatterns,
    *log_in.urlpatterns,
    *home.urlpatterns,
    *tokens.urlpatterns,
    *members.urlpatterns,
    *workspaces.urlpatterns,
    *audit.urlpatterns,
    *usage.urlpatterns,
]


def _in_one_language(pattern: URLPattern) -> URLPattern:
    view = speaking(links=True)(pattern.callback)
    return URLPattern(pattern.pattern, view, pattern.default_args, pattern.name)


urlpatterns = [guarded(_in_one_language(pattern)) for pattern in _patterns]
