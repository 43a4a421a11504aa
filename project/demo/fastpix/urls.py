"""Addresses of FastPix."""

from __future__ import annotations

from django.urls import path

from project.demo.fastpix.views import MediaDetailView, MediaListView

urlpatterns = [
    path("on-demand", MediaListView.as_view(), name="fastpix-media-list"),
    # str, not uuid: an address that is no UUID is the same 404 as a missing record.
    path("on-demand/<str:public_id>", MediaDetailView.as_view(), name="fastpix-media"),
]
