"""Access tokens: list, generate, one token, rotate, revoke."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
