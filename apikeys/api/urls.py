"""URLs of the management API, without trailing slashes; include them as ``access/``.

Where drf-spectacular is installed, the documentation of all APIs of the project is there too.
"""

from __future__ import annotations

from django.apps import apps
from django.urls import include, path
from rest_framework.routers import SimpleRouter

from apikeys.api.views.activity import AuditEventViewSet, UsageView
from apikeys.api.views.members import InvitationViewSet, MemberViewSet
from apikeys.api.views.organizations import OrganizationViewSet, WorkspaceViewSet
from apikeys.api.views.tokens import TokenSelfView, TokenViewSet

app_name = "apikeys"

_router = SimpleRouter(trailing_slash=False, use_regex_path=False)
_router.register("organizations", OrganizationViewSet, "organization")
_one = "organizations/<slug:organization>"
_router.register(f"{_one}/workspaces", WorkspaceViewSet, "workspace")
_router.register(f"{_one}/tokens", TokenViewSet, "token")
_router.register(f"{_one}/members", MemberViewSet, "member")
_router.register(f"{_one}/invitations", InvitationViewSet, "invitation")
_router.register(f"{_one}/audit-events", AuditEventViewSet, "audit-event")

urlpatterns = [
    path("v1/token", TokenSelfView.as_view(), name="token-self"),
    path(f"v1/{_one}/usage", UsageView.as_view(), name="usage"),
    path("v1/", include(_router.urls)),
]

if apps.is_installed("drf_spectacular") and apps.is_installed("drf_spectacular_sidecar"):
    from apikeys.openapi import views as docs  # needs drf-spectacular, an extra

    urlpatterns += [
        path("v1/docs", docs.index, name="docs"),
        path("v1/docs/<slug:name>", docs.page, name="docs-page"),
        path("v1/schema", docs.schema, name="schema"),
        path("v1/schema/<slug:name>", docs.schema, name="schema-of"),
        path("v1/postman/<slug:name>.json", docs.postman_collection, name="postman"),
    ]
