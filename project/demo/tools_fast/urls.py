"""Addresses of Tools.FAST."""

from __future__ import annotations

from django.urls import path

from project.demo.tools_fast.views import ConversionsView, ConvertView, EntitlementsView

urlpatterns = [
    path("convert", ConvertView.as_view(), name="tools-fast-convert"),
    path("convert/conversions", ConversionsView.as_view(), name="tools-fast-conversions"),
    path("entitlements/me", EntitlementsView.as_view(), name="tools-fast-entitlements"),
]
