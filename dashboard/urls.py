"""URLs of the dashboard; include them as ``dashboard/``. Each area lists its own."""

from __future__ import annotations

from dashboard.views import audit, home, members, tokens, usage, workspaces

app_name = "dashboard"

urlpatterns = [
    *home.urlpatterns,
    *tokens.urlpatterns,
    *members.urlpatterns,
    *workspaces.urlpatterns,
    *audit.urlpatterns,
    *usage.urlpatterns,
]
