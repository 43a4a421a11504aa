"""Tools.FAST as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class ToolsFastConfig(AppConfig):
    name = "project.demo.tools_fast"
    label = "tools_fast"
    verbose_name = "Tools.FAST"
