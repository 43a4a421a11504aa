"""URLs of the dashboard; include them as ``dashboard/``. Each area lists its own."""

from __future__ import annotations

from dashboard.views import audit, confirm, home, members, tokens, usage, workspaces

app_name = "dashboard"

urlpatterns = [
    *confirm.urlpatterns,
    *home.urlpatterns,
    *tokens.urlpatterns,
    *members.urlpatterns,
    *workspaces.urlpatterns,
    *audit.urlpatterns,
    *usage.urlpatterns,
]
