"""Addresses of the notes API, without trailing slashes."""

from __future__ import annotations

from django.urls import path

from project.demo.notes.views import NoteViewSet, WhoAmIView

urlpatterns = [
    path("notes", NoteViewSet.as_view({"get": "list", "post": "create"}), name="notes"),
    # str, not uuid: an address that is no UUID is the same JSON 404 as a missing note.
    path(
        "notes/<str:public_id>",
        NoteViewSet.as_view(
            {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
        ),
        name="note",
    ),
    path("whoami", WhoAmIView.as_view(), name="whoami"),
]
