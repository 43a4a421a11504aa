"""Addresses of FreeFileTools, its page included."""

from __future__ import annotations

from django.urls import path

from project.demo.freefiletools.views import ImageCompressView, compress_page

urlpatterns = [
    path("api/image-compress", ImageCompressView.as_view(), name="freefiletools-compress"),
    path("tools/image-compress", compress_page, name="freefiletools-page"),
]
