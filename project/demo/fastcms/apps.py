"""FastCMS as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class FastCMSConfig(AppConfig):
    name = "project.demo.fastcms"
    label = "fastcms"
    verbose_name = "FastCMS"

    def ready(self) -> None:
        from project.demo.fastcms import schema  # noqa: F401  # registers itself
