"""Addresses of FastCMS, without trailing slashes; include them at `api/v1/`."""

from __future__ import annotations

from django.urls import path

from project.demo.fastcms import content_views as content
from project.demo.fastcms import key_views as keys

# str, not uuid: an address that is no UUID is the same JSON 404 as a missing object.
urlpatterns = [
    path("auth/login", keys.LoginView.as_view()),
    path("api-keys", keys.KeysView.as_view()),
    path("api-keys/revoke-all", keys.RevokeAllKeysView.as_view()),
    path("api-keys/<str:public_id>", keys.KeyView.as_view()),
    path("api-keys/<str:public_id>/rotate", keys.RotateKeyView.as_view()),
    path("collections", content.CollectionViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "collections/<str:name>",
        content.CollectionViewSet.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
    ),
    path(
        "collections/<str:name>/records",
        content.RecordViewSet.as_view({"get": "list", "post": "create"}),
    ),
    path(
        "collections/<str:name>/records/<str:public_id>",
        content.RecordViewSet.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
    ),
    path("files", content.FileViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "files/<str:public_id>",
        content.FileViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
    ),
    path("files/<str:public_id>/content", content.FileViewSet.as_view({"get": "content"})),
]
