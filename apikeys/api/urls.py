"""URLs of the management API, without trailing slashes; include them as ``access/``."""

from __future__ import annotations

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
