"""URLs of the dashboard. Each area lists its own.

A key that somebody pasted into an address is taken out before any view, log-in included.
"""

from __future__ import annotations

from apikeys.addresses import guarded

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
urlpatterns = [guarded(pattern) for pattern in _patterns]
