"""FreeFileTools as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class FreeFileToolsConfig(AppConfig):
    name = "project.demo.freefiletools"
    label = "freefiletools"
    verbose_name = "FreeFileTools"
