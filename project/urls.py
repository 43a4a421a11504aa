"""Addresses of the project: its pages, the dashboard, the management API and the demo APIs."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from project.accounts.forms import AdminLogInForm
from project.accounts.views import admin_log_in
from project.views import favicon, start

handler400 = "project.demo.errors.bad_request"
handler403 = "project.demo.errors.permission_denied"
handler404 = "project.demo.errors.page_not_found"
handler500 = "project.demo.errors.server_error"

admin.site.login_form = AdminLogInForm

urlpatterns = [
    path("", start, name="start"),
    path("favicon.ico", favicon),
    path("accounts/", include("project.accounts.urls")),
    path("admin/login/", admin_log_in),
    path("admin/", admin.site.urls),
    path("dashboard/", include("dashboard.urls")),
    path("access/", include("apikeys.api.urls")),
    path("api/demo/", include("project.demo.notes.urls")),
    path("", include("project.demo.tools_fast.urls")),
    path("", include("project.demo.freefiletools.urls")),
    path("", include("project.demo.fastpix.urls")),
    path("api/v1/", include("project.demo.fastcms.urls")),
    path("", include("project.demo.fastly.urls")),
]
